/* Counts what moves: queued messages, callbacks, requests in flight, things held. Waiting for rest is waiting for 0; nothing is
 * polled. All functions may be called by any thread. */
#ifndef EDGEHOST_ACTIVITY_H
#define EDGEHOST_ACTIVITY_H

#include <glib.h>
#include <stdatomic.h>

struct activity {
  atomic_llong count;
  atomic_uint waiting;
  GMutex lock;
  GCond rest;
  gboolean is_hopeless; /* something will never come to rest */
};

void activity_init(struct activity *self);
void activity_clear(struct activity *self);

/* Something new moves: count it before anyone can see it. */
void activity_add(struct activity *self, gint64 count);
/* It rests: after everything that it set in motion has been counted. */
void activity_remove(struct activity *self, gint64 count);

/* While TRUE, those who wait for rest give up at once unless there is rest. */
void activity_set_hopeless(struct activity *self, gboolean is_hopeless);
/* FALSE at the monotonic `deadline` (-1: none), or when it is hopeless. */
gboolean activity_wait(struct activity *self, gint64 deadline);

#endif
