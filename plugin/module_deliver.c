#include "module_private.h"

#include "error.h"

#include <string.h>

/* A full neighbour is tried again after this long, doubled up to the second one, in microseconds. */
#define WAIT_TIME_MIN 1000
#define WAIT_TIME_MAX 16000
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

/* It was not sent, so no outcome comes: this is it. */
static void fail_request(struct pass *pass, const struct delivery *delivery, int32_t code,
                         const struct edgecore_error *error) {
  const struct edgecore_item item = {.size = sizeof item, .outcome = code, .context = delivery->context};

  module_log(pass->self, EDGECORE_LOG_WARNING, error->text);
  pass->self->core->message_unref(delivery->message);
  g_array_append_val(pass->self->backlog, item);
  pass->self->backlog_due = module_now(pass->self);
  pass->moved = TRUE;
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
  if (delivery->kind == DELIVERY_REQUEST && code != EDGECORE_OK && code != EDGECORE_AGAIN) {
    fail_request(pass, delivery, code, error);
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
  if (!pass->refused)
    self->crowded_at = G_MAXINT64;
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
