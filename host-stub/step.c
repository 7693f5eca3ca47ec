#include "step.h"
#include "fields.h"
#include "failure.h"
#include "jsontext.h"
#include "message.h"
#include <string.h>

#define MAX_WAIT_MS 3600000
#define DEFAULT_AFTER_MS 30

/* Not JSON, in any dialect. */
static const char unencodable[] = "!unencodable";

/* clang-format off */
#define CONTENT_FIELDS \
  {"content", FIELD_ANY, FALSE}, {"content_raw", FIELD_TEXT, FALSE}, {"content_raw_base64", FIELD_TEXT, FALSE}, \
  {"content_unencodable", FIELD_TRUTH, FALSE}

#define STEP_FIELDS \
  {"send", FIELD_ANY, FALSE}, {"rules", FIELD_LIST, FALSE}, {"swap", FIELD_TEXT, FALSE}, {"wait_ms", FIELD_INTEGER, FALSE}

static const struct field message_fields[] = {
    {"source", FIELD_TEXT, TRUE}, {"operation", FIELD_TEXT, TRUE}, {"resource", FIELD_TEXT, TRUE},
    {"id", FIELD_TEXT, FALSE}, {"parent_id", FIELD_TEXT, FALSE}, {"group", FIELD_TEXT, FALSE},
    {"timestamp", FIELD_INTEGER, FALSE}, {"sync", FIELD_TRUTH, FALSE}, CONTENT_FIELDS, {NULL}};

static const struct field rule_fields[] = {
    {"on", FIELD_TEXT, TRUE}, {"operation", FIELD_TEXT, FALSE}, {"resource", FIELD_TEXT, FALSE},
    {"source", FIELD_TEXT, FALSE}, {"resp_operation", FIELD_TEXT, FALSE}, {"after_ms", FIELD_INTEGER, FALSE},
    CONTENT_FIELDS, {NULL}};

static const struct field step_fields[] = {STEP_FIELDS, {NULL}};

static const struct field scenario_step_fields[] = {
    STEP_FIELDS, {"deliveries", FIELD_OBJECT, FALSE}, {"table", FIELD_LIST, FALSE}, {"reply", FIELD_OBJECT, FALSE},
    {"reply_error", FIELD_ANY, FALSE}, {NULL}};

static const struct field scenario_fields[] = {
    {"name", FIELD_TEXT, TRUE}, {"steps", FIELD_LIST, TRUE}, {"config", FIELD_OBJECT, FALSE},
    {"deviations", FIELD_LIST, FALSE}, {NULL}};
/* clang-format on */

static gboolean fail(GError **error, const char *text) {
  g_set_error_literal(error, HOST_ERROR, EDGECORE_INVALID, text);
  return FALSE;
}

static void unref_message(gpointer message) {
  message_unref(message);
}

static void rule_free(gpointer data) {
  struct rule *rule = data;

  if (!rule)
    return;
  g_free(rule->on);
  g_free(rule->operation);
  g_free(rule->resource);
  g_free(rule->source);
  g_free(rule->resp_operation);
  message_unref(rule->content);
  g_free(rule);
}

static void free_step(gpointer self) {
  step_free(self);
}

static json_value *read_json(json_reader *reader, struct json_skeleton *skeleton, const char *text, gsize size,
                             GError **error) {
  if (!json_skeleton_read(skeleton, text, size, error))
    return NULL;
  return json_reader_read(reader, skeleton->text->str, skeleton->text->len, error);
}

/* g_base64_decode() takes everything; only what comes out the same again is base64. */
static guchar *decode_base64(const char *text, gsize *size) {
  g_autofree guchar *bytes = g_base64_decode(text, size);
  g_autofree char *again = g_base64_encode(bytes, *size);

  return strcmp(again, text) == 0 ? g_steal_pointer(&bytes) : NULL;
}

