#include "operations.h"

#include "text.h"

#include <string.h>

/* The update of all pod statuses of one namespace. */
static int32_t send_namespace(const char *name, const struct store_json *values, guint skipped, void *data,
                              struct edgecore_error *error) {
  struct turn *turn = data;
  if (!text_is_utf8(name, strlen(name))) {
    turn->core->log(turn->core, EDGECORE_LOG_WARNING,
                    "pod status sync: a namespace whose name is not UTF-8 was skipped");
    return EDGECORE_OK;
  }
  g_autofree char *resource = g_strconcat(name, "/podstatus", NULL);
  const struct edgecore_message_fields route = {.id = "", .group = "resource", .resource = resource};

  if (skipped > 0) {
    g_autofree char *text =
        g_strdup_printf("pod status sync: %u values of %s are not JSON and were skipped", skipped, resource);
    turn->core->log(turn->core, EDGECORE_LOG_WARNING, text);
  }
  if (values->rows == 0)
    return EDGECORE_OK;
  struct edgecore_message *update = turn_answer_new(
      turn, &route, "metaManager", "update", &(struct turn_content){.data = values->text, .size = values->size}, error);
  if (update == NULL)
    return EDGECORE_NO_MEMORY;
  return turn_send_to_cloud(turn, update, error);
}

int32_t op_podstatus_sync(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error) {
  gint64 deleted;
  int32_t code = store_delete_orphaned_podstatus(turn->store, &deleted, error);

  (void)item;
  if (code == EDGECORE_OK && deleted > 0) {
    g_autofree char *text =
        g_strdup_printf("pod status sync: deleted the statuses of %" G_GINT64_FORMAT " pods that are gone", deleted);
    turn->core->log(turn->core, EDGECORE_LOG_INFO, text);
  }
  /* Nobody would take them; the next connection starts with a sync. */
  if (code != EDGECORE_OK || (turn->link == LINK_DISCONNECTED && !turn->settings->edgesite))
    return code;
  return store_each_podstatus(turn->store, send_namespace, turn, error);
}
