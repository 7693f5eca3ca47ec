#include "step.h"

#include "fixture.h"
#include "host.h"
#include "test.h"

#include <string.h>

static step *parse_or_fail(const char *text, gsize size, GError **error) {
  g_autoptr(json_reader) reader = json_reader_new();
  return step_parse(reader, text, size, error);
}

static scenario *parse_scenario(const char *text, gsize size, GError **error) {
  g_autoptr(json_reader) reader = json_reader_new();
  return scenario_parse(reader, text, size, error);
}

static step *parse(const char *text) {
  g_autoptr(GError) error = NULL;
  step *parsed = parse_or_fail(text, strlen(text), &error);
  check_no_error(error);
  return parsed;
}

/* The message that is sent, written again. */
static void check_written(const char *message, const char *want) {
  test_note("%s", message);
  g_autofree char *text = g_strdup_printf("{\"send\":%s}", message);
  g_autoptr(step) parsed = parse(text);
  require_not_null(parsed);
  require_int_eq(parsed->send->len, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  step_append_message(out, parsed->send->pdata[0]);
  check_str_eq(out->str, want);
}

#define HEAD "\"id\":\"m1\",\"source\":\"a\",\"group\":\"b\",\"operation\":\"c\",\"resource\":\"d\""

TEST_CASE(Step, a_message_reads_and_writes_the_same) {
  static const char *const messages[] = {
      "{" HEAD "}",
      "{" HEAD ",\"sync\":true}",
      "{" HEAD ",\"content\":null}",
      "{" HEAD ",\"content\":{\"a\" : [1.10, 1e400]}}",
      "{" HEAD ",\"content_raw\":\"\"}",
      "{" HEAD ",\"content_raw\":\"text \\\"quoted\\\"\"}",
      "{" HEAD ",\"content_raw_base64\":\"/wA=\"}",
      "{" HEAD ",\"content_unencodable\":true}",
  };
  for (guint i = 0; i < G_N_ELEMENTS(messages); i++)
    check_written(messages[i], messages[i]);
  check_written("{" HEAD ",\"parent_id\":\"\",\"sync\":false,\"timestamp\":5}", "{" HEAD "}");
}

TEST_CASE(Step, a_message_has_all_its_fields) {
  g_autoptr(step) parsed = parse("{\"send\":{" HEAD ",\"parent_id\":\"p\",\"timestamp\":1573228800123,\"sync\":true,"
                                 "\"content_raw\":\"x\\u00e9\"}}");
  require_not_null(parsed);
  const struct edgecore_message_fields *fields = message_read(parsed->send->pdata[0]);
  check_str_eq(fields->id, "m1");
  check_str_eq(fields->parent_id, "p");
  check_str_eq(fields->source, "a");
  check_str_eq(fields->group, "b");
  check_str_eq(fields->operation, "c");
  check_str_eq(fields->resource, "d");
  check_int_eq(fields->timestamp, 1573228800123);
  check_int_eq(fields->flags, EDGECORE_MESSAGE_SYNC);
  check_int_eq(fields->content_kind, EDGECORE_CONTENT_RAW);
  check_mem_eq(fields->content, fields->content_size, "x\xc3\xa9", 3);
}

TEST_CASE(Step, a_message_without_an_id_gets_one) {
  g_autoptr(step) parsed = parse("{\"send\":[{\"source\":\"a\",\"operation\":\"c\",\"resource\":\"d\"},"
                                 "{\"source\":\"a\",\"operation\":\"c\",\"resource\":\"d\"}]}");
  require_not_null(parsed);
  require_int_eq(parsed->send->len, 2);
  const char *first = message_read(parsed->send->pdata[0])->id, *second = message_read(parsed->send->pdata[1])->id;
  check_true(g_uuid_string_is_valid(first) && g_uuid_string_is_valid(second));
  check_true(strcmp(first, second) != 0);
}

TEST_CASE(Step, has_rules_a_swap_and_a_wait) {
  g_autoptr(step) parsed =
      parse("{\"rules\":[{\"on\":\"edged\"},{\"on\":\"websocket\",\"operation\":\"query\",\"resource\":\"r\","
            "\"source\":\"s\",\"resp_operation\":\"error\",\"after_ms\":7,\"content\":[1]}],"
            "\"swap\":\"/a/b.so\",\"wait_ms\":0}");
  require_not_null(parsed);
  check_null(parsed->send);
  check_str_eq(parsed->swap, "/a/b.so");
  check_int_eq(parsed->wait_ms, 0);
  require_int_eq(parsed->rules->len, 2);
  const struct rule *first = parsed->rules->pdata[0], *second = parsed->rules->pdata[1];
  check_str_eq(first->on, "edged");
  check_null(first->operation);
  check_null(first->resource);
  check_null(first->source);
  check_str_eq(first->resp_operation, "response");
  check_int_eq(first->after_ms, 30);
  check_int_eq(message_read(first->content)->content_kind, EDGECORE_CONTENT_NONE);
  check_str_eq(second->operation, "query");
  check_str_eq(second->resource, "r");
  check_str_eq(second->source, "s");
  check_str_eq(second->resp_operation, "error");
  check_int_eq(second->after_ms, 7);
  g_autofree char *content = message_content(second->content);
  check_str_eq(content, "[1]");
}

TEST_CASE(Step, without_anything_to_do_is_an_error) {
  g_autoptr(GError) error = NULL;
  check_null(parse_or_fail("{}", 2, &error));
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "without a message");
}

TEST_CASE(Step, a_scenario_has_a_name_steps_and_a_configuration) {
  static const char text[] =
      "{\"name\":\"n\",\"deviations\":[\"D1\"],\"config\":{\"a.b\":1,\"c\":\"x\",\"d\":true,\"e\":[\"x\",\"y\"]},"
      "\"steps\":[{\"wait_ms\":5,\"deliveries\":{},\"table\":[],\"reply\":{}},{\"wait_ms\":6}]}";
  g_autoptr(GError) error = NULL;
  g_autoptr(scenario) parsed = parse_scenario(text, sizeof text - 1, &error);
  require_no_error(error);
  check_str_eq(parsed->name, "n");
  check_int_eq(parsed->steps->len, 2);
  check_str_eq(g_hash_table_lookup(parsed->config, "a.b"), "1");
  check_str_eq(g_hash_table_lookup(parsed->config, "c"), "x");
  check_str_eq(g_hash_table_lookup(parsed->config, "d"), "true");
  check_str_eq(g_hash_table_lookup(parsed->config, "e"), "x,y");
}

TEST_CASE(Step, a_bad_scenario_is_told_with_its_step) {
  static const struct {
    const char *text, *said;
  } rows[] = {
      {"{\"steps\":[]}", "\"name\" is missing"},
      {"{\"name\":\"n\"}", "\"steps\" is missing"},
      {"{\"name\":\"n\",\"steps\":[{\"wait_ms\":1},{\"wait_ms\":-1}]}", "step 2: "},
      {"{\"name\":\"n\",\"steps\":[7]}", "step 1: "},
      {"{\"name\":\"n\",\"steps\":[],\"config\":{\"k\":{}}}", "\"k\""},
      {"{\"name\":\"n\",\"steps\":[],\"more\":1}", "more"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].text);
    g_autoptr(GError) error = NULL;
    check_null(parse_scenario(rows[i].text, strlen(rows[i].text), &error));
    check_error(error, HOST_ERROR, EDGECORE_INVALID, rows[i].said);
  }
}
