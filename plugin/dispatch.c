#include "dispatch.h"

#include "error.h"
#include "operations.h"
#include "text.h"

#include <string.h>

struct operation {
  const char *name;
  turn_handler_fn *handle;
  turn_handler_fn *outcome; /* of the request that the operation sent */
  gboolean stores;          /* its resource must do as a key, and its content be what it says it is */
  const char *prefix;       /* of an error of the database. NULL: nobody asked, the error is only logged. */
  gboolean
      in_its_name; /* its error answer comes from the request's source, as the answer would, and not from metaManager */
};

#define SAVE "Error to save meta to DB: "
#define UPDATE "Error to update meta to DB: "
#define VOLUME "Error to process volume: "

static const struct operation operations[] = {
    {"update", op_update, NULL, TRUE, UPDATE, FALSE},
    {"query", op_query, op_query_outcome, FALSE, "Error to query meta in DB: ", FALSE},
    {"insert", op_insert, NULL, TRUE, SAVE, FALSE},
    {"delete", op_delete, NULL, FALSE, "Error to delete meta to DB: ", FALSE},
    {"response", op_response, NULL, TRUE, UPDATE, FALSE},
    {"publish", op_publish, NULL, FALSE, NULL, FALSE},
    {"meta-internal-sync", op_podstatus_sync, NULL, FALSE, NULL, FALSE},
    {"action", op_action, NULL, TRUE, SAVE, FALSE},
    {"action_result", op_action_result, NULL, TRUE, SAVE, FALSE},
    {"createvolume", op_volume, op_volume_outcome, FALSE, VOLUME, TRUE},
    {"deletevolume", op_volume, op_volume_outcome, FALSE, VOLUME, TRUE},
    {"controllerpublishvolume", op_volume, op_volume_outcome, FALSE, VOLUME, TRUE},
    {"controllerunpublishvolume", op_volume, op_volume_outcome, FALSE, VOLUME, TRUE},
};

/* The message that someone wants an answer to: the item's own, or the one that led to the request whose outcome it is. */
static struct edgecore_message *asked(const struct edgecore_item *item) {
  return item->context != NULL ? item->context : item->message;
}

static const struct operation *operation_of(const struct turn *turn, const struct edgecore_item *item) {
  const char *name = turn->core->message_read(asked(item))->operation;

  for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
    if (strcmp(name, operations[i].name) == 0)
      return &operations[i];
  return NULL;
}

static int32_t answer_error(struct turn *turn, const struct edgecore_item *item, const char *text,
                            struct edgecore_error *error) {
  const struct edgecore_message_fields *request = turn->core->message_read(asked(item));

  if (item->context != NULL && strcmp(request->operation, "query") == 0)
    return op_query_fail(turn, item->context, text, error);

  const char *source = operation_of(turn, item)->in_its_name ? request->source : "metaManager";
  struct edgecore_message *answer = turn_error_new(turn, request, source, text, error);
  if (answer == NULL)
    return EDGECORE_NO_MEMORY;
  if (turn_is_sync(request)) {
    turn_send(turn, DESTINATION_CALLER, answer);
    return EDGECORE_OK;
  }
  if (strcmp(request->source, "edged") == 0) {
    turn_send(turn, DESTINATION_EDGED, answer);
    return EDGECORE_OK;
  }
  return turn_send_to_cloud(turn, answer, error);
}

static void log_failure(const struct turn *turn, const struct edgecore_item *item, const char *why) {
  const struct edgecore_message_fields *request = turn->core->message_read(asked(item));
  g_autofree char *text = g_strdup_printf("%s of %.*s from %.*s, message %.*s: %s", request->operation,
                                          text_shown(request->resource), request->resource, text_shown(request->source),
                                          request->source, text_shown(request->id), request->id, why);

  turn->core->log(turn->core, EDGECORE_LOG_WARNING, text);
}

static int32_t check_key(const struct edgecore_message_fields *message, struct edgecore_error *error) {
  gsize size = strlen(message->resource);

  if (size <= RESOURCE_KEY_MAX)
    return EDGECORE_OK;
  return error_set(error, EDGECORE_INVALID, "key of %zu bytes is longer than %d", size, RESOURCE_KEY_MAX);
}

static int32_t run_handler(struct turn *turn, const struct operation *operation, const struct edgecore_item *item,
                           struct edgecore_error *error) {
  if (item->context != NULL)
    return operation->outcome != NULL ? operation->outcome(turn, item, error) : EDGECORE_OK;
  int32_t code = EDGECORE_OK;
  if (operation->stores) {
    const struct edgecore_message_fields *message = turn->core->message_read(item->message);
    code = check_key(message, error);
    if (code == EDGECORE_OK)
      code = turn_check_content(turn, message, error);
  }
  return code != EDGECORE_OK ? code : operation->handle(turn, item, error);
}

int32_t dispatch(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct operation *operation = operation_of(turn, item);

  if (operation == NULL) {
    turn->core->log(turn->core, EDGECORE_LOG_DEBUG, "a message with an unknown operation was ignored");
    return EDGECORE_OK;
  }
  int32_t code = run_handler(turn, operation, item, error);
  if (code != EDGECORE_INVALID)
    return code;
  if (operation->prefix != NULL && !g_str_has_prefix(error->text, "Error to "))
    error_prefix(error, operation->prefix);
  struct edgecore_error cause = *error;
  log_failure(turn, item, cause.text);
  return answer_error(turn, item, cause.text, error);
}

int32_t dispatch_failure(struct turn *turn, const struct edgecore_item *item, const struct edgecore_error *cause,
                         struct edgecore_error *error) {
  const struct operation *operation = operation_of(turn, item);

  log_failure(turn, item, cause->text);
  /* What the message says of the link is true even if nothing can be written. */
  if (operation->handle == op_publish) {
    enum link link = op_publish_link(turn->core->message_read(item->message));
    if (link != LINK_UNKNOWN && link != turn->link)
      op_publish_set(turn, link);
    return EDGECORE_OK;
  }
  if (operation->prefix == NULL)
    return EDGECORE_OK;
  g_autofree char *text = g_strconcat(operation->prefix, cause->text, NULL);
  return answer_error(turn, item, text, error);
}
