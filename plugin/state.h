/* What one version of the plugin hands to the next: versioned, length-checked, with a checksum. Messages cross by reference. */
#ifndef METAMANAGER_STATE_H
#define METAMANAGER_STATE_H

#include "delivery.h"
#include "remote.h"

/* The format that is written, and the oldest and newest that are read. */
#ifndef STATE_FORMAT
#define STATE_FORMAT 1
#endif
#ifndef STATE_FORMAT_OLDEST
#define STATE_FORMAT_OLDEST 1
#endif
#define STATE_FORMAT_NEWEST STATE_FORMAT

struct state {
  enum link link;
  gint64 sync_due;     /* microseconds of the module's clock */
  gint64 outbox_taken; /* the id up to which the outbox was passed on */
  GArray *waiting;     /* struct delivery: what full neighbours have not taken */
  GArray *backlog;     /* struct edgecore_item: taken from the queue, not handled */
  remote *remote;      /* queries that wait for the cloud */
};

/* An encoded state, with the memory that struct edgecore_state points to. */
struct state_blob {
  GByteArray *data;
  GPtrArray *messages; /* references */
};

struct state_blob state_encode(const struct edgecore_core *core, const struct state *state);
void state_blob_clear(struct state_blob *blob);

/* Adds what was handed over to the lists and the `remote` of *state, with references of its own. EDGECORE_UNSUPPORTED_STATE for
 * anything that state_encode does not write; *state is then as it was, but for its lists, which may have got some. */
int32_t state_decode(const struct edgecore_core *core, const struct edgecore_state *handed, struct state *state,
                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
