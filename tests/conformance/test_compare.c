/* The comparison itself: every scenario equals what it says, in any JSON spelling, and every kind of change to it is seen. */
#include "compare.h"
#include "test.h"

#include <string.h>

typedef gboolean change_fn(JsonObject *step);

static GPtrArray *scenarios_read(void) {
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  if (!g_file_get_contents(TESTS_SOURCE_DIR "/conformance/scenarios.jsonl", &text, NULL, &error))
    g_error("%s", error->message);
  GPtrArray *scenarios = compare_read_lines(text, &error);
  g_assert_no_error(error);
  return scenarios;
}

typedef void message_fn(JsonObject *message);

static void each_message(JsonObject *step, message_fn *change) {
  g_autoptr(GList) lists = json_object_has_member(step, "deliveries")
                               ? json_object_get_values(json_object_get_object_member(step, "deliveries"))
                               : NULL;
  for (GList *list = lists; list != NULL; list = list->next) {
    g_autoptr(GList) messages = json_array_get_elements(json_node_get_array(list->data));
    for (GList *message = messages; message != NULL; message = message->next)
      change(json_node_get_object(message->data));
  }
  if (json_object_has_member(step, "reply"))
    change(json_object_get_object_member(step, "reply"));
}

static void write_prefix_out(JsonObject *message) {
  if (!json_object_has_member(message, "content_prefix"))
    return;
  g_autofree char *text = g_strconcat(json_object_get_string_member(message, "content_prefix"), "the cause", NULL);
  json_object_set_string_member(message, "content", text);
  json_object_remove_member(message, "content_prefix");
}

/* A result that is exactly what the scenario says. */
static JsonObject *result_for(JsonObject *scenario) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), scenario);
  g_autofree char *text = json_to_string(node, FALSE);
  g_autoptr(JsonNode) copy = json_from_string(text, NULL);
  JsonArray *steps = json_object_get_array_member(json_node_get_object(copy), "steps");
  for (guint i = 0; i < json_array_get_length(steps); i++)
    each_message(json_array_get_object_element(steps, i), write_prefix_out);
  return json_node_dup_object(copy);
}

static JsonObject *step_of(JsonObject *result, guint number) {
  return json_array_get_object_element(json_object_get_array_member(result, "steps"), number);
}

/* The first delivery of the step, or NULL. */
static JsonObject *delivery_of(JsonObject *step) {
  g_autoptr(GList) lists = json_object_has_member(step, "deliveries")
                               ? json_object_get_values(json_object_get_object_member(step, "deliveries"))
                               : NULL;
  for (GList *list = lists; list != NULL; list = list->next)
    if (json_array_get_length(json_node_get_array(list->data)) > 0)
      return json_array_get_object_element(json_node_get_array(list->data), 0);
  return NULL;
}

static gboolean set_member(JsonObject *object, const char *member, const char *value) {
  if (object == NULL)
    return FALSE;
  json_object_set_string_member(object, member, value);
  return TRUE;
}

static gboolean change_id(JsonObject *step) {
  return set_member(delivery_of(step), "id", "");
}

static gboolean change_parent(JsonObject *step) {
  return set_member(delivery_of(step), "parent_id", "another's");
}

static gboolean change_source(JsonObject *step) {
  return set_member(delivery_of(step), "source", "someone");
}

static gboolean change_group(JsonObject *step) {
  return set_member(delivery_of(step), "group", "elsewhere");
}

static gboolean change_operation(JsonObject *step) {
  return set_member(delivery_of(step), "operation", "shout");
}

static gboolean change_resource(JsonObject *step) {
  return set_member(delivery_of(step), "resource", "a/b/c");
}

static gboolean change_sync(JsonObject *step) {
  JsonObject *message = delivery_of(step);
  if (message == NULL)
    return FALSE;
  gboolean sync = json_object_get_boolean_member_with_default(message, "sync", FALSE);
  json_object_set_boolean_member(message, "sync", !sync);
  return TRUE;
}

static gboolean change_content(JsonObject *step) {
  JsonObject *message = delivery_of(step);
  if (message == NULL)
    return FALSE;
  const char *member = json_object_has_member(message, "content_raw") ? "content_raw" : "content";
  return set_member(message, member, "{\"not\":\"this\"}");
}

/* Raw bytes and a value are not the same thing. */
static gboolean change_kind(JsonObject *step) {
  JsonObject *message = delivery_of(step);
  if (message == NULL || !json_object_has_member(message, "content_raw"))
    return FALSE;
  g_autoptr(JsonNode) value = json_from_string(json_object_get_string_member(message, "content_raw"), NULL);
  if (value == NULL)
    return FALSE;
  json_object_remove_member(message, "content_raw");
  json_object_set_member(message, "content", g_steal_pointer(&value));
  return TRUE;
}

/* The module's list that is not empty, or NULL. */
static JsonArray *list_of(JsonObject *step) {
  g_autoptr(GList) lists = json_object_has_member(step, "deliveries")
                               ? json_object_get_values(json_object_get_object_member(step, "deliveries"))
                               : NULL;
  for (GList *list = lists; list != NULL; list = list->next)
    if (json_array_get_length(json_node_get_array(list->data)) > 0)
      return json_node_get_array(list->data);
  return NULL;
}

