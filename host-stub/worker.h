/* A plain module: a thread that calls a function for each message of a mailbox, one at a time. */
#ifndef EDGEHOST_WORKER_H
#define EDGEHOST_WORKER_H

#include "bus.h"
#include "host.h"

typedef struct worker worker;

/* `activity` and `mailbox` must outlive it. NULL and *error without a thread for it. */
worker *worker_new(host *owner, struct mailbox *mailbox, struct activity *activity, host_module_fn *receive, void *data,
                   struct edgecore_error *error);
/* Waits for the thread, which ends when its queue is closed. */
void worker_free(worker *self);

/* The mailbox of the plain module whose thread this is, or NULL. */
const struct mailbox *worker_current(void);

#endif
