/* One loaded generation of a plugin: its code, its core table, and a thread with a context of its own, so that what it leaves
 * attached is found and never runs again. Functions may be called by any thread but its own, by one at a time. */
#ifndef EDGEHOST_GENERATION_H
#define EDGEHOST_GENERATION_H

#include "core.h"
#include "handover.h"
#include "loader.h"

typedef struct generation generation;

enum generation_wait { GENERATION_RETURNED, GENERATION_LATE, GENERATION_FORSAKEN };

/* Takes the image. The thread starts at once, and sleeps. NULL and *error when there can be no more threads; the image is closed then. */
generation *generation_new(const struct core_services *services, struct image *image, guint number,
                           config *configuration, struct mailbox *mailbox, GError **error);

guint generation_number(const generation *self);
const struct image *generation_image(const generation *self);
core *generation_core(generation *self);

int32_t generation_register(generation *self, struct edgecore_error *error);
/* Start and stop run on its thread. One that has not returned after timeout_ms is late: no other may be called until it has returned and
 * been collected. `state` must live until then. `is_undone_when_late`: should it still succeed, it is stopped again at once, before
 * it has received or sent anything, and what is collected is a failure. */
int32_t generation_start(generation *self, const handover *state, gboolean is_undone_when_late, guint timeout_ms,
                         struct edgecore_error *error);
/* `state`: where the handed-over state goes; NULL when no version follows. */
int32_t generation_stop(generation *self, handover **state, guint timeout_ms, struct edgecore_error *error);

/* Whether a call was late and has not been collected, though it may have returned meanwhile. */
gboolean generation_is_late(generation *self);
/* Whether a call of start or stop has not returned yet. */
gboolean generation_is_busy(generation *self);
/* Whether the module runs: started, and not stopped. */
gboolean generation_is_started(generation *self);
/* Waits until the call returns, the monotonic `deadline` (-1: none) passes, or generation_forsake is called. */
enum generation_wait generation_wait(generation *self, gint64 deadline);
/* What a late call returned in the end; once. */
int32_t generation_collect(generation *self, handover **state, struct edgecore_error *error);

/* Monotonic time when the last stop was begun. */
gint64 generation_stop_begun(const generation *self);

/* Ends the thread, unregisters, looks for what is left behind, unloads, frees. `files_left` is how many descriptors of its database
 * are still open. FALSE when something is left: the log says what, and the code stays mapped. The module must not be started. */
gboolean generation_unload(generation *self, guint files_left);
/* Gives up a generation whose thread is inside the plugin and may never return: keeps all that it needs, and does not wait. */
void generation_forsake(generation *self);

#endif