static gboolean drop_delivery(JsonObject *step) {
  JsonArray *list = list_of(step);
  if (list == NULL)
    return FALSE;
  json_array_remove_element(list, json_array_get_length(list) - 1);
  return TRUE;
}

static gboolean repeat_delivery(JsonObject *step) {
  JsonArray *list = list_of(step);
  if (list == NULL)
    return FALSE;
  json_array_add_object_element(list, json_object_ref(json_array_get_object_element(list, 0)));
  return TRUE;
}

static gboolean add_module(JsonObject *step) {
  JsonObject *message = delivery_of(step);
  if (message == NULL)
    return FALSE;
  JsonArray *list = json_array_new();
  json_array_add_object_element(list, json_object_ref(message));
  json_object_set_array_member(json_object_get_object_member(step, "deliveries"), "bystander", list);
  return TRUE;
}

static gboolean drop_reply(JsonObject *step) {
  if (!json_object_has_member(step, "reply"))
    return FALSE;
  json_object_remove_member(step, "reply");
  json_object_set_string_member(step, "reply_error", "timeout");
  return TRUE;
}

static gboolean add_reply(JsonObject *step) {
  if (json_object_has_member(step, "reply"))
    return FALSE;
  json_object_set_object_member(step, "reply", json_object_new());
  return TRUE;
}

static gboolean change_reply(JsonObject *step) {
  return json_object_has_member(step, "reply") &&
         set_member(json_object_get_object_member(step, "reply"), "parent_id", "another's");
}

static JsonArray *table_of(JsonObject *step) {
  return json_object_has_member(step, "table") ? json_object_get_array_member(step, "table") : NULL;
}

static JsonObject *row_of(JsonObject *step) {
  JsonArray *table = table_of(step);
  return table != NULL && json_array_get_length(table) > 0 ? json_array_get_object_element(table, 0) : NULL;
}

static gboolean change_key(JsonObject *step) {
  return set_member(row_of(step), "key", "a/b/c");
}

static gboolean change_type(JsonObject *step) {
  return set_member(row_of(step), "type", "thing");
}

static gboolean change_value(JsonObject *step) {
  return set_member(row_of(step), "value", "{\"not\":\"this\"}");
}

static gboolean drop_row(JsonObject *step) {
  if (row_of(step) == NULL)
    return FALSE;
  json_array_remove_element(table_of(step), 0);
  return TRUE;
}

static gboolean add_row(JsonObject *step) {
  if (table_of(step) == NULL)
    return FALSE;
  JsonObject *row = json_object_new();
  json_object_set_string_member(row, "key", "~/y/x");
  json_object_set_string_member(row, "type", "y");
  json_object_set_string_member(row, "value", "1");
  json_array_add_object_element(table_of(step), row);
  return TRUE;
}

TEST_CASE(Compare, a_scenario_equals_itself) {
  g_autoptr(GPtrArray) scenarios = scenarios_read();
  for (guint i = 0; i < scenarios->len; i++) {
    g_autoptr(JsonObject) result = result_for(scenarios->pdata[i]);
    g_autofree char *why = compare_scenario(scenarios->pdata[i], result);
    check_str_eq(why, NULL);
  }
}

TEST_CASE(Compare, every_change_is_seen_in_every_step) {
  static const struct {
    const char *name;
    change_fn *change;
    const char *said;
  } changes[] = {
      {"id", change_id, "id: want"},
      {"parent", change_parent, "parent_id: want"},
      {"source", change_source, "source: want"},
      {"group", change_group, "group: want"},
      {"operation", change_operation, "operation: want"},
      {"resource", change_resource, "resource: want"},
      {"sync", change_sync, "sync: want"},
      {"content", change_content, "content: want"},
      {"kind", change_kind, "content: want"},
      {"dropped", drop_delivery, "deliveries, got"},
      {"repeated", repeat_delivery, "deliveries, got"},
      {"module", add_module, "bystander: want 0 deliveries, got 1"},
      {"no reply", drop_reply, "reply: want one, got timeout"},
      {"a reply", add_reply, "reply: want none"},
      {"reply", change_reply, "reply: parent_id"},
      {"key", change_key, "table: "},
      {"type", change_type, "want type"},
      {"value", change_value, "table: "},
      {"row dropped", drop_row, "table: "},
      {"row added", add_row, "also has '~/y/x'"},
  };
  g_autoptr(GPtrArray) scenarios = scenarios_read();
  for (guint c = 0; c < G_N_ELEMENTS(changes); c++) {
    guint tried = 0;
    for (guint i = 0; i < scenarios->len; i++) {
      JsonObject *scenario = scenarios->pdata[i];
      guint steps = json_array_get_length(json_object_get_array_member(scenario, "steps"));
      for (guint s = 0; s < steps; s++) {
        g_autoptr(JsonObject) result = result_for(scenario);
        if (!changes[c].change(step_of(result, s)))
          continue;
        tried++;
        test_note("%s, %s, step %u", changes[c].name, json_object_get_string_member(scenario, "name"), s);
        g_autofree char *why = compare_scenario(scenario, result);
        g_autofree char *step = g_strdup_printf("step %u: ", s);
        check_contains(why, step);
        check_contains(why, changes[c].said);
      }
    }
    test_note("%s", changes[c].name);
    check_int_ge(tried, 10);
  }
}

