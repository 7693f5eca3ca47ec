#include "expected.h"

#include "rig.h"

#include "resource.h"

#include <json-glib/json-glib.h>
#include <string.h>

void expected_init(struct expected *self) {
  *self = (struct expected){0};
  self->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  self->kept = g_ptr_array_new_with_free_func(g_free);
  self->kept_latest = g_ptr_array_new_with_free_func(g_free);
  self->sent = g_ptr_array_new_with_free_func(g_free);
  self->sent_latest = g_ptr_array_new_with_free_func(g_free);
}

void expected_clear(struct expected *self) {
  g_hash_table_unref(self->rows);
  g_ptr_array_unref(self->kept);
  g_ptr_array_unref(self->kept_latest);
  g_ptr_array_unref(self->sent);
  g_ptr_array_unref(self->sent_latest);
}

void expected_start(struct expected *self, const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0')
      g_hash_table_insert(self->rows, g_strndup(*line, strcspn(*line, " ")), g_strdup(*line));
}

static void set_row(struct expected *self, const char *key, const char *type, const void *value, gsize size) {
  g_hash_table_insert(self->rows, g_strdup(key), rig_row_line(key, type, value, size));
}

static void set_message_row(struct expected *self, const struct edgecore_message_fields *message) {
  const struct resource resource = resource_parse(message->resource);
  gboolean none = message->content_kind == EDGECORE_CONTENT_NONE;

  set_row(self, message->resource, resource.type, none ? "null" : message->content, none ? 4 : message->content_size);
}

static void set_list(struct expected *self, const struct edgecore_message_fields *message, const char *type) {
  g_autoptr(JsonParser) parser = json_parser_new();

  if (!json_parser_load_from_data(parser, message->content, (gssize)message->content_size, NULL))
    g_error("the workload's list is not JSON");
  JsonArray *list = json_node_get_array(json_parser_get_root(parser));
  for (guint i = 0; i < json_array_get_length(list); i++) {
    JsonNode *element = json_array_get_element(list, i);
    JsonObject *metadata = json_object_get_object_member(json_node_get_object(element), "metadata");
    g_autofree char *key = g_strdup_printf("%s/%s/%s", json_object_get_string_member(metadata, "namespace"), type,
                                           json_object_get_string_member(metadata, "name"));
    g_autofree char *value = json_to_string(element, FALSE);
    set_row(self, key, type, value, strlen(value));
  }
}

/* `latest` is the resource of a message that replaces the one before, or "". */
static void keep(struct expected *self, const char *line, const char *latest) {
  for (guint i = 0; *latest != '\0' && i < self->kept->len; i++)
    if (strcmp(g_ptr_array_index(self->kept_latest, i), latest) == 0) {
      g_ptr_array_remove_index(self->kept, i);
      g_ptr_array_remove_index(self->kept_latest, i);
      break;
    }
  g_ptr_array_add(self->kept, g_strdup(line));
  g_ptr_array_add(self->kept_latest, g_strdup(latest));
}

static void send_to_cloud(struct expected *self, const struct edgecore_message_fields *message) {
  gboolean is_update = strcmp(message->operation, "update") == 0;
  const char *latest = is_update ? message->resource : "";
  g_autofree char *line = rig_kept_line(message);

  /* The table has the statuses, and each connection begins with them. */
  if (is_update && resource_parse(message->resource).kind == RESOURCE_PODSTATUS)
    return;
  if (self->is_disconnected || self->kept->len > 0) {
    keep(self, line, latest);
    return;
  }
  g_ptr_array_add(self->sent, g_steal_pointer(&line));
  g_ptr_array_add(self->sent_latest, g_strdup(latest));
}

void expected_turn(struct expected *self) {
  g_ptr_array_set_size(self->sent, 0);
  g_ptr_array_set_size(self->sent_latest, 0);
}

