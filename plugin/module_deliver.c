#include "module_private.h"

#include "error.h"

#include <string.h>

/* A full neighbour is tried again after this long, doubled up to the second one, in microseconds. */
#define WAIT_TIME_MIN 1000
#define WAIT_TIME_MAX 16000
/* Before the hub, which had no room, is offered the next batch of the outbox: doubled up to the second one. And after a failure. */
#define FLUSH_WAIT_MIN 5000
#define FLUSH_WAIT_MAX 160000
#define FLUSH_RETRY 1000000
/* A hub that had room for just one message so often in a row has no more than that. */
#define SINGLE_LOOKS 20
/* At most so many messages of the outbox in one batch, and bytes: they share a transaction and a place in memory. */
#define FLUSH_MESSAGES 256
#define FLUSH_BYTES (1 << 20)

#define ALL_DESTINATIONS G_MAXUINT

/* One pass over what is due. */
struct pass {
  module *self;
  GArray *left;     /* what stays */
  guint blocked;    /* destinations that take nothing more, as bits */
  gboolean refused; /* a neighbour is full, or memory is short */
  gboolean moved;   /* something was taken */
};

static guint bit(enum destination to) {
  return 1u << to;
}

static int32_t send(const module *self, enum destination to, struct edgecore_message *message,
                    struct edgecore_error *error) {
  const struct edgecore_core *core = self->core;

  switch (to) {
  case DESTINATION_CLOUD:
    return core->send_to_group(core, self->settings.send_group, message, error);
  case DESTINATION_EDGED:
    return core->send(core, "edged", message, error);
  case DESTINATION_EDGEMESH:
    return core->send(core, "edgemesh", message, error);
  case DESTINATION_EDGEFUNCTION:
    return core->send(core, "edgefunction", message, error);
  case DESTINATION_SELF:
    return core->send(core, MODULE_NAME, message, error);
  case DESTINATION_CALLER:
    return core->send_resp(core, message, error);
  }
  return EDGECORE_INVALID;
}

gboolean module_is_held(const module *self, const struct delivery *delivery) {
  return delivery_is_for_cloud(delivery) && self->link == LINK_DISCONNECTED && !self->settings.edgesite;
}

static void fail_entry(struct remote_entry *entry, void *data) {
  module_fail_request(data, entry, EDGECORE_FAILED);
}

void module_fail_request(module *self, struct remote_entry *entry, int32_t outcome) {
  const struct edgecore_item item = {
      .size = sizeof item, .outcome = outcome, .context = self->core->message_ref(entry->request)};

  entry->retry_at = G_MAXINT64;
  g_array_append_val(self->backlog, item);
  self->backlog_due = module_now(self);
}

gboolean module_post_sync(module *self) {
  static const struct edgecore_message_fields fields = {.size = sizeof fields,
                                                        .source = MODULE_NAME,
                                                        .group = "resource",
                                                        .operation = "meta-internal-sync",
                                                        .resource = "podstatus"};
  struct edgecore_message *message = self->core->message_new(self->core, &fields, NULL);

  if (message == NULL)
    return FALSE;
  deliveries_add(self->waiting, DELIVERY_SEND, DESTINATION_SELF, message, NULL);
  return TRUE;
}

static int32_t change_link(module *self, enum link link) {
  if (link == LINK_CONNECTED) {
    if (!module_post_sync(self))
      return EDGECORE_NO_MEMORY;
    self->flush_due = self->wanted_due = module_now(self);
  } else {
    remote_each(self->remote, fail_entry, self);
  }
  module_log(self, EDGECORE_LOG_INFO, link == LINK_CONNECTED ? "the cloud is connected" : "the cloud is disconnected");
  return EDGECORE_OK;
}

static int32_t ask(module *self, struct edgecore_message *query, struct edgecore_error *error) {
  struct edgecore_message *failed;
  int32_t code = remote_ask(self->remote, query, self->link == LINK_CONNECTED, module_now(self), &failed, error);

  if (code == EDGECORE_OK && failed != NULL) {
    const struct edgecore_item item = {
        .size = sizeof item, .outcome = EDGECORE_FAILED, .context = self->core->message_ref(failed)};
    g_array_append_val(self->backlog, item);
    self->backlog_due = module_now(self);
  }
  return code;
}

static void finish(struct pass *pass, const struct delivery *delivery, int32_t code,
                   const struct edgecore_error *error) {
  const struct edgecore_core *core = pass->self->core;

  if (code == EDGECORE_AGAIN && delivery->to == DESTINATION_SELF) {
    /* It needs no place there, and whoever fills our own queue may do so for ever. */
    const struct edgecore_item item = {.size = sizeof item, .message = delivery->message};
    g_array_append_val(pass->self->backlog, item);
    pass->self->backlog_due = module_now(pass->self);
    return;
  }
  if (code == EDGECORE_AGAIN || code == EDGECORE_NO_MEMORY) {
    pass->blocked |= code == EDGECORE_AGAIN ? bit(delivery->to) : ALL_DESTINATIONS;
    pass->refused = TRUE;
    g_array_append_val(pass->left, *delivery);
    return;
  }
  if (code != EDGECORE_OK)
    /* A caller that has given up is no news. */
    module_log(pass->self, delivery->to == DESTINATION_CALLER ? EDGECORE_LOG_DEBUG : EDGECORE_LOG_WARNING, error->text);
  pass->moved = TRUE;
  core->message_unref(delivery->message);
  core->message_unref(delivery->context);
}

