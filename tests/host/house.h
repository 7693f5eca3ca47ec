/* A whole host in the test's own process, with the four modules around the plugin and a database in the test's directory. */
#ifndef TESTS_HOST_HOUSE_H
#define TESTS_HOST_HOUSE_H

#include "fixture.h"
#include "host.h"

#define PLUGIN_CURRENT TESTS_BUILD_DIR "/plugin/metamanager.so"
#define PLUGIN_V1_0 TESTS_BUILD_DIR "/tests/abi/plugin-v1.0.so"
#define PLUGIN_VARIANT(name) TESTS_BUILD_DIR "/tests/variants/" name ".so"

struct house {
  host *host;
  config *configuration;
  char *database;
  struct inbox edged, edgemesh, websocket, edgefunction; /* what each module got, also while it is held up */
  struct inbox *inboxes[4];
  GMutex lock;
  GCond opened;
  gboolean is_closed; /* edged's door */
  GPtrArray *lines;   /* of the host's log: "LEVEL MODULE TEXT" */
};

/* Nothing is loaded yet. queue_capacity 0: the host's own. */
void house_init(struct house *self, guint queue_capacity);
/* Stops the host; afterwards no message may be left in the process and no file of the database may be open. */
void house_clear(struct house *self);
/* A house that is cleared when the test ends. The first declaration of a test, so that its messages are released before. */
#define HOUSE(name, queue_capacity)                                                                                    \
  __attribute__((cleanup(house_clear))) struct house name;                                                             \
  house_init(&name, queue_capacity)

/* Loads a plugin, which must work. */
void house_load(struct house *self, const char *file);
/* While the door is closed, edged does not come back from the message that it has. */
void house_close_door(struct house *self);
void house_open_door(struct house *self);
/* A message of the group resource with raw content, or with none (NULL). The caller owns the reference. */
struct edgecore_message *house_message(const char *id, const char *source, const char *operation, const char *resource,
                                       const char *content) G_GNUC_WARN_UNUSED_RESULT;
/* Sends to metaManager in the name of `source`. */
void house_send(struct house *self, const char *id, const char *source, const char *operation, const char *resource,
                const char *content);
/* The same as a sync request; the answer's content, or NULL without an answer. The caller owns it. */
char *house_ask(struct house *self, const char *source, const char *operation, const char *resource,
                const char *content);
/* Waits for rest, which must come. */
void house_settle(struct house *self);
/* Whether a line of the log has `part` in it. */
gboolean house_logged(struct house *self, const char *part);

#endif
