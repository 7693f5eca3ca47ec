/* What the modules of a rig got and what the database holds, as text to compare. */
#include "rig.h"

#include <string.h>

/* Ids of 36 characters are made, those of the tests are short. */
static const char *id_text(const char *id) {
  return strlen(id) == 36 ? "*" : id;
}

/* Order counts for each resource only. */
static int by_resource(const void *a, const void *b, void *arrival) {
  struct edgecore_message *first = *(struct edgecore_message *const *)a;
  struct edgecore_message *second = *(struct edgecore_message *const *)b;
  int order = strcmp(message_read(first)->resource, message_read(second)->resource);
  return order != 0 ? order
                    : GPOINTER_TO_INT(g_hash_table_lookup(arrival, first)) -
                          GPOINTER_TO_INT(g_hash_table_lookup(arrival, second));
}

static void sort(GPtrArray *messages) {
  g_autoptr(GHashTable) arrival = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < messages->len; i++)
    g_hash_table_insert(arrival, messages->pdata[i], GINT_TO_POINTER((int)i));
  g_ptr_array_sort_with_data(messages, by_resource, arrival);
}

char *rig_deliveries(rig *self) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (enum rig_module module = 0; module < RIG_MODULES; module++) {
    g_autoptr(GPtrArray) messages = rig_got(self, module);
    sort(messages);
    for (guint i = 0; i < messages->len; i++) {
      const struct edgecore_message_fields *fields = message_read(messages->pdata[i]);
      g_string_append_printf(text, "%s: %s of %s from %s, id %s, parent %s%s: %.*s\n", rig_module_name(module),
                             fields->operation, fields->resource, fields->source, id_text(fields->id),
                             id_text(fields->parent_id), fields->flags & EDGECORE_MESSAGE_SYNC ? ", sync" : "",
                             (int)fields->content_size, fields->content == NULL ? "" : (const char *)fields->content);
    }
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

char *rig_table(rig *self) {
  return database_value(rig_database(self), "SELECT group_concat(key || ' ' || type || ' ' || value, char(10)) FROM"
                                            " (SELECT * FROM meta ORDER BY key)");
}
