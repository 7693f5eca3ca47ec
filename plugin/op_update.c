#include "operations.h"

#include "error.h"

#include <string.h>

/* Where an update goes after it is stored, and who is told "OK", by the module that it came from. Others: nowhere, nobody. */
static const struct route {
  const char *source;
  gboolean to_cloud;
  gboolean to_function;
  gboolean to_node; /* edged, or edgemesh for its types */
  gboolean ok_to_edged;
  gboolean ok_to_cloud;
} routes[] = {
    {.source = "edged", .to_cloud = TRUE, .ok_to_edged = TRUE},
    {.source = "edgecontroller", .to_node = TRUE, .ok_to_cloud = TRUE},
    {.source = "funcmgr", .to_function = TRUE},
    {.source = "edgefunction", .to_cloud = TRUE},
};

static const struct route list_route = {.to_node = TRUE, .ok_to_cloud = TRUE};

/* "OK" to whom the route says; the caller of a sync request always gets it, as the answer that it waits for. */
static int32_t acknowledge(struct turn *turn, const struct edgecore_message_fields *message, gboolean to_edged,
                           gboolean to_cloud, struct edgecore_error *error) {
  gboolean to_caller = turn_is_sync(message);

  if (!to_caller && !to_edged && !to_cloud)
    return EDGECORE_OK;
  struct edgecore_message *ok = turn_ok_new(turn, message, error);
  if (ok == NULL)
    return EDGECORE_NO_MEMORY;
  if (to_caller)
    turn_send(turn, DESTINATION_CALLER, turn->core->message_ref(ok));
  else if (to_edged)
    turn_send(turn, DESTINATION_EDGED, turn->core->message_ref(ok));
  if (to_cloud)
    return turn_send_to_cloud(turn, ok, error);
  turn->core->message_unref(ok);
  return EDGECORE_OK;
}

static int32_t pass_on(struct turn *turn, struct edgecore_message *message, const struct route *route,
                       enum destination node, struct edgecore_error *error) {
  const struct edgecore_message_fields *fields = turn->core->message_read(message);
  int32_t code = EDGECORE_OK;

  if (route->to_node)
    code = turn_relay(turn, node, message, error);
  if (code == EDGECORE_OK && route->to_function)
    code = turn_relay(turn, DESTINATION_EDGEFUNCTION, message, error);
  if (code == EDGECORE_OK && route->to_cloud)
    code = turn_relay_to_cloud(turn, message, error);
  if (code == EDGECORE_OK)
    code = acknowledge(turn, fields, route->ok_to_edged, route->ok_to_cloud, error);
  return code;
}

static int32_t store_list(struct turn *turn, const struct edgecore_message_fields *message, const char *type,
                          struct edgecore_error *error) {
  struct turn_content content = turn_content_of(message);
  int32_t code = store_save_list(turn->store, type, content.data, content.size, error);

  if (code == EDGECORE_INVALID)
    error_prefix(error, "Error to unmarshal: ");
  return code;
}

static const struct route *route_of(const char *source) {
  static const struct route nowhere = {0};

  for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
    if (strcmp(source, routes[i].source) == 0)
      return &routes[i];
  return &nowhere;
}

static int32_t update_object(struct turn *turn, struct edgecore_message *message, const struct resource *resource,
                             const struct route *route, enum destination node, struct edgecore_error *error) {
  const struct edgecore_message_fields *fields = turn->core->message_read(message);
  const struct store_row row = turn_row_of(fields, resource);
  int32_t code;

  if (resource->kind == RESOURCE_PODSTATUS) {
    gboolean same;
    code = store_has_value(turn->store, row.key, row.value, row.value_size, &same, error);
    if (code != EDGECORE_OK)
      return code;
    if (same)
      return acknowledge(turn, fields, TRUE, FALSE, error);
  }
  code = store_insert_or_update(turn->store, &row, error);
  if (code != EDGECORE_OK)
    return code;
  return pass_on(turn, message, route, node, error);
}

int32_t op_update(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *message = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(message->resource);
  const char *element_type = resource.kind == RESOURCE_SERVICELIST     ? "service"
                             : resource.kind == RESOURCE_ENDPOINTSLIST ? "endpoints"
                                                                       : NULL;

  if (element_type != NULL) {
    int32_t code = store_list(turn, message, element_type, error);
    if (code != EDGECORE_OK)
      return code;
    return pass_on(turn, item->message, &list_route, DESTINATION_EDGEMESH, error);
  }
  if (resource.kind == RESOURCE_PODLIST)
    return update_object(turn, item->message, &resource, &list_route, DESTINATION_EDGEMESH, error);
  return update_object(turn, item->message, &resource, route_of(message->source),
                       resource_is_mesh(resource.kind) ? DESTINATION_EDGEMESH : DESTINATION_EDGED, error);
}
