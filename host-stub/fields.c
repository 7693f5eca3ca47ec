#include "fields.h"
#include "failure.h"
#include <string.h>

#define MAX_NAME_SHOWN 40 /* characters */

static const char *const kind_names[] = {
    [FIELD_TEXT] = "text",   [FIELD_INTEGER] = "an integer", [FIELD_TRUTH] = "true or false",
    [FIELD_LIST] = "a list", [FIELD_OBJECT] = "an object",   [FIELD_ANY] = "a value",
};

static gboolean has_kind(const json_value *value, enum field_kind kind) {
  static const enum json_kind wanted[] = {[FIELD_TEXT] = JSON_TEXT,
                                          [FIELD_INTEGER] = JSON_INTEGER,
                                          [FIELD_TRUTH] = JSON_TRUTH,
                                          [FIELD_LIST] = JSON_LIST,
                                          [FIELD_OBJECT] = JSON_OBJECT};

  return kind == FIELD_ANY || value->kind == wanted[kind];
}

static gboolean fail_unknown(const char *name, const char *where, GError **error) {
  gboolean is_long = g_utf8_strlen(name, -1) > MAX_NAME_SHOWN;
  g_autofree char *shown = is_long ? g_utf8_substring(name, 0, MAX_NAME_SHOWN) : g_strdup(name);

  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: unknown field \"%s%s\"", where, shown, is_long ? "..." : "");
  return FALSE;
}

static gboolean check_field(const json_value *value, const struct field *fields, const char *where, GError **error) {
  for (; fields->name; fields++) {
    if (strcmp(value->name, fields->name) != 0)
      continue;
    if (has_kind(value, fields->kind))
      return TRUE;
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: field \"%s\": want %s, got %s", where, value->name,
                kind_names[fields->kind], fields_kind_of(value));
    return FALSE;
  }
  return fail_unknown(value->name, where, error);
}

const char *fields_kind_of(const json_value *value) {
  for (int kind = FIELD_TEXT; kind < FIELD_ANY; kind++) {
    if (has_kind(value, (enum field_kind)kind))
      return kind_names[kind];
  }
  return value->kind == JSON_NULL ? "null" : "a fraction";
}

gboolean fields_check(const json_value *value, const struct field *fields, const char *where, GError **error) {
  if (value->kind != JSON_OBJECT) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: want an object, got %s", where, fields_kind_of(value));
    return FALSE;
  }

  for (guint i = 0; i < value->held->len; i++) {
    if (!check_field(g_ptr_array_index(value->held, i), fields, where, error))
      return FALSE;
  }
  for (; fields->name; fields++) {
    if (!fields->required || json_value_member(value, fields->name) != NULL)
      continue;
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: field \"%s\" is missing", where, fields->name);
    return FALSE;
  }
  return TRUE;
}

const char *fields_text(const json_value *object, const char *name) {
  const json_value *value = json_value_member(object, name);

  return value != NULL ? value->text : NULL;
}

gint64 fields_integer(const json_value *object, const char *name, gint64 absent) {
  const json_value *value = json_value_member(object, name);

  return value != NULL ? value->integer : absent;
}

gboolean fields_truth(const json_value *object, const char *name) {
  return fields_integer(object, name, FALSE) != 0;
}

gboolean fields_check_range(const json_value *object, const char *name, gint64 least, gint64 most, const char *where,
                            GError **error) {
  gint64 value = fields_integer(object, name, least);

  if (value >= least && value <= most)
    return TRUE;
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID,
              "%s: field \"%s\": want %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", got %" G_GINT64_FORMAT, where, name,
              least, most, value);
  return FALSE;
}
