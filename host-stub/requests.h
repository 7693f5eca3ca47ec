/* The sync requests in flight: who waits for which answer, and until when. One thread sleeps until the next deadline; it exists
 * from the first request on, and without a request nothing wakes it. All functions may be called by any thread. */
#ifndef EDGEHOST_REQUESTS_H
#define EDGEHOST_REQUESTS_H

#include "activity.h"
#include "queue.h"

typedef struct requests requests;

/* A caller that waits in place: on its own stack, all zero at first. */
struct request_waiter {
  int32_t outcome;
  struct edgecore_message *reply; /* the waiter's reference; NULL unless outcome is EDGECORE_OK */
  gboolean is_done;
  GCond done;
};

/* Each request in flight counts in `activity`, which must live as long. */
requests *requests_new(struct activity *activity);
void requests_free(requests *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(requests, requests_free)

/* Notes a request, before it is sent. `target` is who shall answer, compared only. The outcome goes to `caller` with `context`, or,
 * when `caller` is NULL, to `waiter`. The same id may be in flight to several targets: a request that is passed on keeps it.
 * FALSE when there is no thread for the deadlines: then nothing is noted, and no outcome comes. */
gboolean requests_add(requests *self, struct edgecore_message *message, const void *target, queue *caller,
                      struct edgecore_message *context, struct request_waiter *waiter,
                      gint64 deadline) G_GNUC_WARN_UNUSED_RESULT;
/* It was not sent after all: no outcome comes. FALSE when its outcome is on the way already. */
gboolean requests_cancel(requests *self, const struct edgecore_message *message, const void *target);
/* Hands the answer to who waits for it from `target` (NULL: from anyone; the latest request first). FALSE when nobody does. */
gboolean requests_answer(requests *self, struct edgecore_message *answer, const void *target);
/* Returns when the waiter's outcome is there. */
void requests_wait(requests *self, struct request_waiter *waiter);

/* Ends all that are in flight with EDGECORE_NOT_FOUND, and the thread. */
void requests_close(requests *self);

#endif
