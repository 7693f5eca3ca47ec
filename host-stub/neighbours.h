/* The modules around the plugin, as plain ones: edged (group edged), edgemesh (mesh), websocket (hub), edgefunction (user). Each hands
 * on what it gets, and answers sync messages as rules say. */
#ifndef EDGEHOST_NEIGHBOURS_H
#define EDGEHOST_NEIGHBOURS_H

#include "host.h"
#include "step.h"

typedef struct neighbours neighbours;

/* A module got a message. Called on that module's thread. */
typedef void neighbours_fn(const char *module, struct edgecore_message *message, void *data);

/* Adds the modules to the host. */
neighbours *neighbours_new(host *owner, neighbours_fn *got, void *data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The rules (of struct rule, or NULL for none) from now on, in place of those before; the first that fits answers. An answer has the
 * request's group and resource. Answers that are due already still go out as they were. Error: no such module. */
gboolean neighbours_set_rules(neighbours *self, GPtrArray *rules, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Answers that are not due yet are dropped. After host_stop and before host_free. */
void neighbours_free(neighbours *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(neighbours, neighbours_free)

#endif
