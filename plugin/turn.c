#include "turn.h"

#include "error.h"
#include "text.h"

#include <string.h>

struct turn_content turn_content_of(const struct edgecore_message_fields *message) {
  if (message->content_kind == EDGECORE_CONTENT_NONE)
    return (struct turn_content){.data = "null", .size = 4};
  return (struct turn_content){.data = message->content != NULL ? message->content : "", .size = message->content_size};
}

struct store_row turn_row_of(const struct edgecore_message_fields *message, const struct resource *resource) {
  struct turn_content content = turn_content_of(message);

  return (struct store_row){
      .key = message->resource, .type = resource->type, .value = content.data, .value_size = content.size};
}

int32_t turn_check_content(struct turn *turn, const struct edgecore_message_fields *message,
                           struct edgecore_error *error) {
  if (message->content_kind != EDGECORE_CONTENT_JSON)
    return EDGECORE_OK;

  struct turn_content content = turn_content_of(message);
  int32_t code = store_check_json(turn->store, content.data, content.size, error);
  if (code == EDGECORE_INVALID)
    error_prefix(error, "Error to marshal message content: ");
  return code;
}

gboolean turn_is_sync(const struct edgecore_message_fields *message) {
  return (message->flags & EDGECORE_MESSAGE_SYNC) != 0;
}

struct edgecore_message *turn_answer_new(struct turn *turn, const struct edgecore_message_fields *request,
                                         const char *source, const char *operation, const struct turn_content *json,
                                         struct edgecore_error *error) {
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = request->id,
      .source = source,
      .group = request->group,
      .operation = operation,
      .resource = request->resource,
      .content_kind = EDGECORE_CONTENT_JSON,
      .content = json->data,
      .content_size = json->size,
  };

  turn->bytes += json->size;
  return turn->core->message_new(turn->core, &fields, error);
}

struct edgecore_message *turn_ok_new(struct turn *turn, const struct edgecore_message_fields *request,
                                     struct edgecore_error *error) {
  return turn_answer_new(turn, request, request->source, "response",
                         &(struct turn_content){.data = "\"OK\"", .size = 4}, error);
}

struct edgecore_message *turn_error_new(struct turn *turn, const struct edgecore_message_fields *request,
                                        const char *source, const char *text, struct edgecore_error *error) {
  g_autoptr(GString) json = g_string_sized_new(512);

  text_append_quoted(json, text, strlen(text));
  return turn_answer_new(turn, request, source, "error", &(struct turn_content){.data = json->str, .size = json->len},
                         error);
}

struct edgecore_message *turn_relay_new(struct turn *turn, struct edgecore_message *message,
                                        struct edgecore_error *error) {
  struct edgecore_message_fields fields = *turn->core->message_read(message);

  if (!turn_is_sync(&fields))
    return turn->core->message_ref(message);
  fields.size = sizeof fields;
  fields.flags &= ~EDGECORE_MESSAGE_SYNC;
  fields.content_of = message;
  return turn->core->message_new(turn->core, &fields, error);
}

void turn_send(struct turn *turn, enum destination to, struct edgecore_message *message) {
  deliveries_add(turn->deliveries, DELIVERY_SEND, to, message, NULL);
}

gboolean turn_is_podstatus_update(const struct edgecore_message_fields *message) {
  return strcmp(message->operation, "update") == 0 && resource_parse(message->resource).kind == RESOURCE_PODSTATUS;
}

static int32_t keep(struct turn *turn, struct edgecore_message *message, struct edgecore_error *error) {
  const struct edgecore_message_fields *fields = turn->core->message_read(message);

  if (turn_is_podstatus_update(fields)) {
    turn->statuses_left = TRUE;
    return EDGECORE_OK;
  }
  return outbox_put(turn->outbox, fields, strcmp(fields->operation, "update") == 0, error);
}

/* While the link is down everything is kept, and after that whatever comes queues up behind what was kept. */
static gboolean must_keep(const struct turn *turn, const struct edgecore_message_fields *message) {
  if (turn->keeps_nothing)
    return FALSE;
  if (turn->link == LINK_DISCONNECTED && !turn->settings->edgesite)
    return TRUE;
  return !outbox_is_empty(turn->outbox) && !turn_is_podstatus_update(message);
}

/* What earlier turns left for the cloud in memory: the hub was full, or it could not be kept when the link went down. It comes before
 * all that is kept now. */
static int32_t keep_earlier(struct turn *turn, struct edgecore_error *error) {
  if (turn->waiting_kept)
    return EDGECORE_OK;
  for (guint i = 0; i < turn->waiting->len; i++) {
    const struct delivery *delivery = &g_array_index(turn->waiting, struct delivery, i);
    int32_t code = delivery_is_for_cloud(delivery) ? keep(turn, delivery->message, error) : EDGECORE_OK;
    if (code != EDGECORE_OK)
      return code;
  }
  turn->waiting_kept = TRUE;
  return EDGECORE_OK;
}

int32_t turn_send_to_cloud(struct turn *turn, struct edgecore_message *message, struct edgecore_error *error) {
  if (!must_keep(turn, turn->core->message_read(message))) {
    turn_send(turn, DESTINATION_CLOUD, message);
    return EDGECORE_OK;
  }
  int32_t code = keep_earlier(turn, error);
  if (code == EDGECORE_OK)
    code = keep(turn, message, error);
  turn->core->message_unref(message);
  return code;
}

int32_t turn_relay(struct turn *turn, enum destination to, struct edgecore_message *message,
                   struct edgecore_error *error) {
  struct edgecore_message *relayed = turn_relay_new(turn, message, error);

  if (relayed == NULL)
    return EDGECORE_NO_MEMORY;
  turn_send(turn, to, relayed);
  return EDGECORE_OK;
}

int32_t turn_relay_to_cloud(struct turn *turn, struct edgecore_message *message, struct edgecore_error *error) {
  struct edgecore_message *relayed = turn_relay_new(turn, message, error);

  if (relayed == NULL)
    return EDGECORE_NO_MEMORY;
  return turn_send_to_cloud(turn, relayed, error);
}

int32_t turn_keep_waiting(struct turn *turn, struct edgecore_error *error) {
  int32_t kept = keep_earlier(turn, error);

  if (kept != EDGECORE_OK)
    return kept;
  guint left = 0;
  for (guint i = 0; i < turn->deliveries->len; i++) {
    struct delivery delivery = g_array_index(turn->deliveries, struct delivery, i);
    if (delivery_is_for_cloud(&delivery)) {
      int32_t code = keep(turn, delivery.message, error);
      if (code != EDGECORE_OK)
        return code;
      turn->core->message_unref(delivery.message);
      /* Its place is empty now; a failure further on must not give its reference back again. */
      g_array_index(turn->deliveries, struct delivery, i).message = NULL;
    } else {
      g_array_index(turn->deliveries, struct delivery, i).message = NULL;
      g_array_index(turn->deliveries, struct delivery, i).context = NULL;
      g_array_index(turn->deliveries, struct delivery, left++) = delivery;
    }
  }
  g_array_set_size(turn->deliveries, left);
  return EDGECORE_OK;
}
