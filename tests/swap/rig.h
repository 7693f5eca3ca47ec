/* A host with the plugin in it that is swapped: what the modules around it got, what the log says, and doors that hold everything up just
 * where a test wants to swap. */
#ifndef TESTS_SWAP_RIG_H
#define TESTS_SWAP_RIG_H

#include "fixture.h"
#include "host.h"
#include "secret.h"

#define CURRENT TESTS_BUILD_DIR "/plugin/metamanager.so"
#define VARIANT(name) TESTS_BUILD_DIR "/tests/swap/metamanager-" name ".so"
#define VERSION_1_0 TESTS_BUILD_DIR "/tests/abi/plugin-v1.0.so"

/* The content that the modules answer a request of this resource with. */
#define RIG_ANSWER(resource) "{\"answer to\":\"" resource "\",\"secret\":\"" SECRET "\"}"

typedef struct rig rig;

enum rig_module { RIG_EDGED, RIG_EDGEMESH, RIG_HUB, RIG_EDGEFUNCTION, RIG_MODULES };

/* A message to metaManager. What is NULL is left out. */
struct rig_message {
  const char *id;
  const char *source;
  const char *operation;
  const char *resource;
  const char *content; /* JSON */
};

/* The current version is loaded, on a database in the test's directory. stop and stuck: the host's two deadlines in milliseconds, 0 for
 * its own. */
rig *rig_new(guint queue_capacity, guint stop_timeout_ms, guint stuck_timeout_ms);
/* The same with nothing loaded. */
rig *rig_new_empty(guint queue_capacity, guint stop_timeout_ms, guint stuck_timeout_ms);
/* Opens all doors, stops the host, and checks that nothing is left: no message, no file of the database, no queued thing. */
void rig_free(rig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rig, rig_free)
host *rig_host(rig *self);
const char *rig_database(const rig *self);
config *rig_configuration(rig *self);

/* Swaps, which must work, to a version whose name begins so. */
void rig_swap(rig *self, const char *file, const char *version);
/* Swaps, which must not work; the error, which the caller owns. */
char *rig_swap_fails(rig *self, const char *file) G_GNUC_WARN_UNUSED_RESULT;
/* The same on a thread of its own. */
struct rig_swap *rig_swap_begin(rig *self, const char *file);
char *rig_swap_end(struct rig_swap *self) G_GNUC_WARN_UNUSED_RESULT;
/* Checks that this is the active version, and that it answers a query. */
void rig_check_works(rig *self, const char *version);

/* The message itself; `flags` are the contract's. */
struct edgecore_message *rig_message_new(const struct rig_message *from, uint32_t flags) G_GNUC_WARN_UNUSED_RESULT;
void rig_send(rig *self, const struct rig_message *message);
/* Sends it as a sync request from a thread of its own. */
typedef struct rig_call rig_call;
rig_call *rig_call_begin(rig *self, const struct rig_message *message);
/* The answer's content, or NULL without one; the caller owns it. */
char *rig_call_end(rig_call *self) G_GNUC_WARN_UNUSED_RESULT;
/* Waits for rest, which must come. */
void rig_settle(rig *self);

/* Sets the plugin's clock forward. It looks at it when it gets its next message. */
void rig_advance(guint seconds);

/* While the doors are shut, every module's queue looks full to the plugin. */
void rig_shut(rig *self);
void rig_open(rig *self);
/* Waits until the plugin has tried so many times more to send something while they were shut. */
void rig_wait_refused(rig *self, guint count);
/* Whether a sync request to a module is answered at once (as at first), or waits for rig_answer_all. */
void rig_set_answering(rig *self, gboolean is_answering);
void rig_answer_all(rig *self);
/* Waits until so many sync requests have come since the beginning. */
void rig_wait_asked(rig *self, guint count);
guint rig_asked(rig *self);
/* The gate of variants that hang: shut at first. One waits for the plugin to come there, the other for it to be through. */
void rig_open_gate(rig *self);
void rig_wait_gate(rig *self);
void rig_wait_left_gate(rig *self);

/* Waits until the log has a line with this part. */
void rig_wait_log(rig *self, const char *part);
gboolean rig_has_logged(rig *self, const char *part);

/* Forgets what the modules got so far. */
void rig_forget(rig *self);
/* What one of them got since; a list with references of its own. */
GPtrArray *rig_got(rig *self, enum rig_module module) G_GNUC_WARN_UNUSED_RESULT;
const char *rig_module_name(enum rig_module module);
/* What they got since, one line each, by module, then resource, then arrival; the ids that the plugin made are "*", and timestamps are
 * left out. */
char *rig_deliveries(rig *self) G_GNUC_WARN_UNUSED_RESULT;
/* The whole table, by key. The host may run. */
char *rig_table(rig *self) G_GNUC_WARN_UNUSED_RESULT;

#endif
