#include "module_private.h"

#include "error.h"

/* Before the hub, which had no room, is offered the next batch of the outbox: doubled up to the second one. And after a failure. */
#define FLUSH_WAIT_MIN 5000
#define FLUSH_WAIT_MAX 160000
#define FLUSH_RETRY 1000000
/* A hub that had room for just one message so often in a row has no more than that. */
#define SINGLE_LOOKS 20
/* At most so many messages of the outbox in one batch, and bytes: they share a transaction and a place in memory. */
#define FLUSH_MESSAGES 256
#define FLUSH_BYTES (1 << 20)

/* A batch of the outbox on its way to the hub. */
struct flush {
  module *self;
  guint room;
  gsize bytes;
  guint sent;
  int32_t code;
  struct edgecore_error error;
};

static gboolean flush_message(const struct edgecore_message_fields *fields, void *data) {
  struct flush *flush = data;
  const struct edgecore_core *core = flush->self->core;

  if (flush->sent >= flush->room || flush->bytes >= FLUSH_BYTES)
    return FALSE;
  struct edgecore_message *message = core->message_new(core, fields, &flush->error);
  if (message == NULL && flush->error.code == EDGECORE_INVALID) {
    error_prefix(&flush->error, "a message of the outbox is damaged, it is not sent: ");
    module_log(flush->self, EDGECORE_LOG_ERROR, flush->error.text);
    return TRUE;
  }
  flush->code = message != NULL ? core->send_to_group(core, flush->self->settings.send_group, message, &flush->error)
                                : EDGECORE_NO_MEMORY;
  core->message_unref(message);
  if (flush->code != EDGECORE_OK)
    return FALSE;
  flush->sent++;
  flush->bytes += fields->content_size;
  return TRUE;
}

/* Deletes what the hub has taken. */
static int32_t flush_batch(module *self, struct flush *flush) {
  database *db = store_database(self->store);
  int32_t code = outbox_each(self->outbox, flush_message, flush, &flush->error);

  if (code == EDGECORE_OK)
    code = outbox_delete_taken(self->outbox, &flush->error);
  if (code == EDGECORE_OK)
    code = database_commit(db, &flush->error);
  if (code == EDGECORE_OK) {
    module_committed(self);
    return code;
  }
  database_rollback(db);
  outbox_rolled_back(self->outbox);
  return code;
}

/* Half of what the hub has room for, so that others find some too; but a queue for one message has no half. */
static guint room_for_flush(module *self) {
  guint room = self->core->room(self->core, self->settings.send_group);
  gboolean is_single = self->hub_looks == SINGLE_LOOKS;

  if (room == 1)
    self->hub_looks = MIN(self->hub_looks + 1, SINGLE_LOOKS);
  else if (room > 1 || !is_single)
    self->hub_looks = 0;
  return self->hub_looks == SINGLE_LOOKS ? room : room / 2;
}

static void wait_for_hub(module *self, gint64 now) {
  self->flush_wait = CLAMP(2 * self->flush_wait, FLUSH_WAIT_MIN, FLUSH_WAIT_MAX);
  self->flush_due = now + self->flush_wait;
}

void module_flush(module *self) {
  gint64 now = module_now(self);
  guint room = room_for_flush(self);

  self->flush_due = G_MAXINT64;
  if (!module_may_flush(self))
    return;
  if (room == 0 || module_cloud_waits(self)) {
    wait_for_hub(self, now);
    return;
  }
  struct flush flush = {.self = self, .room = MIN(room, FLUSH_MESSAGES), .error = ERROR_INIT};
  int32_t code = flush_batch(self, &flush);
  if (module_reopen(self, code, &flush.error))
    code = flush_batch(self, &flush);
  module_bound_wal(self);
  /* Nothing is there, though its totals say so: after a repair it could not be read again. */
  if (code == EDGECORE_OK && flush.code == EDGECORE_OK && flush.sent == 0 && !outbox_is_empty(self->outbox))
    code = outbox_reload(self->outbox, &flush.error);
  if (code == EDGECORE_OK && (flush.code == EDGECORE_OK || flush.code == EDGECORE_AGAIN)) {
    self->flush_due = now;
    if (flush.sent > 0)
      self->flush_wait = 0;
    else
      wait_for_hub(self, now);
    return;
  }
  if (module_is_damage(code, &flush.error) && module_mend(self, flush.error.text)) {
    self->flush_due = now;
    return;
  }
  error_prefix(&flush.error, "cannot pass on what was kept for the cloud: ");
  module_log(self, EDGECORE_LOG_WARNING, flush.error.text);
  self->flush_due = now + FLUSH_RETRY;
}