/* Sets the content of `fields`. What it needs to live until then is kept in *keep. */
static gboolean read_content(const json_value *object, const struct json_skeleton *skeleton,
                             struct edgecore_message_fields *fields, guchar **keep, const char *where, GError **error) {
  const char *raw = fields_text(object, "content_raw"), *base64 = fields_text(object, "content_raw_base64");
  gboolean has_value = json_value_member(object, "content") != NULL;
  gboolean is_unencodable = json_value_member(object, "content_unencodable") != NULL;

  if ((raw != NULL) + (base64 != NULL) + has_value + is_unencodable > 1) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: more than one content", where);
    return FALSE;
  }
  fields->content_kind = EDGECORE_CONTENT_NONE;
  if (has_value) {
    gint64 index = fields_integer(object, "content", 0);
    const struct json_span *content = &g_array_index(skeleton->contents, struct json_span, index);
    fields->content_kind = EDGECORE_CONTENT_JSON;
    fields->content = content->text;
    fields->content_size = content->size;
  } else if (raw) {
    fields->content_kind = EDGECORE_CONTENT_RAW;
    fields->content = raw;
    fields->content_size = strlen(raw);
  } else if (base64) {
    gsize size = 0;
    *keep = decode_base64(base64, &size);
    if (!*keep) {
      g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: field \"content_raw_base64\": not base64", where);
      return FALSE;
    }
    fields->content_kind = EDGECORE_CONTENT_RAW;
    fields->content = *keep;
    fields->content_size = size;
  } else if (fields_truth(object, "content_unencodable")) {
    fields->content_kind = EDGECORE_CONTENT_JSON;
    fields->content = unencodable;
    fields->content_size = strlen(unencodable);
  }
  return TRUE;
}

static struct edgecore_message *read_message(const json_value *object, const struct json_skeleton *skeleton,
                                             const char *where, GError **error) {
  if (!fields_check(object, message_fields, where, error) ||
      !fields_check_range(object, "timestamp", 0, G_MAXINT64, where, error))
    return NULL;

  const char *parent_id = fields_text(object, "parent_id"), *group = fields_text(object, "group");
  struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .flags = fields_truth(object, "sync") ? EDGECORE_MESSAGE_SYNC : 0,
      .timestamp = fields_integer(object, "timestamp", 0),
      .id = fields_text(object, "id"),
      .parent_id = parent_id ? parent_id : "",
      .source = fields_text(object, "source"),
      .group = group ? group : "",
      .operation = fields_text(object, "operation"),
      .resource = fields_text(object, "resource"),
  };
  g_autofree guchar *keep = NULL;
  if (!read_content(object, skeleton, &fields, &keep, where, error))
    return NULL;

  struct edgecore_error cause = {.size = sizeof cause};
  struct edgecore_message *message = message_new(&fields, &cause);
  if (!message)
    g_set_error(error, HOST_ERROR, cause.code, "%s: %s", where, cause.text);
  return message;
}

static GPtrArray *read_send(const json_value *value, const struct json_skeleton *skeleton, GError **error) {
  g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(unref_message);
  const GPtrArray *list = value->kind == JSON_LIST ? value->held : NULL;
  guint count = list ? list->len : 1;

  if (count == 0) {
    fail(error, "\"send\": a step without a message");
    return NULL;
  }
  for (guint i = 0; i < count; i++) {
    g_autofree char *where = list ? g_strdup_printf("\"send\", message %u", i + 1) : g_strdup("\"send\"");
    struct edgecore_message *message = read_message(list ? g_ptr_array_index(list, i) : value, skeleton, where, error);

    if (!message)
      return NULL;
    g_ptr_array_add(messages, message);
  }
  return g_steal_pointer(&messages);
}

static struct rule *read_rule(const json_value *object, const struct json_skeleton *skeleton, const char *where,
                              GError **error) {
  if (!fields_check(object, rule_fields, where, error))
    return NULL;

  struct edgecore_message_fields fields = {
      .size = sizeof fields, .source = "", .group = "", .operation = "", .resource = ""};
  g_autofree guchar *keep = NULL;
  if (!fields_check_range(object, "after_ms", 0, MAX_WAIT_MS, where, error) ||
      !read_content(object, skeleton, &fields, &keep, where, error))
    return NULL;

  struct edgecore_error cause = {.size = sizeof cause};
  struct edgecore_message *content = message_new(&fields, &cause);
  if (!content) {
    g_set_error(error, HOST_ERROR, cause.code, "%s: %s", where, cause.text);
    return NULL;
  }

  const char *operation = fields_text(object, "resp_operation");
  struct rule *rule = g_new0(struct rule, 1);
  rule->on = g_strdup(fields_text(object, "on"));
  rule->operation = g_strdup(fields_text(object, "operation"));
  rule->resource = g_strdup(fields_text(object, "resource"));
  rule->source = g_strdup(fields_text(object, "source"));
  rule->resp_operation = g_strdup(operation ? operation : "response");
  rule->after_ms = (guint)fields_integer(object, "after_ms", DEFAULT_AFTER_MS);
  rule->content = content;
  return rule;
}

static GPtrArray *read_rules(const GPtrArray *list, const struct json_skeleton *skeleton, GError **error) {
  g_autoptr(GPtrArray) rules = g_ptr_array_new_with_free_func(rule_free);

  for (guint i = 0; i < list->len; i++) {
    g_autofree char *where = g_strdup_printf("\"rules\", rule %u", i + 1);
    struct rule *rule = read_rule(g_ptr_array_index(list, i), skeleton, where, error);

    if (!rule)
      return NULL;
    g_ptr_array_add(rules, rule);
  }
  return g_steal_pointer(&rules);
}

