/* A host in the hand of a test: the core's function table without threads, queues that the test fills, looks at and empties, and a
 * clock that stands still until the test advances it. Nothing sleeps, nothing is left to chance.
 *
 *   g_autoptr(fake_core) core = fake_core_new(NULL);
 *   module *metamanager = fake_core_start(core, NULL);
 *   fake_core_push(core, fake_message(.source = "edged", .operation = "update", .resource = "default/pod/a", .raw = "{}"));
 *   fake_core_run(core, metamanager);
 *   g_autoptr(GPtrArray) sent = fake_core_take(core, "websocket");
 *   check_str_eq(message_read(fake_sent_at(sent, 0)->message)->operation, "update");
 *   fake_core_end(core, metamanager);
 *
 * There are the modules edged, edgemesh, edgefunction and websocket (the group hub), each with a queue of FAKE_CAPACITY, and the
 * module's own, by its name metaManager. One thread only. */
#ifndef TESTS_FAKE_CORE_H
#define TESTS_FAKE_CORE_H

#include "message.h"
#include "module.h"

#include <edgecore/plugin.h>
#include <glib.h>

#define FAKE_CAPACITY 1024
/* Whom send_resp answers, as a "module" of its own whose queue is never full. */
#define FAKE_CALLERS "(callers)"
/* The module under test, and its inbox. */
#define FAKE_SELF "metaManager"

typedef struct fake_core fake_core;

/* ---------------------------------------------------------------------------------------------------------------- life */

/* A core whose `database.source` is the path. NULL: a new "edge.db" in the test's directory, made by fake_database. */
fake_core *fake_core_new(const char *database);
/* Gives back all messages. The module must be freed first. */
void fake_core_free(fake_core *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fake_core, fake_core_free)

/* What a plugin gets. */
const struct edgecore_core *fake_core_table(fake_core *self);
/* The path of `database.source`. */
const char *fake_core_database(const fake_core *self);

/* Makes the file with the tables that the plugin registers, or grows those that are there. Aborts when it cannot. */
void fake_database(const char *path);

/* Makes a module on this core and starts it. Aborts, with the error's text, when that fails. */
module *fake_core_start(fake_core *self, const struct edgecore_state *state) G_GNUC_WARN_UNUSED_RESULT;
/* Stops it for good and frees it. */
void fake_core_end(fake_core *self, module *metamanager);
/* Runs the module until there is nothing left to do at this time. Aborts when it never rests. */
void fake_core_run(fake_core *self, module *metamanager);
/* Lets time pass, from one thing that is due to the next, the time-outs of requests included, and runs the module at each. */
void fake_core_run_for(fake_core *self, module *metamanager, gint64 microseconds);

/* ----------------------------------------------------------------------------------------------------- configuration */

/* true and false become BOOLEAN, digits INTEGER, all else STRING; `origin` is "test.yaml:1". NULL: not set. The module reads the
 * configuration when it is made. */
void fake_core_set(fake_core *self, const char *key, const char *text);

/* ------------------------------------------------------------------------------------------------------------- messages */

/* What a message is made of; what is not given is empty. `raw` and `json` are the content; size 0: up to the NUL. */
struct fake_text {
  const char *id;
  const char *parent;
  const char *source;
  const char *group; /* "resource" when NULL */
  const char *operation;
  const char *resource;
  const char *raw;
  const char *json;
  gsize size;
  gboolean sync;
};
struct edgecore_message *fake_message_new(const struct fake_text *text) G_GNUC_WARN_UNUSED_RESULT;
#define fake_message(...) fake_message_new(&(struct fake_text){__VA_ARGS__})
/* The content as text, the caller owns it; "" for none. */
char *fake_content(const struct edgecore_message *message) G_GNUC_WARN_UNUSED_RESULT;

/* Puts a message into the module's inbox, whatever its capacity. Takes over the reference. */
void fake_core_push(fake_core *self, struct edgecore_message *message);
/* The same for an outcome. Takes over both references; `reply` is NULL unless `outcome` is EDGECORE_OK. */
void fake_core_push_outcome(fake_core *self, int32_t outcome, struct edgecore_message *reply,
                            struct edgecore_message *context);
guint fake_core_inbox_length(const fake_core *self);

/* --------------------------------------------------------------------------------------------------------------- sent */

/* One thing that the module sent. */
struct fake_sent {
  const char *to;                   /* the module's name, or FAKE_CALLERS */
  struct edgecore_message *message; /* a reference */
  struct edgecore_message *context; /* send_sync only; a reference */
  guint64 timeout_ms;               /* the same */
  guint64 number;                   /* 1, 2, 3, ... over all queues */
  gint64 time;                      /* of the clock */
};

/* Empties the queue and returns what was in it: an array of struct fake_sent, oldest first, that frees them. */
GPtrArray *fake_core_take(fake_core *self, const char *module) G_GNUC_WARN_UNUSED_RESULT;
/* Takes only the first `count` at most: a slow neighbour. */
GPtrArray *fake_core_take_some(fake_core *self, const char *module, guint count) G_GNUC_WARN_UNUSED_RESULT;
struct fake_sent *fake_sent_at(const GPtrArray *sent, guint index);
/* How many wait in the queue. */
guint fake_core_queued(const fake_core *self, const char *module);
/* The longest that it ever was. */
guint fake_core_longest(const fake_core *self, const char *module);

/* How many messages the queue takes before send says EDGECORE_AGAIN; FAKE_SELF is the inbox. */
void fake_core_set_capacity(fake_core *self, const char *module, guint capacity);
/* FALSE: there is no such module: EDGECORE_NOT_FOUND. For FAKE_CALLERS: nobody waits any more. */
void fake_core_set_present(fake_core *self, const char *module, gboolean is_present);

/* Ends the request `message`, which was sent with send_sync: its outcome goes into the inbox. FALSE when it has ended already, as a
 * late reply finds it. `reply` is taken over. */
gboolean fake_core_complete(fake_core *self, const struct edgecore_message *message, int32_t outcome,
                            struct edgecore_message *reply);
/* A reply to a request, from its receiver: operation "response", the raw content given. */
struct edgecore_message *fake_reply(const struct edgecore_message *request, const char *source,
                                    const char *raw) G_GNUC_WARN_UNUSED_RESULT;
/* Requests that have not ended. */
guint fake_core_requests(const fake_core *self);

/* ----------------------------------------------------------------------------------------------- clock, faults, traces */

/* Microseconds; starts at an hour. */
gint64 fake_core_now(const fake_core *self);
/* Moves the clock, and nothing else: requests do not time out, the module does not run. */
void fake_core_advance(fake_core *self, gint64 microseconds);

/* Called at the beginning of each "message_new", "send" (all ways but send_sync), and "send_sync"; another code than EDGECORE_OK
 * is what the call fails with. NULL: no faults. */
typedef int32_t fake_fault_fn(const char *call, void *data);
void fake_core_set_fault(fake_core *self, fake_fault_fn *fault, void *data);
/* The n-th such call from now on (1: the next one; of any kind when `call` is NULL) fails with the code, once. */
void fake_core_fail_nth(fake_core *self, const char *call, guint n, int32_t code);
/* How many such calls were made. */
guint fake_core_calls(const fake_core *self);

/* What the module last told set_held. */
guint64 fake_core_held(const fake_core *self);
/* All that was logged, one "LEVEL text" a line, as "warning cannot ...". A line with content in it fails the test (secret.h). */
const char *fake_core_log(const fake_core *self);
void fake_core_clear_log(fake_core *self);

#endif
