#include "operations.h"

#include "error.h"
#include "text.h"
#include "wanted.h"

#include <string.h>

static int32_t read_local(struct turn *turn, const char *key, const struct resource *resource, gboolean by_key,
                          struct store_json *json, struct edgecore_error *error) {
  if (by_key)
    return store_answer_key(turn->store, key, json, error);
  return store_answer_type(turn->store, resource->type, json, error);
}

static struct edgecore_message *local_answer_new(struct turn *turn, const struct edgecore_message_fields *query,
                                                 const struct store_json *json, struct edgecore_error *error) {
  return turn_answer_new(turn, query, "metaManager", "response",
                         &(struct turn_content){.data = json->text, .size = json->size}, error);
}

int32_t op_query(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *query = turn->core->message_read(item->message);
  const struct resource resource = resource_parse(query->resource);
  gboolean remote = turn->link == LINK_CONNECTED && resource_is_remote(resource.kind);
  struct store_json json = {.rows = 0};

  if (!remote || !resource_is_always_remote(resource.kind)) {
    int32_t code = read_local(turn, query->resource, &resource, remote || resource.has_id, &json, error);
    if (code != EDGECORE_OK)
      return code;
  }
  if (remote && json.rows == 0) {
    /* It needs no room now: a query behind a hub that is full would be answered by nobody. */
    deliveries_add(turn->deliveries, DELIVERY_ASK, DESTINATION_CALLER, turn->core->message_ref(item->message), NULL);
    return EDGECORE_OK;
  }
  struct edgecore_message *answer = local_answer_new(turn, query, &json, error);
  if (answer == NULL)
    return EDGECORE_NO_MEMORY;
  turn_send(turn,
            turn_is_sync(query)                           ? DESTINATION_CALLER
            : resource_is_answered_to_mesh(resource.kind) ? DESTINATION_EDGEMESH
                                                          : DESTINATION_EDGED,
            answer);
  return EDGECORE_OK;
}

/* What the cloud says instead of the object: an error, a Kubernetes failure Status, or a bare OK. */
static int32_t is_refusal(struct turn *turn, const struct edgecore_message_fields *reply, gboolean *refusal,
                          struct edgecore_error *error) {
  struct turn_content content = turn_content_of(reply);

  *refusal = strcmp(reply->operation, "error") == 0 || text_is_ok(content.data, content.size);
  if (*refusal || !text_is_utf8(content.data, content.size))
    return EDGECORE_OK;
  return store_is_failure_status(turn->store, content.data, content.size, refusal, error);
}

static int32_t pass_reply(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *reply = turn->core->message_read(item->message);
  const struct edgecore_message_fields *request = turn->core->message_read(item->context);
  const struct resource resource = resource_parse(request->resource);
  gboolean refusal;
  int32_t code = turn_check_content(turn, reply, error);

  if (code == EDGECORE_OK)
    code = is_refusal(turn, reply, &refusal, error);
  /* A key that is too long for the table is passed on, like a refusal. */
  if (code == EDGECORE_OK && !refusal && strlen(request->resource) <= RESOURCE_KEY_MAX) {
    struct store_row row = turn_row_of(reply, &resource);
    /* Under the key that was asked for, which is the one that will be looked up. */
    row.key = request->resource;
    code = store_insert_or_update(turn->store, &row, error);
  }
  if (code == EDGECORE_OK && turn->has_wanted)
    code = wanted_drop(turn->store, request->resource, error);
  if (code != EDGECORE_OK)
    return code;
  deliveries_add(turn->deliveries, DELIVERY_ANSWER, DESTINATION_CALLER, turn->core->message_ref(item->message),
                 turn->core->message_ref(item->context));
  return EDGECORE_OK;
}

static const char *reason(int32_t outcome) {
  switch (outcome) {
  case EDGECORE_TIMEOUT:
    return "the cloud did not answer in time";
  case EDGECORE_NOT_FOUND:
    return "there is no module that leads to the cloud";
  default:
    return "the link to the cloud is down";
  }
}

/* No reply: what is stored answers, in the form of a local answer, unless the request is tried again. */
static int32_t fall_back(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *request = turn->core->message_read(item->context);
  struct edgecore_message *message;
  struct store_json json;
  int32_t code = store_answer_key(turn->store, request->resource, &json, error);

  if (code != EDGECORE_OK)
    return code;
  if (json.rows > 0) {
    message = local_answer_new(turn, request, &json, error);
  } else {
    g_autofree char *text = g_strdup_printf("Error to query meta in DB: no stored copy of %.*s, and %s",
                                            text_shown(request->resource), request->resource, reason(item->outcome));
    message = turn_error_new(turn, request, "metaManager", text, error);
  }
  if (message == NULL)
    return EDGECORE_NO_MEMORY;
  deliveries_add(turn->deliveries, DELIVERY_REMOTE_FAILED, DESTINATION_CALLER, message,
                 turn->core->message_ref(item->context));
  return EDGECORE_OK;
}

int32_t op_query_outcome(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  return item->outcome == EDGECORE_OK ? pass_reply(turn, item, error) : fall_back(turn, item, error);
}

int32_t op_query_fail(struct turn *turn, struct edgecore_message *request, const char *text,
                      struct edgecore_error *error) {
  struct edgecore_message *answer = turn_error_new(turn, turn->core->message_read(request), "metaManager", text, error);

  if (answer == NULL)
    return EDGECORE_NO_MEMORY;
  deliveries_add(turn->deliveries, DELIVERY_ANSWER, DESTINATION_CALLER, answer, turn->core->message_ref(request));
  return EDGECORE_OK;
}
