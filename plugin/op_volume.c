#include "operations.h"

#include "error.h"
#include "text.h"

#include <string.h>

/* The request as edged gets it: itself, asking for an answer. */
static struct edgecore_message *request_new(struct turn *turn, struct edgecore_message *message,
                                            struct edgecore_error *error) {
  struct edgecore_message_fields fields = *turn->core->message_read(message);

  if (turn_is_sync(&fields))
    return turn->core->message_ref(message);
  fields.size = sizeof fields;
  fields.flags |= EDGECORE_MESSAGE_SYNC;
  fields.content_of = message;
  return turn->core->message_new(turn->core, &fields, error);
}

int32_t op_volume(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  struct edgecore_message *request = request_new(turn, item->message, error);

  if (request == NULL)
    return EDGECORE_NO_MEMORY;
  deliveries_add(turn->deliveries, DELIVERY_REQUEST, DESTINATION_EDGED, request,
                 turn->core->message_ref(item->message));
  return EDGECORE_OK;
}

static const char *reason(int32_t outcome) {
  switch (outcome) {
  case EDGECORE_TIMEOUT:
    return "edged did not answer in time";
  case EDGECORE_NOT_FOUND:
    return "there is no module edged";
  case EDGECORE_OK:
    return "edged refused it";
  default:
    return "the host could not pass it on";
  }
}

int32_t op_volume_outcome(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  const struct edgecore_message_fields *request = turn->core->message_read(item->context);
  const struct edgecore_message_fields *reply =
      item->outcome == EDGECORE_OK ? turn->core->message_read(item->message) : NULL;

  if (reply == NULL || strcmp(reply->operation, "error") == 0)
    return error_set(error, EDGECORE_INVALID, "Error to process volume: %s of %.*s: %s", request->operation,
                     text_shown(request->resource), request->resource, reason(item->outcome));
  int32_t code = turn_check_content(turn, reply, error);
  if (code != EDGECORE_OK)
    return code;

  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = request->id,
      .source = request->source,
      .group = request->group,
      .operation = "response",
      .resource = request->resource,
      .content_of = item->message,
  };
  struct edgecore_message *answer = turn->core->message_new(turn->core, &fields, error);
  if (answer == NULL)
    return EDGECORE_NO_MEMORY;
  if (turn_is_sync(request))
    turn_send(turn, DESTINATION_CALLER, turn->core->message_ref(answer));
  return turn_send_to_cloud(turn, answer, error);
}
