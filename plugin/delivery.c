#include "delivery.h"

GArray *deliveries_new(void) {
  return g_array_new(FALSE, FALSE, sizeof(struct delivery));
}

void deliveries_add(GArray *deliveries, enum delivery_kind kind, enum destination to, struct edgecore_message *message,
                    struct edgecore_message *context) {
  const struct delivery delivery = {.kind = kind, .to = to, .message = message, .context = context};

  g_array_append_val(deliveries, delivery);
}

void deliveries_truncate(GArray *deliveries, const struct edgecore_core *core, guint from) {
  for (guint i = from; i < deliveries->len; i++) {
    struct delivery *delivery = &g_array_index(deliveries, struct delivery, i);
    core->message_unref(delivery->message);
    core->message_unref(delivery->context);
  }
  g_array_set_size(deliveries, from);
}

void deliveries_free(GArray *deliveries, const struct edgecore_core *core) {
  if (deliveries == NULL)
    return;
  deliveries_truncate(deliveries, core, 0);
  g_array_unref(deliveries);
}

gboolean delivery_is_for_cloud(const struct delivery *delivery) {
  return delivery->kind == DELIVERY_SEND && delivery->to == DESTINATION_CLOUD;
}
