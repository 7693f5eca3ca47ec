/* A real host with the built plugin in it, between modules that only count what they get. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include "bench.h"
#include "host.h"

typedef struct rig rig;

enum rig_module { RIG_EDGED, RIG_EDGEMESH, RIG_HUB, RIG_EDGEFUNCTION, RIG_MODULES };

/* Loads the plugin on the database. `settings` are more configuration: key, value, key, value, NULL; or NULL. `extension`
 * as in host_options. */
rig *rig_new(const struct bench *bench, const char *database, const char *const *settings,
             host_extension_fn *extension);
void rig_free(rig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rig, rig_free)
host *rig_host(rig *self);

/* Sends all of them, keeping the queue full, and returns when `module` has got `answers` more messages than before. */
void rig_flood(rig *self, GPtrArray *messages, enum rig_module module, guint answers);
/* Sends each of them when `module` has got the answer to the one before, on that module's thread; returns after the last answer. */
void rig_chain(rig *self, GPtrArray *messages, enum rig_module module);
/* Sends one, and waits until nothing moves any more. */
void rig_send_settle(rig *self, struct edgecore_message *message);
/* Waits until nothing moves any more. */
void rig_settle(rig *self);
/* How many messages the module has got so far. */
guint64 rig_count(rig *self, enum rig_module module);

#endif
