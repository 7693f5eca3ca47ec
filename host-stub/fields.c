#include "fields.h"
#include "host.h"
#include <string.h>

#define MAX_NAME_SHOWN 40 /* characters */

static const char *const kind_names[] = {
    [FIELD_TEXT] = "text",   [FIELD_INTEGER] = "an integer", [FIELD_TRUTH] = "true or false",
    [FIELD_LIST] = "a list", [FIELD_OBJECT] = "an object",   [FIELD_ANY] = "a value",
};

static gboolean has_kind(JsonNode *node, enum field_kind kind) {
  switch (kind) {
  case FIELD_TEXT:
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
  case FIELD_INTEGER:
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
  case FIELD_TRUTH:
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN;
  case FIELD_LIST:
    return JSON_NODE_HOLDS_ARRAY(node);
  case FIELD_OBJECT:
    return JSON_NODE_HOLDS_OBJECT(node);
  case FIELD_ANY:
    return TRUE;
  }
  return FALSE;
}

static gboolean fail_unknown(const char *name, const char *where, GError **error) {
  gboolean is_long = g_utf8_strlen(name, -1) > MAX_NAME_SHOWN;
  g_autofree char *shown = is_long ? g_utf8_substring(name, 0, MAX_NAME_SHOWN) : g_strdup(name);

  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: unknown field \"%s%s\"", where, shown, is_long ? "..." : "");
  return FALSE;
}

static gboolean check_field(const char *name, JsonNode *node, const struct field *fields, const char *where,
                            GError **error) {
  for (; fields->name; fields++) {
    if (strcmp(name, fields->name) != 0)
      continue;
    if (has_kind(node, fields->kind))
      return TRUE;
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: field \"%s\": want %s, got %s", where, name,
                kind_names[fields->kind], fields_kind_of(node));
    return FALSE;
  }
  return fail_unknown(name, where, error);
}

const char *fields_kind_of(JsonNode *node) {
  for (int kind = FIELD_TEXT; kind < FIELD_ANY; kind++) {
    if (has_kind(node, (enum field_kind)kind))
      return kind_names[kind];
  }
  return JSON_NODE_HOLDS_NULL(node) ? "null" : "a fraction";
}

gboolean fields_check(JsonNode *node, const struct field *fields, const char *where, GError **error) {
  if (!JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: want an object, got %s", where, fields_kind_of(node));
    return FALSE;
  }

  JsonObject *object = json_node_get_object(node);
  JsonObjectIter each;
  const char *name;
  JsonNode *member;
  json_object_iter_init_ordered(&each, object);
  while (json_object_iter_next_ordered(&each, &name, &member)) {
    if (!check_field(name, member, fields, where, error))
      return FALSE;
  }
  for (; fields->name; fields++) {
    if (!fields->required || json_object_has_member(object, fields->name))
      continue;
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: field \"%s\" is missing", where, fields->name);
    return FALSE;
  }
  return TRUE;
}

const char *fields_text(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, NULL);
}

gint64 fields_integer(JsonObject *object, const char *name, gint64 absent) {
  return json_object_get_int_member_with_default(object, name, absent);
}

gboolean fields_truth(JsonObject *object, const char *name) {
  return json_object_get_boolean_member_with_default(object, name, FALSE);
}

gboolean fields_check_range(JsonObject *object, const char *name, gint64 least, gint64 most, const char *where,
                            GError **error) {
  gint64 value = fields_integer(object, name, least);

  if (value >= least && value <= most)
    return TRUE;
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID,
              "%s: field \"%s\": want %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", got %" G_GINT64_FORMAT, where, name,
              least, most, value);
  return FALSE;
}