static void answer_cloud(struct expected *self, const struct edgecore_message_fields *request, const char *operation) {
  const struct edgecore_message_fields answer = {.operation = operation,
                                                 .resource = request->resource,
                                                 .parent_id = request->id,
                                                 .content = "\"OK\"",
                                                 .content_size = 4};

  send_to_cloud(self, &answer);
}

static void apply_update(struct expected *self, const struct edgecore_message_fields *message) {
  switch (resource_parse(message->resource).kind) {
  case RESOURCE_SERVICELIST:
    set_list(self, message, "service");
    answer_cloud(self, message, "response");
    return;
  case RESOURCE_ENDPOINTSLIST:
    set_list(self, message, "endpoints");
    answer_cloud(self, message, "response");
    return;
  case RESOURCE_PODLIST:
    set_message_row(self, message);
    answer_cloud(self, message, "response");
    return;
  default:
    break;
  }
  set_message_row(self, message);
  if (strcmp(message->source, "edged") == 0)
    send_to_cloud(self, message);
  if (strcmp(message->source, "edgecontroller") == 0)
    answer_cloud(self, message, "response");
}

/* The statuses of pods that are gone go too. */
static void apply_sync(struct expected *self) {
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, self->rows);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    g_auto(GStrv) parts = g_strsplit(key, "/podstatus/", 2);
    g_autofree char *pod = g_strdup_printf("%s/pod/%s", parts[0], parts[1] != NULL ? parts[1] : "");
    if (parts[1] != NULL && !g_hash_table_contains(self->rows, pod))
      g_hash_table_iter_remove(&iter);
  }
}

static void apply_publish(struct expected *self, const struct edgecore_message_fields *message) {
  gboolean lost = g_strstr_len(message->content, (gssize)message->content_size, "disconnected") != NULL;

  if (lost && !self->is_disconnected) {
    for (guint i = 0; i < self->sent->len; i++)
      keep(self, g_ptr_array_index(self->sent, i), g_ptr_array_index(self->sent_latest, i));
    expected_turn(self);
  }
  self->is_disconnected = lost;
}

void expected_apply(struct expected *self, const struct edgecore_message_fields *message) {
  const char *operation = message->operation;

  if (strcmp(operation, "update") == 0) {
    apply_update(self, message);
  } else if (strcmp(operation, "insert") == 0) {
    set_message_row(self, message);
    answer_cloud(self, message, "response");
  } else if (strcmp(operation, "delete") == 0) {
    g_hash_table_remove(self->rows, message->resource);
    answer_cloud(self, message, "response");
  } else if (strcmp(operation, "action_result") == 0) {
    set_message_row(self, message);
    send_to_cloud(self, message);
  } else if (strcmp(operation, "publish") == 0) {
    apply_publish(self, message);
  } else if (strcmp(operation, "meta-internal-sync") == 0) {
    apply_sync(self);
  } else if (strcmp(operation, "query") != 0) {
    g_error("the workload has an operation that is not expected: %s", operation);
  }
}

void expected_refuse(struct expected *self, const struct edgecore_message_fields *message) {
  if (strcmp(message->source, "edged") != 0)
    answer_cloud(self, message, "error");
}

void expected_taken(struct expected *self, const struct edgecore_message_fields *message) {
  g_autofree char *line = rig_kept_line(message);

  if (self->kept->len == 0 || strcmp(line, g_ptr_array_index(self->kept, 0)) != 0)
    return;
  g_ptr_array_remove_index(self->kept, 0);
  g_ptr_array_remove_index(self->kept_latest, 0);
}

static int by_text(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

char *expected_text(const struct expected *self) {
  GString *text = g_string_new(NULL);
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array(self->rows, NULL);
  guint count = g_hash_table_size(self->rows);

  qsort(keys, count, sizeof *keys, by_text);
  for (guint i = 0; i < count; i++)
    g_string_append_printf(text, "%s\n", (char *)g_hash_table_lookup(self->rows, keys[i]));
  for (guint i = 0; i < self->kept->len; i++)
    g_string_append_printf(text, "%s\n", (char *)g_ptr_array_index(self->kept, i));
  return g_string_free(text, FALSE);
}
