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

/* What waits. The greatest one does not count: a message greater than any bound is taken too, alone, and must not keep all others out. */
static void measure(const module *self, guint *count, gsize *bytes) {
  gsize greatest = 0;

  *count = self->waiting->len;
  *bytes = 0;
  for (guint i = 0; i < self->waiting->len; i++) {
    const struct delivery *delivery = &g_array_index(self->waiting, struct delivery, i);
    gsize size = delivery->message != NULL ? self->core->message_read(delivery->message)->content_size : 0;
    *bytes += size;
    greatest = MAX(greatest, size);
  }
  *bytes -= greatest;
}

gboolean module_is_crowded(const module *self) {
  guint count;
  gsize bytes;

  measure(self, &count, &bytes);
  return count >= WAITING_MAX || bytes >= WAITING_BYTES_MAX;
}

/* Down to three quarters of the bounds, so that it is a line in the log now and then. */
void module_drop_held(module *self) {
  guint count;
  gsize bytes;
  guint dropped = 0;

  measure(self, &count, &bytes);
  for (guint answers = 2; answers-- > 0;) {
    guint left = 0;
    for (guint i = 0; i < self->waiting->len; i++) {
      const struct delivery delivery = g_array_index(self->waiting, struct delivery, i);
      gboolean is_over = count > WAITING_MAX / 4 * 3 || bytes > WAITING_BYTES_MAX / 4 * 3;
      if (!is_over || !module_is_held(self, &delivery) ||
          (answers == 1 && !outbox_is_answer(self->core->message_read(delivery.message)))) {
        g_array_index(self->waiting, struct delivery, left++) = delivery;
        continue;
      }
      gsize size = self->core->message_read(delivery.message)->content_size;
      bytes -= MIN(bytes, size);
      count--;
      dropped++;
      self->core->message_unref(delivery.message);
    }
    g_array_set_size(self->waiting, left);
  }
  if (dropped == 0)
    return;
  g_autofree char *text = g_strdup_printf(
      "dropped %u messages for the cloud, the oldest: the disk takes none, and memory is bounded", dropped);
  module_log(self, EDGECORE_LOG_WARNING, text);
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
