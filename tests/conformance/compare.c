#include "compare.h"

#include <string.h>

static const char *string_of(JsonObject *object, const char *member) {
  return json_object_get_string_member_with_default(object, member, "");
}

/* A copy cut to what fits on a line. */
static char *shown(JsonNode *node) {
  g_autofree char *text = json_to_string(node, FALSE);
  return g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), 200));
}

/* JSON text as data; any other text as itself. */
static JsonNode *parsed(const char *text) {
  JsonNode *node = json_from_string(text, NULL);
  return node != NULL ? node : json_node_init_string(json_node_alloc(), text);
}

static JsonNode *parsed_node(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? parsed(json_node_get_string(node))
             : json_node_copy(node);
}

/* A query's answer lists stored values as texts: each of them as data. */
static JsonNode *with_parsed_elements(JsonNode *node) {
  if (!JSON_NODE_HOLDS_ARRAY(node))
    return json_node_ref(node);
  JsonArray *from = json_node_get_array(node);
  JsonArray *to = json_array_new();
  for (guint i = 0; i < json_array_get_length(from); i++)
    json_array_add_element(to, parsed_node(json_array_get_element(from, i)));
  return json_node_init_array(json_node_alloc(), g_steal_pointer(&to));
}

static gboolean is_raw(JsonObject *message) {
  return json_object_has_member(message, "content_raw") && !json_object_get_null_member(message, "content_raw");
}

static JsonNode *content_of(JsonObject *message) {
  g_autoptr(JsonNode) body = NULL;
  JsonNode *member = json_object_get_member(message, is_raw(message) ? "content_raw" : "content");
  if (member == NULL)
    return json_node_new(JSON_NODE_NULL);
  body = is_raw(message) ? parsed_node(member) : json_node_copy(member);
  if (!is_raw(message) && JSON_NODE_HOLDS_ARRAY(body) && json_array_get_length(json_node_get_array(body)) == 0)
    return json_node_new(JSON_NODE_NULL);
  return with_parsed_elements(body);
}

static char *content_difference(JsonObject *want, JsonObject *got) {
  if (json_object_has_member(want, "content_prefix")) {
    const char *text = string_of(got, is_raw(got) ? "content_raw" : "content");
    const char *prefix = string_of(want, "content_prefix");
    return g_str_has_prefix(text, prefix)
               ? NULL
               : g_strdup_printf("content: want a text that starts with '%s', got '%s'", prefix, text);
  }
  g_autoptr(JsonNode) a = content_of(want);
  g_autoptr(JsonNode) b = content_of(got);
  if (is_raw(want) == is_raw(got) && json_node_equal(a, b))
    return NULL;
  g_autofree char *wanted = shown(a);
  g_autofree char *was = shown(b);
  return g_strdup_printf("content: want %s %s, got %s %s", is_raw(want) ? "raw" : "value", wanted,
                         is_raw(got) ? "raw" : "value", was);
}

static char *message_difference(JsonObject *want, JsonObject *got) {
  static const char *const members[] = {"id", "parent_id", "source", "group", "operation", "resource"};
  for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
    const char *a = string_of(want, members[i]);
    const char *b = string_of(got, members[i]);
    gboolean any = strcmp(a, "*") == 0;
    if (any ? *b == '\0' : strcmp(a, b) != 0)
      return g_strdup_printf("%s: want '%s', got '%s'", members[i], a, b);
  }
  gboolean sync = json_object_get_boolean_member_with_default(want, "sync", FALSE);
  if (sync != json_object_get_boolean_member_with_default(got, "sync", FALSE))
    return g_strdup_printf("sync: want %s", sync ? "true" : "false");
  return content_difference(want, got);
}

/* The array of that name, or an empty one. */
static JsonArray *array_of(JsonObject *object, const char *member) {
  return object != NULL && json_object_has_member(object, member)
             ? json_array_ref(json_object_get_array_member(object, member))
             : json_array_new();
}

static char *module_difference(JsonObject *want, JsonObject *got, const char *module) {
  g_autoptr(JsonArray) a = array_of(want, module);
  g_autoptr(JsonArray) b = array_of(got, module);
  if (json_array_get_length(a) != json_array_get_length(b))
    return g_strdup_printf("%s: want %u deliveries, got %u", module, json_array_get_length(a),
                           json_array_get_length(b));
  for (guint i = 0; i < json_array_get_length(a); i++) {
    g_autofree char *why = message_difference(json_array_get_object_element(a, i), json_array_get_object_element(b, i));
    if (why != NULL)
      return g_strdup_printf("%s[%u] %s", module, i, why);
  }
  return NULL;
}