static step *read_step(const json_value *object, const struct json_skeleton *skeleton, const struct field *fields,
                       GError **error) {
  if (!fields_check(object, fields, "step", error) ||
      !fields_check_range(object, "wait_ms", 0, MAX_WAIT_MS, "step", error))
    return NULL;
  g_autoptr(step) self = g_new0(step, 1);
  self->wait_ms = fields_integer(object, "wait_ms", -1);
  self->swap = g_strdup(fields_text(object, "swap"));
  if (self->swap && *self->swap == '\0') {
    fail(error, "step: field \"swap\": want a file name, got an empty text");
    return NULL;
  }
  const json_value *send = json_value_member(object, "send"), *rules = json_value_member(object, "rules");
  if (send && !(self->send = read_send(send, skeleton, error)))
    return NULL;
  if (rules && !(self->rules = read_rules(rules->held, skeleton, error)))
    return NULL;
  if (!self->send && !self->rules && !self->swap && self->wait_ms < 0) {
    fail(error, "step: a step without a message (want \"send\", \"rules\", \"swap\" or \"wait_ms\")");
    return NULL;
  }
  return g_steal_pointer(&self);
}

static char *read_setting(const json_value *value) {
  if (value->kind == JSON_TEXT)
    return g_strdup(value->text);
  if (value->kind == JSON_INTEGER)
    return g_strdup_printf("%" G_GINT64_FORMAT, value->integer);
  if (value->kind == JSON_TRUTH)
    return g_strdup(value->integer != 0 ? "true" : "false");
  if (value->kind != JSON_LIST)
    return NULL;

  g_autoptr(GString) items = g_string_new(NULL);
  for (guint i = 0; i < value->held->len; i++) {
    const json_value *item = g_ptr_array_index(value->held, i);
    if (item->kind != JSON_TEXT)
      return NULL;
    g_string_append_printf(items, "%s%s", i > 0 ? "," : "", item->text);
  }
  return g_string_free(g_steal_pointer(&items), FALSE);
}

static gboolean read_config(const json_value *object, GHashTable *settings, GError **error) {
  for (guint i = 0; i < object->held->len; i++) {
    const json_value *value = g_ptr_array_index(object->held, i);
    char *text = read_setting(value);

    if (!text) {
      g_set_error(error, HOST_ERROR, EDGECORE_INVALID,
                  "config: key \"%s\": want a text, an integer, a truth or a list of texts, got %s", value->name,
                  fields_kind_of(value));
      return FALSE;
    }
    g_hash_table_replace(settings, g_strdup(value->name), text);
  }
  return TRUE;
}

step *step_parse(json_reader *reader, const char *text, gsize size, GError **error) {
  g_auto(json_skeleton) skeleton = {0};
  g_autoptr(json_value) root = read_json(reader, &skeleton, text, size, error);

  return root ? read_step(root, &skeleton, step_fields, error) : NULL;
}

void step_free(step *self) {
  if (!self)
    return;
  g_clear_pointer(&self->send, g_ptr_array_unref);
  g_clear_pointer(&self->rules, g_ptr_array_unref);
  g_free(self->swap);
  g_free(self);
}

scenario *scenario_parse(json_reader *reader, const char *text, gsize size, GError **error) {
  g_auto(json_skeleton) skeleton = {0};
  g_autoptr(json_value) root = read_json(reader, &skeleton, text, size, error);
  if (!root || !fields_check(root, scenario_fields, "scenario", error))
    return NULL;

  const json_value *settings = json_value_member(root, "config");
  const GPtrArray *steps = json_value_member(root, "steps")->held;
  g_autoptr(scenario) self = g_new0(scenario, 1);
  self->name = g_strdup(fields_text(root, "name"));
  self->config = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  self->steps = g_ptr_array_new_with_free_func(free_step);
  if (settings && !read_config(settings, self->config, error))
    return NULL;
  for (guint i = 0; i < steps->len; i++) {
    step *one = read_step(g_ptr_array_index(steps, i), &skeleton, scenario_step_fields, error);

    if (!one) {
      g_prefix_error(error, "step %u: ", i + 1);
      return NULL;
    }
    g_ptr_array_add(self->steps, one);
  }
  return g_steal_pointer(&self);
}

void scenario_free(scenario *self) {
  if (!self)
    return;
  g_free(self->name);
  g_clear_pointer(&self->config, g_hash_table_unref);
  g_clear_pointer(&self->steps, g_ptr_array_unref);
  g_free(self);
}
