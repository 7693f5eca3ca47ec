#include "activity.h"

static gboolean wait_once(struct activity *self, gint64 deadline) {
  if (deadline >= 0)
    return g_cond_wait_until(&self->rest, &self->lock, deadline);
  g_cond_wait(&self->rest, &self->lock);
  return TRUE;
}

void activity_init(struct activity *self) {
  atomic_init(&self->count, 0);
  atomic_init(&self->waiting, 0);
  g_mutex_init(&self->lock);
  g_cond_init(&self->rest);
  self->is_hopeless = FALSE;
}

void activity_clear(struct activity *self) {
  g_cond_clear(&self->rest);
  g_mutex_clear(&self->lock);
}

void activity_add(struct activity *self, gint64 count) {
  atomic_fetch_add(&self->count, count);
}

void activity_remove(struct activity *self, gint64 count) {
  /* Sequentially consistent, as in activity_wait: either the waiter sees 0, or this sees the waiter. */
  if (atomic_fetch_sub(&self->count, count) != count || atomic_load(&self->waiting) == 0)
    return;
  g_mutex_lock(&self->lock);
  g_cond_broadcast(&self->rest);
  g_mutex_unlock(&self->lock);
}

void activity_set_hopeless(struct activity *self, gboolean is_hopeless) {
  g_mutex_lock(&self->lock);
  self->is_hopeless = is_hopeless;
  g_cond_broadcast(&self->rest);
  g_mutex_unlock(&self->lock);
}

gboolean activity_wait(struct activity *self, gint64 deadline) {
  gboolean is_resting;
  g_mutex_lock(&self->lock);
  atomic_fetch_add(&self->waiting, 1);
  while (!(is_resting = atomic_load(&self->count) == 0) && !self->is_hopeless)
    if (!wait_once(self, deadline)) {
      is_resting = atomic_load(&self->count) == 0;
      break;
    }
  atomic_fetch_sub(&self->waiting, 1);
  g_mutex_unlock(&self->lock);
  return is_resting;
}