static char *deliveries_difference(JsonObject *want, JsonObject *got) {
  g_autoptr(GHashTable) modules = g_hash_table_new(g_str_hash, g_str_equal);
  JsonObject *sides[] = {want, got};
  for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
    g_autoptr(GList) names = sides[i] != NULL ? json_object_get_members(sides[i]) : NULL;
    for (GList *name = names; name != NULL; name = name->next)
      g_hash_table_add(modules, name->data);
  }
  g_autoptr(GList) all = g_list_sort(g_hash_table_get_keys(modules), (GCompareFunc)strcmp);
  for (GList *module = all; module != NULL; module = module->next) {
    char *why = module_difference(want, got, module->data);
    if (why != NULL)
      return why;
  }
  return NULL;
}

static int by_key(const void *a, const void *b) {
  return strcmp(string_of(*(JsonObject *const *)a, "key"), string_of(*(JsonObject *const *)b, "key"));
}

static GPtrArray *rows_of(JsonObject *step) {
  g_autoptr(JsonArray) table = array_of(step, "table");
  GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_object_unref);
  for (guint i = 0; i < json_array_get_length(table); i++)
    g_ptr_array_add(rows, json_object_ref(json_array_get_object_element(table, i)));
  g_ptr_array_sort(rows, by_key);
  return rows;
}

static char *row_difference(JsonObject *want, JsonObject *got) {
  const char *key = string_of(want, "key");
  if (strcmp(key, string_of(got, "key")) != 0)
    return g_strdup_printf("table: want key '%s', got '%s'", key, string_of(got, "key"));
  if (strcmp(string_of(want, "type"), string_of(got, "type")) != 0)
    return g_strdup_printf("table: %s: want type '%s', got '%s'", key, string_of(want, "type"), string_of(got, "type"));
  g_autoptr(JsonNode) a = parsed_node(json_object_get_member(want, "value"));
  g_autoptr(JsonNode) b = parsed_node(json_object_get_member(got, "value"));
  if (json_node_equal(a, b))
    return NULL;
  g_autofree char *wanted = shown(a);
  g_autofree char *was = shown(b);
  return g_strdup_printf("table: %s: want %s, got %s", key, wanted, was);
}

static char *table_difference(JsonObject *want, JsonObject *got) {
  g_autoptr(GPtrArray) a = rows_of(want);
  g_autoptr(GPtrArray) b = rows_of(got);
  for (guint i = 0; i < a->len && i < b->len; i++) {
    char *why = row_difference(a->pdata[i], b->pdata[i]);
    if (why != NULL)
      return why;
  }
  if (a->len == b->len)
    return NULL;
  const GPtrArray *longer = a->len > b->len ? a : b;
  return g_strdup_printf("table: want %u rows, got %u; %s '%s'", a->len, b->len, longer == a ? "misses" : "also has",
                         string_of(longer->pdata[MIN(a->len, b->len)], "key"));
}

static JsonObject *object_of(JsonObject *step, const char *member) {
  return json_object_has_member(step, member) ? json_object_get_object_member(step, member) : NULL;
}

static char *reply_difference(JsonObject *want, JsonObject *got) {
  JsonObject *a = object_of(want, "reply");
  JsonObject *b = object_of(got, "reply");
  if (a == NULL && b == NULL)
    return NULL;
  if (a == NULL)
    return g_strdup("reply: want none, got one");
  if (b == NULL)
    return g_strdup_printf("reply: want one, got %s", string_of(got, "reply_error"));
  g_autofree char *why = message_difference(a, b);
  return why != NULL ? g_strdup_printf("reply: %s", why) : NULL;
}

static char *step_difference(JsonObject *want, JsonObject *got) {
  char *why = deliveries_difference(object_of(want, "deliveries"), object_of(got, "deliveries"));
  if (why == NULL)
    why = reply_difference(want, got);
  return why != NULL ? why : table_difference(want, got);
}

char *compare_scenario(JsonObject *scenario, JsonObject *result) {
  g_autoptr(JsonArray) want = array_of(scenario, "steps");
  g_autoptr(JsonArray) got = array_of(result, "steps");
  if (json_array_get_length(want) != json_array_get_length(got))
    return g_strdup_printf("want %u steps, got %u", json_array_get_length(want), json_array_get_length(got));
  for (guint i = 0; i < json_array_get_length(want); i++) {
    g_autofree char *why =
        step_difference(json_array_get_object_element(want, i), json_array_get_object_element(got, i));
    if (why != NULL)
      return g_strdup_printf("step %u: %s", i, why);
  }
  return NULL;
}

GPtrArray *compare_read_lines(const char *text, GError **error) {
  g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)json_object_unref);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    if (*lines[i] == '\0')
      continue;
    g_autoptr(JsonNode) node = json_from_string(lines[i], error);
    if (node == NULL)
      g_prefix_error(error, "line %u: ", i + 1);
    else if (!JSON_NODE_HOLDS_OBJECT(node))
      g_set_error(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, "line %u: not an object", i + 1);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
      return NULL;
    g_ptr_array_add(objects, json_node_dup_object(node));
  }
  return g_steal_pointer(&objects);
}
