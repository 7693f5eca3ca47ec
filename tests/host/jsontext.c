#include "jsontext.h"

#include "host.h"
#include "test.h"

#include <string.h>

TEST_CASE(JsonText, takes_what_rfc_8259_has) {
  static const char *const texts[] = {
      "null",
      "true",
      "false",
      "0",
      "-0",
      "12",
      "-1.5e+10",
      "1E400",
      "123456789012345678901234567890",
      "\"\"",
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
      "\"\\u0000\"",
      "\"\\ud83d\\ude00\"",
      "\"caf\xc3\xa9\"",
      "[]",
      "{}",
      " [ 1 , [ ] , { } ] ",
      "{\"a\":{\"a\":[{\"a\":1}]},\"b\":2}",
      "{\"a\":1,\"a\":2}",
      "\t\r\n1\n",
      "{\"\":0}",
  };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    test_note("%s", texts[i]);
    g_autoptr(GError) error = NULL;
    check_true(json_text_check(texts[i], strlen(texts[i]), &error));
    check_no_error(error);
  }
}

TEST_CASE(JsonText, says_at_which_byte_it_is_wrong) {
  static const struct {
    const char *text, *said;
  } rows[] = {
      {"", "byte 1: "},
      {"  ", "byte 3: "},
      {"nul", "byte 1: "},
      {"nulll", "byte 5: "},
      {"True", "byte 1: "},
      {"01", "byte 2: "},
      {"-", "byte 2: "},
      {"+1", "byte 1: "},
      {".5", "byte 1: "},
      {"1.", "byte 3: "},
      {"1.e1", "byte 3: "},
      {"1e", "byte 3: "},
      {"0x10", "byte 2: "},
      {"NaN", "byte 1: "},
      {"-Infinity", "byte 2: "},
      {"\"", "byte 2: "},
      {"\"a", "byte 3: "},
      {"\"\\", "byte 3: "},
      {"\"\\a\"", "byte 3: "},
      {"\"\\u12\"", "byte 2: "},
      {"\"\\u12g4\"", "byte 2: "},
      {"\"\\ud83d\"", "byte 2: "},
      {"\"\\ude00\"", "byte 2: "},
      {"\"\\ud83d\\ud83d\"", "byte 2: "},
      {"\"a\nb\"", "byte 3: "},
      {"'a'", "byte 1: "},
      {"[", "byte 2: "},
      {"[1", "byte 3: "},
      {"[1,", "byte 4: "},
      {"[1,]", "byte 4: "},
      {"[,1]", "byte 2: "},
      {"[1 2]", "byte 4: "},
      {"[1}", "byte 3: "},
      {"]", "byte 1: "},
      {"{", "byte 2: "},
      {"{\"a\"", "byte 5: "},
      {"{\"a\":", "byte 6: "},
      {"{\"a\":1,}", "byte 8: "},
      {"{a:1}", "byte 2: "},
      {"{\"a\" 1}", "byte 6: "},
      {"{1:1}", "byte 2: "},
      {"{} {}", "byte 4: "},
      {"1 1", "byte 3: "},
      {"// x\n1", "byte 1: "},
      {"\xff", "byte 1: "},
      {"\"\xc3\"", "byte 2: "},
      {"\"\xed\xa0\x80\"", "byte 2: "},
      {"\"\xf4\x90\x80\x80\"", "byte 2: "},
      {"\xef\xbb\xbf{}", "byte 1: "},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].text);
    g_autofree char *exact = g_memdup2(rows[i].text, strlen(rows[i].text)); /* no byte more, for the sanitizer */
    g_autoptr(GError) error = NULL;
    check_false(json_text_check(exact, strlen(rows[i].text), &error));
    check_error(error, HOST_ERROR, EDGECORE_INVALID, rows[i].said);
  }
  g_autoptr(GError) error = NULL;
  check_false(json_text_check("\"a\0b\"", 5, &error));
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "byte 3: a NUL byte");
}

TEST_CASE(JsonText, every_beginning_of_a_text_is_refused) {
  static const char text[] = "{\"send\":[{\"a\":\"caf\xc3\xa9\\u00e9\\ud83d\\ude00\",\"b\":[true,null,-1.5e3]}]}";
  for (gsize size = 0; size < sizeof text - 1; size++) {
    g_autofree char *exact = g_memdup2(text, size);
    check_false(json_text_check(exact, size, NULL));
  }
  check_true(json_text_check(text, sizeof text - 1, NULL));
}

TEST_CASE(JsonText, bounds_the_depth) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint depth = JSON_TEXT_MAX_DEPTH; depth <= JSON_TEXT_MAX_DEPTH + 1; depth++) {
    g_string_truncate(text, 0);
    for (guint i = 0; i < depth; i++)
      g_string_append_c(text, '[');
    for (guint i = 0; i < depth; i++)
      g_string_append_c(text, ']');
    check_true(json_text_check(text->str, text->len, NULL) == (depth == JSON_TEXT_MAX_DEPTH));
  }
}

