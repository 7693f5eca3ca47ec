/* What one version hands to the next, copied: it outlives the version that wrote it, and serves a roll-back as well. */
#ifndef EDGEHOST_HANDOVER_H
#define EDGEHOST_HANDOVER_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct handover handover;

/* References the messages. NULL and *error when the state breaks the contract (EDGECORE_UNSUPPORTED_STATE) or memory is short. */
handover *handover_copy(const struct edgecore_state *state, struct edgecore_error *error);
void handover_free(handover *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(handover, handover_free)

const struct edgecore_state *handover_state(const handover *self);

#endif