TEST_CASE(Compare, a_missing_step_is_seen) {
  g_autoptr(GPtrArray) scenarios = scenarios_read();
  g_autoptr(JsonObject) result = result_for(scenarios->pdata[0]);
  json_array_remove_element(json_object_get_array_member(result, "steps"), 0);
  g_autofree char *why = compare_scenario(scenarios->pdata[0], result);
  check_str_eq(why, "want 1 steps, got 0");
}

static JsonObject *one_step(const char *deliveries) {
  g_autofree char *text = g_strdup_printf("{\"steps\":[{\"deliveries\":{\"edged\":[%s]}}]}", deliveries);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = json_from_string(text, &error);
  g_assert_no_error(error);
  return json_node_dup_object(node);
}

/* The difference between the deliveries of the only step. */
static char *messages_compared(const char *want, const char *got) {
  g_autoptr(JsonObject) scenario = one_step(want);
  g_autoptr(JsonObject) result = one_step(got);
  return compare_scenario(scenario, result);
}

TEST_CASE(Compare, spelling_does_not_count_and_meaning_does) {
  static const struct {
    const char *want, *got;
    gboolean equal;
  } rows[] = {
      {"{\"content_raw\":\"{\\\"a\\\":1,\\\"b\\\":[2]}\"}", "{\"content_raw\":\"{ \\\"b\\\": [ 2 ], \\\"a\\\": 1 }\"}",
       TRUE},
      {"{\"content_raw\":\"{\\\"a\\\":[1,2]}\"}", "{\"content_raw\":\"{\\\"a\\\":[2,1]}\"}", FALSE},
      {"{\"content_raw\":\"not json\"}", "{\"content_raw\":\"not  json\"}", FALSE},
      {"{\"content\":null}", "{}", TRUE},
      {"{}", "{\"content\":[]}", TRUE},
      {"{\"content\":[]}", "{\"content\":null}", TRUE},
      {"{\"content_raw\":\"[]\"}", "{\"content_raw\":\"null\"}", FALSE},
      {"{\"content\":[\"{\\\"a\\\":1,\\\"b\\\":2}\"]}", "{\"content\":[\"{\\\"b\\\": 2, \\\"a\\\": 1}\"]}", TRUE},
      {"{\"content\":[\"{\\\"a\\\":1}\"]}", "{\"content\":[\"{\\\"a\\\":2}\"]}", FALSE},
      {"{\"content\":[\"1\",\"2\"]}", "{\"content\":[\"2\",\"1\"]}", FALSE},
      {"{\"content\":\"OK\"}", "{\"content_raw\":\"OK\"}", FALSE},
      {"{\"content\":0}", "{\"content\":false}", FALSE},
      {"{\"content\":\"1\"}", "{\"content\":1}", FALSE},
      {"{\"content_prefix\":\"Error to save\"}", "{\"content\":\"Error to save meta\"}", TRUE},
      {"{\"content_prefix\":\"Error to save\"}", "{\"content_raw\":\"Error to save meta\"}", TRUE},
      {"{\"content_prefix\":\"Error to save\"}", "{\"content\":\"Error to sing\"}", FALSE},
      {"{\"content_prefix\":\"Error to save\"}", "{}", FALSE},
      {"{\"id\":\"*\"}", "{\"id\":\"any\"}", TRUE},
      {"{\"id\":\"*\"}", "{\"id\":\"\"}", FALSE},
      {"{\"parent_id\":\"*\"}", "{}", FALSE},
      {"{\"parent_id\":\"\"}", "{}", TRUE},
      {"{\"sync\":false}", "{}", TRUE},
      {"{\"sync\":true}", "{}", FALSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s and %s", rows[i].want, rows[i].got);
    g_autofree char *why = messages_compared(rows[i].want, rows[i].got);
    check_true((why == NULL) == rows[i].equal);
  }
}

TEST_CASE(Compare, order_counts_for_a_module) {
  g_autofree char *why = messages_compared("{\"id\":\"1\"},{\"id\":\"2\"}", "{\"id\":\"2\"},{\"id\":\"1\"}");
  check_str_eq(why, "step 0: edged[0] id: want '1', got '2'");
}

TEST_CASE(Compare, lines_that_are_no_objects_are_errors) {
  g_autoptr(GError) broken = NULL;
  g_autoptr(GPtrArray) none = compare_read_lines("{}\n\n{\"a\":", &broken);
  check_null(none);
  check_contains(broken != NULL ? broken->message : NULL, "line 3: ");
  g_autoptr(GError) number = NULL;
  g_autoptr(GPtrArray) neither = compare_read_lines("{}\n7\n", &number);
  check_null(neither);
  check_contains(number != NULL ? number->message : NULL, "line 2: not an object");
}