/* The skeleton and the contents, each behind a '|'. */
static void check_skeleton(const char *text, const char *want) {
  test_note("%s", text);
  g_auto(json_skeleton) skeleton = {0};
  g_autoptr(GError) error = NULL;
  check_true(json_skeleton_read(&skeleton, text, strlen(text), &error));
  check_no_error(error);
  g_autoptr(GString) got = g_string_new(skeleton.text->str);
  for (guint i = 0; i < skeleton.contents->len; i++) {
    const struct json_span *content = &g_array_index(skeleton.contents, struct json_span, i);
    g_string_append_c(got, '|');
    g_string_append_len(got, content->text, (gssize)content->size);
  }
  check_str_eq(got->str, want);
}

TEST_CASE(JsonText, takes_contents_out) {
  check_skeleton("{\"a\":1}", "{\"a\":1}");
  check_skeleton("{\"content\":1.10}", "{\"content\":0}|1.10");
  check_skeleton("{\"content\": {\"content\":[1e400]} ,\"b\":2}", "{\"content\": 0 ,\"b\":2}|{\"content\":[1e400]}");
  check_skeleton("[{\"content\":\"x\"},{\"content\":[]},{\"content\":{}}]",
                 "[{\"content\":0},{\"content\":1},{\"content\":2}]|\"x\"|[]|{}");
  check_skeleton("{\"content\":{\"a\":1,\"a\":2}}", "{\"content\":0}|{\"a\":1,\"a\":2}");
  check_skeleton("{\"contents\":1,\"xcontent\":2}", "{\"contents\":1,\"xcontent\":2}");
  check_skeleton("[\"content\",{\"a\":\"content\"}]", "[\"content\",{\"a\":\"content\"}]");
}

TEST_CASE(JsonText, a_skeleton_is_stricter) {
  static const struct {
    const char *text, *said;
  } rows[] = {
      {"{\"a\":1,\"a\":2}", "byte 9: the same field a second time"},
      {"{\"content\":1,\"content\":2}", "a second time"},
      {"{\"cont\\u0065nt\":1}", "an escape in a field's name"},
      {"{\"a\":\"\\u0000\"}", "byte 7: a NUL"},
      {"{\"a\":9223372036854775808}", "byte 6: an integer beyond 64 bits"},
      {"{\"a\":-9223372036854775809}", "an integer beyond 64 bits"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].text);
    g_auto(json_skeleton) skeleton = {0};
    g_autoptr(GError) error = NULL;
    check_false(json_skeleton_read(&skeleton, rows[i].text, strlen(rows[i].text), &error));
    check_error(error, HOST_ERROR, EDGECORE_INVALID, rows[i].said);
  }
  check_skeleton("[{\"a\":1},{\"a\":2},{\"b\":{\"a\":9223372036854775807}}]",
                 "[{\"a\":1},{\"a\":2},{\"b\":{\"a\":9223372036854775807}}]");
}

TEST_CASE(JsonText, a_skeleton_is_bounded) {
  g_autoptr(GString) text = g_string_new("{\"a0\":0");
  for (guint i = 1; i < JSON_TEXT_MAX_NAMES + 1; i++)
    g_string_append_printf(text, ",\"a%u\":0", i);
  g_string_append_c(text, '}');
  g_auto(json_skeleton) names = {0};
  g_autoptr(GError) error = NULL;
  check_false(json_skeleton_read(&names, text->str, text->len, &error));
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "more than 256 fields");
  g_clear_error(&error);
  g_string_assign(text, "[0");
  for (guint i = 1; i < JSON_TEXT_MAX_VALUES + 1; i++)
    g_string_append(text, ",0");
  g_string_append_c(text, ']');
  g_auto(json_skeleton) values = {0};
  check_false(json_skeleton_read(&values, text->str, text->len, &error));
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "more than 200000 values");
}

TEST_CASE(JsonText, writes_strings_that_read_back) {
  g_autoptr(GString) out = g_string_new(NULL);
  static const char text[] = "q\" b\\ n\n t\t one\1 \xc3\xa9 \x7f /";
  json_text_append_string(out, text, sizeof text - 1);
  check_str_eq(out->str, "\"q\\\" b\\\\ n\\n t\\u0009 one\\u0001 \xc3\xa9 \x7f /\"");
  check_true(json_text_check(out->str, out->len, NULL));
  g_string_truncate(out, 0);
  json_text_append_string(out, "a\0b", 3);
  check_str_eq(out->str, "\"a\\u0000b\"");
}

TEST_CASE(JsonText, writes_values_on_one_line) {
  g_autoptr(GString) out = g_string_new("x");
  json_text_append_value(out, "{\n \"a\" :\r\n \"b\\n\" }", 19);
  check_null(strpbrk(out->str, "\r\n"));
  check_contains(out->str, "\"b\\n\"");
}
