#include "operations.h"

#include <string.h>

enum link op_publish_link(const struct edgecore_message_fields *message) {
  static const struct {
    const char *text;
    enum link link;
  } states[] = {{"cloud_connected", LINK_CONNECTED}, {"cloud_disconnected", LINK_DISCONNECTED}};
  struct turn_content content = turn_content_of(message);

  if (content.size >= 2 && content.data[0] == '"' && content.data[content.size - 1] == '"') {
    content.data++;
    content.size -= 2;
  }
  for (guint i = 0; i < G_N_ELEMENTS(states); i++)
    if (content.size == strlen(states[i].text) && memcmp(content.data, states[i].text, content.size) == 0)
      return states[i].link;
  return LINK_UNKNOWN;
}

void op_publish_set(struct turn *turn, enum link link) {
  const struct delivery delivery = {.kind = DELIVERY_LINK, .to = DESTINATION_SELF, .link = link};

  turn->link = link;
  g_array_append_val(turn->deliveries, delivery);
}

int32_t op_publish(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  enum link link = op_publish_link(turn->core->message_read(item->message));

  if (link == LINK_UNKNOWN || link == turn->link)
    return EDGECORE_OK;
  if (link == LINK_DISCONNECTED && !turn->settings->edgesite) {
    int32_t code = turn_keep_waiting(turn, error);
    if (code != EDGECORE_OK)
      return code;
  }
  op_publish_set(turn, link);
  return EDGECORE_OK;
}
