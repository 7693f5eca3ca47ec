/* The module: its life, its two sources (the inbox and the timer), and one turn of the loop.
 *
 * A turn takes what waits in the queue, without waiting for more, handles it in one transaction, commits, and delivers. When the
 * commit fails, the same messages are handled again one by one, so that just those that cannot be stored are answered with the error. */
#ifndef METAMANAGER_MODULE_H
#define METAMANAGER_MODULE_H

#include "delivery.h"

typedef struct module module;

/* Registers with the core and reads the configuration. */
int32_t module_new(const struct edgecore_core *core, module **out,
                   struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void module_free(module *self);

/* As the contract says of start and stop. */
int32_t module_start(module *self, const struct edgecore_state *state,
                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
int32_t module_stop(module *self, struct edgecore_state *state, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* What the two sources do; for a host or a test that runs without a main loop. The inbox is readable; or the time of module_due has
 * come, in microseconds of the module's clock (G_MAXINT64: never). */
void module_run_inbox(module *self);
void module_run_due(module *self);
gint64 module_due(const module *self);

#endif
