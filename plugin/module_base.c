#include "module_private.h"

#include "turn.h"

/* Pages in the WAL after which a turn moves them to the database file by itself: about 4 MB. */
#define WAL_PAGES_MAX 1000
/* Deliveries that may wait for full neighbours, and bytes of content in them. */
#define WAITING_MAX 4096
#define WAITING_BYTES_MAX (16 << 20)
/* Without work for this long, the module is idle. */
#define IDLE_TIME (2 * G_USEC_PER_SEC)

gint64 module_now(const module *self) {
  return self->clock != NULL ? self->clock->now(self->core) : g_get_monotonic_time();
}

void module_log(const module *self, int32_t level, const char *text) {
  self->core->log(self->core, level, text);
}

gboolean module_is_refused(const module *self) {
  return self->wait_due != G_MAXINT64;
}

gboolean module_is_crowded(const module *self) {
  gsize bytes = 0;

  for (guint i = 0; i < self->waiting->len && bytes < WAITING_BYTES_MAX; i++) {
    const struct delivery *delivery = &g_array_index(self->waiting, struct delivery, i);
    if (delivery->message != NULL)
      bytes += self->core->message_read(delivery->message)->content_size;
  }
  return self->waiting->len >= WAITING_MAX || bytes >= WAITING_BYTES_MAX;
}

gboolean module_is_held(const module *self, const struct delivery *delivery) {
  if (!delivery_is_for_cloud(delivery))
    return FALSE;
  if (self->link == LINK_DISCONNECTED && !self->settings.edgesite)
    return TRUE;
  /* It could not be kept behind them. */
  return outbox_has_more(self->outbox) && !turn_is_podstatus_update(self->core->message_read(delivery->message));
}

gboolean module_cloud_waits(const module *self) {
  for (guint i = 0; i < self->waiting->len; i++) {
    const struct delivery *delivery = &g_array_index(self->waiting, struct delivery, i);
    if (delivery_is_for_cloud(delivery) && !module_is_held(self, delivery))
      return TRUE;
  }
  return FALSE;
}

gboolean module_may_flush(const module *self) {
  return !outbox_is_empty(self->outbox) && (self->link != LINK_DISCONNECTED || self->settings.edgesite);
}

void module_committed(module *self) {
  outbox_committed(self->outbox);
  self->idle_due = MIN(module_now(self) + IDLE_TIME, self->idle_by);
}

void module_bound_wal(module *self) {
  if (database_wal_pages(store_database(self->store)) >= WAL_PAGES_MAX)
    database_checkpoint(store_database(self->store));
}
