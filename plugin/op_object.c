#include "operations.h"

#include "text.h"

#include <string.h>

static enum destination mesh_or_edged(const struct resource *resource) {
  return resource_is_mesh(resource->kind) ? DESTINATION_EDGEMESH : DESTINATION_EDGED;
}

/* "OK" to the cloud, and to the caller of a sync request. */
static int32_t acknowledge(struct turn *turn, const struct edgecore_message_fields *message,
                           struct edgecore_error *error) {
  struct edgecore_message *ok = turn_ok_new(turn, message, error);

  if (ok == NULL)
    return EDGECORE_NO_MEMORY;
  if (turn_is_sync(message))
    turn_send(turn, DESTINATION_CALLER, turn->core->message_ref(ok));
  return turn_send_to_cloud(turn, ok, error);
}

/* "OK" to the caller of a sync request whose operation answers nobody else. */
static int32_t acknowledge_caller(struct turn *turn, const struct edgecore_message_fields *message,
                                  struct edgecore_error *error) {
  if (!turn_is_sync(message))
    return EDGECORE_OK;
  struct edgecore_message *ok = turn_ok_new(turn, message, error);
  if (ok == NULL)
    return EDGECORE_NO_MEMORY;
  turn_send(turn, DESTINATION_CALLER, ok);
  return EDGECORE_OK;
}

int32_t op_insert(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  const struct store_row row = turn_row_of(message, &resource);
  int32_t code = store_save(turn->store, &row, error);

  if (code == EDGECORE_OK)
    code = turn_relay(turn, mesh_or_edged(&resource), item->message, error);
  if (code == EDGECORE_OK)
    code = acknowledge(turn, message, error);
  return code;
}

int32_t op_delete(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  int32_t code = store_delete_by_key(turn->store, message->resource, resource.type, error);

  if (code == EDGECORE_OK)
    code = turn_relay(turn, mesh_or_edged(&resource), item->message, error);
  if (code == EDGECORE_OK)
    code = acknowledge(turn, message, error);
  return code;
}

int32_t op_response(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  const struct store_row row = turn_row_of(message, &resource);
  int32_t code = EDGECORE_OK;

  /* A bare OK says that something else arrived; it is not the object. */
  if (!text_is_ok(row.value, row.value_size))
    code = store_insert_or_update(turn->store, &row, error);
  if (code != EDGECORE_OK)
    return code;
  if (strcmp(message->source, "edgecontroller") == 0)
    return turn_relay(turn, mesh_or_edged(&resource), item->message, error);
  return turn_relay_to_cloud(turn, item->message, error);
}

int32_t op_action(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  const struct store_row row = turn_row_of(message, &resource);
  int32_t code = store_save(turn->store, &row, error);

  if (code == EDGECORE_OK)
    code = turn_relay(turn, DESTINATION_EDGEFUNCTION, item->message, error);
  if (code == EDGECORE_OK)
    code = acknowledge_caller(turn, message, error);
  return code;
}

int32_t op_action_result(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  const struct store_row row = turn_row_of(message, &resource);
  int32_t code = store_save(turn->store, &row, error);

  if (code == EDGECORE_OK)
    code = turn_relay_to_cloud(turn, item->message, error);
  if (code == EDGECORE_OK)
    code = acknowledge_caller(turn, message, error);
  return code;
}