/* Sends a message now, or leaves it for later behind those that wait for the same destination. */
static void offer(struct pass *pass, const struct delivery *delivery) {
  struct edgecore_error error = ERROR_INIT;

  if ((pass->blocked & bit(delivery->to)) != 0 || module_is_held(pass->self, delivery)) {
    g_array_append_val(pass->left, *delivery);
    return;
  }
  finish(pass, delivery, send(pass->self, delivery->to, delivery->message, &error), &error);
}

static void answer_query(struct edgecore_message *query, struct edgecore_message *answer, void *data) {
  struct pass *pass = data;
  const struct edgecore_message_fields *fields = pass->self->core->message_read(query);
  const struct delivery delivery = {.kind = DELIVERY_SEND,
                                    .to = (fields->flags & EDGECORE_MESSAGE_SYNC) != 0 ? DESTINATION_CALLER
                                          : resource_is_answered_to_mesh(resource_parse(fields->resource).kind)
                                              ? DESTINATION_EDGEMESH
                                              : DESTINATION_EDGED,
                                    .message = answer};

  /* What the module itself asked for is stored by now, and nobody waits for it. */
  if (strcmp(fields->source, MODULE_NAME) == 0)
    pass->self->core->message_unref(answer);
  else
    offer(pass, &delivery);
  pass->self->core->message_unref(query);
}

static int32_t perform(struct pass *pass, const struct delivery *delivery, struct edgecore_error *error) {
  module *self = pass->self;
  const struct edgecore_core *core = self->core;

  switch (delivery->kind) {
  case DELIVERY_SEND:
    return send(self, delivery->to, delivery->message, error);
  case DELIVERY_REQUEST:
    return core->send_sync(core, "edged", delivery->message, delivery->context,
                           (guint64)self->settings.volume_timeout * 1000, error);
  case DELIVERY_ASK:
    return ask(self, delivery->message, error);
  case DELIVERY_ANSWER:
    return remote_answer(self->remote, delivery->context, delivery->message, answer_query, pass, error);
  case DELIVERY_REMOTE_FAILED:
    return remote_failed(self->remote, delivery->context, delivery->message, self->link == LINK_CONNECTED,
                         module_now(self), answer_query, pass, error);
  case DELIVERY_LINK:
    return change_link(self, delivery->link);
  }
  return EDGECORE_INVALID;
}

/* Notes when what is left is to be looked at again. */
static void plan_waiting(module *self, const struct pass *pass) {
  gboolean held = FALSE;
  gboolean due = FALSE;

  for (guint i = 0; i < self->waiting->len; i++)
    if (module_is_held(self, &g_array_index(self->waiting, struct delivery, i)))
      held = TRUE;
    else
      due = TRUE;
  if (!held)
    self->keep_due = G_MAXINT64;
  else if (self->keep_due == G_MAXINT64)
    self->keep_due = MAX(module_now(self), self->keep_after);

  if (pass->refused)
    self->wait_time = pass->moved ? WAIT_TIME_MIN : CLAMP(2 * self->wait_time, WAIT_TIME_MIN, WAIT_TIME_MAX);
  else
    self->wait_time = 0;
  /* Without a refusal it is something that this pass itself posted. */
  self->wait_due = due ? module_now(self) + self->wait_time : G_MAXINT64;
}

void module_deliver(module *self) {
  struct pass pass = {.self = self, .left = deliveries_new()};
  GArray *due = self->waiting;

  self->waiting = pass.left;
  for (guint i = 0; i < due->len; i++) {
    const struct delivery delivery = g_array_index(due, struct delivery, i);
    if ((pass.blocked & bit(delivery.to)) != 0 || module_is_held(self, &delivery)) {
      g_array_append_val(pass.left, delivery);
      continue;
    }
    struct edgecore_error error = ERROR_INIT;
    int32_t code = perform(&pass, &delivery, &error);
    finish(&pass, &delivery, code, &error);
  }
  g_array_unref(due);
  plan_waiting(self, &pass);
}

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

static gboolean cloud_is_blocked(const module *self) {
  for (guint i = 0; i < self->waiting->len; i++)
    if (delivery_is_for_cloud(&g_array_index(self->waiting, struct delivery, i)))
      return TRUE;
  return FALSE;
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

gboolean module_may_flush(const module *self) {
  return !outbox_is_empty(self->outbox) && (self->link != LINK_DISCONNECTED || self->settings.edgesite);
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
  if (room == 0 || cloud_is_blocked(self)) {
    wait_for_hub(self, now);
    return;
  }
  struct flush flush = {.self = self, .room = MIN(room, FLUSH_MESSAGES), .error = ERROR_INIT};
  int32_t code = flush_batch(self, &flush);
  if (module_reopen(self, code, &flush.error))
    code = flush_batch(self, &flush);
  module_bound_wal(self);
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
