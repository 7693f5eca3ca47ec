/* Messages as an edge node sees them, drawn from a seed: the same in each run. */
#ifndef TESTS_RELIABILITY_WORKLOAD_H
#define TESTS_RELIABILITY_WORKLOAD_H

#include "fake_core.h"

struct work {
  struct edgecore_message *message; /* a reference */
  gboolean is_refused;              /* it is wrong: an error answers it, and nothing of it is stored */
  gboolean must_succeed;            /* nothing fails any more */
  gboolean was_before_loss;         /* it was sent before the link was lost: its answer may have waited for that */
};

void work_free(gpointer work);

/* The next one, with an id of its own: an update (of a pod, a status, a list), insert, delete, action result, query or a wrong one. Values
 * come from few, so that many change nothing. */
struct work *work_draw(GRand *random) G_GNUC_WARN_UNUSED_RESULT;
/* A request that another module must answer: for a volume, of edged, or a configmap that only the cloud has. */
struct work *work_draw_request(GRand *random) G_GNUC_WARN_UNUSED_RESULT;
/* publish */
struct work *work_link(gboolean connected) G_GNUC_WARN_UNUSED_RESULT;

#endif
