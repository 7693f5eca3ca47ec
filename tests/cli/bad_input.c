/* Whatever stands on a line of input: one clear error that says which line, and all other lines are done. */
#include "cli.h"
#include "test.h"

#include <string.h>

#define MESSAGE(more) "{\"send\":{\"source\":\"edged\",\"operation\":\"query\",\"resource\":\"default/pod/a\"" more "}}"
#define LINE_MAX_BYTES (16 * 1024 * 1024)

/* Between two good lines. */
static void check_bad_line(const void *bytes, gsize size, const char *part) {
  g_autoptr(GString) input = g_string_new(GOOD_LINE("before"));
  g_string_append_len(input, bytes, (gssize)size);
  g_string_append(input, "\n" GOOD_LINE("after"));
  g_auto(outcome) end = cli_feed(NULL, input->str, (gssize)input->len);
  check_int_eq(end.status, 1);
  check_int_eq(count_of(end.error, "\n"), 1);
  check_int_eq(count_of(end.error, "edgehost: line 2: "), 1);
  check_contains(end.error, part);
  check_true(strlen(end.error) < 400);
  check_int_eq(count_of(end.output, "\"id\":\"before\""), 1);
  check_int_eq(count_of(end.output, "\"id\":\"after\""), 1);
  check_int_eq(count_of(end.output, "\"parent_id\":\"before\""), 1);
  check_int_eq(count_of(end.output, "\"parent_id\":\"after\""), 1);
  check_int_eq(count_of(end.output, "\n") - count_of(end.output, "\"swap_error\""), 4);
}

struct row {
  const char *line, *said;
};

static void check_rows(const struct row *rows, guint count) {
  for (guint i = 0; i < count; i++) {
    test_note("%.80s", rows[i].line);
    check_bad_line(rows[i].line, strlen(rows[i].line), rows[i].said);
  }
}

TEST_CASE(BadInput, text_that_is_not_json) {
  static const struct row rows[] = {
      {"{", "byte "},
      {"{\"send\":", "byte "},
      {"just words", "byte 1"},
      {MESSAGE("") "}", "byte "},
      {MESSAGE("") " {}", "byte "},
      {"{'send':{}}", "byte 2"},
      {"{\"send\":{},}", "byte "},
      {"{\"send\":NaN}", "byte 9"},
      {"{\"wait_ms\":01}", "byte "},
      {"{\"wait_ms\":+1}", "byte "},
      {"/* a comment */" MESSAGE(""), "byte 1"},
      {"\xef\xbb\xbf" MESSAGE(""), "byte 1"},
      {MESSAGE(",\"content_raw\":\"a\tb\""), "byte "},
      {MESSAGE(",\"content_raw\":\"\\x41\""), "byte "},
      {MESSAGE(",\"content_raw\":\"\\ud800\""), "byte "},
  };
  check_rows(rows, G_N_ELEMENTS(rows));
}

TEST_CASE(BadInput, steps_without_a_message) {
  static const struct row rows[] = {
      {"{}", "send"},
      {"[]", "object"},
      {"7", "object"},
      {"null", "object"},
      {"\"text\"", "object"},
      {"{\"send\":null}", "send"},
      {"{\"send\":\"text\"}", "send"},
      {"{\"send\":[]}", "send"},
      {"{\"send\":{}}", "source"},
      {"{\"send\":[7]}", "send"},
      {"{\"send\":{\"operation\":\"query\",\"resource\":\"a/pod\"}}", "\"source\" is missing"},
      {"{\"send\":{\"source\":\"edged\",\"resource\":\"a/pod\"}}", "\"operation\" is missing"},
      {"{\"send\":{\"source\":\"edged\",\"operation\":\"query\"}}", "\"resource\" is missing"},
  };
  check_rows(rows, G_N_ELEMENTS(rows));
}

TEST_CASE(BadInput, unknown_fields) {
  static const struct row rows[] = {
      {"{\"sent\":{}}", "sent"},
      {"{\"wait_ms\":1,\"deliveries\":{}}", "deliveries"},
      {MESSAGE(",\"contents\":1"), "contents"},
      {MESSAGE(",\"ID\":\"x\""), "ID"},
      {"{\"rules\":[{\"on\":\"edged\",\"when\":1}]}", "when"},
  };
  check_rows(rows, G_N_ELEMENTS(rows));
}

TEST_CASE(BadInput, wrong_types_and_values) {
  static const struct row rows[] = {
      {MESSAGE(",\"id\":7"), "id"},
      {MESSAGE(",\"id\":null"), "id"},
      {MESSAGE(",\"sync\":\"yes\""), "sync"},
      {MESSAGE(",\"sync\":1"), "sync"},
      {MESSAGE(",\"timestamp\":\"now\""), "timestamp"},
      {MESSAGE(",\"timestamp\":1.5"), "timestamp"},
      {MESSAGE(",\"timestamp\":99999999999999999999"), "byte "},
      {MESSAGE(",\"content_raw\":{}"), "content_raw"},
      {MESSAGE(",\"content_raw_base64\":\"*\""), "content_raw_base64"},
      {MESSAGE(",\"content_unencodable\":7"), "content_unencodable"},
      {MESSAGE(",\"content\":1,\"content_raw\":\"1\""), "content"},
      {MESSAGE(",\"source\":\"edged\""), "a second time"},
      {"{\"wait_ms\":-1}", "wait_ms"},
      {"{\"wait_ms\":\"1\"}", "wait_ms"},
      {"{\"wait_ms\":3600001}", "wait_ms"},
      {"{\"swap\":7}", "swap"},
      {"{\"swap\":\"/nonexistent.so\"}", "/nonexistent.so"},
      {"{\"rules\":{}}", "rules"},
      {"{\"rules\":[{}]}", "\"on\" is missing"},
      {"{\"rules\":[{\"on\":\"nobody\"}]}", "\"on\": want edged"},
      {"{\"rules\":[{\"on\":\"edged\",\"after_ms\":-1}]}", "after_ms"},
  };
  check_rows(rows, G_N_ELEMENTS(rows));
}

TEST_CASE(BadInput, bytes_that_are_no_text) {
  static const struct {
    const char *bytes;
    gsize size;
  } rows[] = {
      {"\xff\xfe\xfd", 3},
      {"{\"send\":\0}", 10},
      {"\0", 1},
      {"{\"send\":{\"source\":\"\xc3\x28\"}}", 23},
      {"{\"send\":{\"source\":\"\xc0\x80\"}}", 23},
      {"{\"send\":{\"source\":\"\xed\xa0\x80\"}}", 24},
      {"{\"send\":{\"source\":\"a\\u0000b\"}}", 30},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("row %u", i);
    check_bad_line(rows[i].bytes, rows[i].size, "line 2: ");
  }
}

TEST_CASE(BadInput, sixteen_megabytes_of_garbage) {
  g_autofree char *garbage = g_malloc(LINE_MAX_BYTES + 1);
  guint32 state = 1;
  for (gsize i = 0; i < LINE_MAX_BYTES + 1; i++) {
    state = state * 1664525 + 1013904223;
    const char byte = (char)(state >> 24);
    garbage[i] = byte == '\n' ? '.' : byte;
  }
  check_bad_line(garbage, LINE_MAX_BYTES, "line 2: ");
  check_bad_line(garbage, LINE_MAX_BYTES + 1, "longer than 16 MiB");
}

TEST_CASE(BadInput, json_as_deep_as_the_line_is_long) {
  g_autofree char *deep = g_strnfill(1000000, '[');
  check_bad_line(deep, 1000000, "line 2: byte ");
  g_autoptr(GString) content = g_string_new("{\"send\":{\"source\":\"edged\",\"content\":");
  for (guint i = 0; i < 100000; i++)
    g_string_append(content, "{\"a\":");
  check_bad_line(content->str, content->len, "line 2: byte ");
}

TEST_CASE(BadInput, errors_never_show_a_secret) {
  static const char *const lines[] = {
      MESSAGE(",\"content_raw\":\"" SECRET "\",\"content\":\"" SECRET "\""),
      MESSAGE(",\"content\":{\"" SECRET "\":\"" SECRET "\"}") SECRET,
      MESSAGE(",\"sync\":\"" SECRET "\""),
      MESSAGE(",\"content_raw_base64\":\"" SECRET "*\""),
      MESSAGE(",\"content_unencodable\":\"" SECRET "\""),
      MESSAGE(",\"content_raw\":\"" SECRET "\",\"timestamp\":-1"),
      MESSAGE(",\"content_raw\":\"" SECRET "\",\"password\":\"" SECRET "\""),
      MESSAGE(",\"content_raw\":\"" SECRET),
      MESSAGE(",\"content_raw\":\"" SECRET "\\x\""),
      MESSAGE(",\"content\":" SECRET),
      "{\"send\":\"" SECRET "\"}",
      "{\"send\":{\"content_raw\":\"" SECRET "\"}}",
      "{\"rules\":[{\"on\":\"nobody\",\"content_raw\":\"" SECRET "\"}]}",
      "{\"rules\":[{\"on\":\"edged\",\"content_raw\":\"" SECRET "\",\"after_ms\":\"" SECRET "\"}]}",
      "{\"wait_ms\":\"" SECRET "\"}",
      "\"" SECRET "\"",
      SECRET,
  };
  for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
    test_note("%s", lines[i]);
    g_auto(outcome) end = cli_feed(NULL, lines[i], -1);
    check_contains(end.error, "line 1: ");
    check_lacks(end.error, SECRET);
  }
}

TEST_CASE(BadInput, among_a_thousand_good_lines_nothing_is_lost) {
  g_autoptr(GString) input = g_string_new(NULL);
  for (guint line = 1; line <= 1100; line++)
    if (line % 11 == 0)
      g_string_append_printf(input, "{\"line\":%u\n", line);
    else
      g_string_append_printf(input,
                             "{\"send\":{\"id\":\"m%u\",\"source\":\"edgecontroller\",\"operation\":\"insert\","
                             "\"resource\":\"default/pod/p%u\",\"content\":\"" SECRET " %u\"}}\n",
                             line, line, line);
  g_auto(outcome) end = cli_feed(NULL, input->str, (gssize)input->len);
  check_int_eq(end.status, 1);
  check_int_eq(count_of(end.output, "{\"to\":\"edged\""), 1000);
  check_int_eq(count_of(end.output, "{\"to\":\"websocket\""), 1000);
  check_int_eq(count_of(end.error, "\n"), 100);
  for (guint line = 11; line <= 1100; line += 11) {
    g_autofree char *said = g_strdup_printf("edgehost: line %u: ", line);
    check_int_eq(count_of(end.error, said), 1);
  }
}

TEST_CASE(BadInput, blank_lines_and_line_ends_are_no_error) {
  g_autofree char *blanks = g_strnfill(65536, ' ');
  g_autoptr(GString) input = g_string_new("\n   \n\t\r\n");
  g_string_append(input, blanks);
  g_string_append(input, "\n" GOOD_LINE("one"));
  g_string_truncate(input, input->len - 1);
  g_string_append(input, "\r\n" GOOD_LINE("two"));
  g_string_truncate(input, input->len - 1); /* no line end at the end of input */
  g_auto(outcome) end = cli_feed(NULL, input->str, (gssize)input->len);
  check_int_eq(end.status, 0);
  check_str_eq(end.error, "");
  check_int_eq(count_of(end.output, "\n"), 4);
}

TEST_CASE(BadInput, content_arrives_as_it_was_written) {
  static const char *const contents[] = {
      "\"content\":{\"big\":18446744073709551616,\"small\":1e-400,\"money\":1.10}",
      "\"content\":[\"caf\xc3\xa9\",\"\\u00e9\",\"\\ud83d\\ude00\",{\"a\":1,\"a\":2}]",
      "\"content\":{\"\":null,\"nested\":{\"content\":{\"content\":1}}}",
      "\"content_raw\":\"{\\\"not\\\":  \\\"touched\\\"\\n\"",
      "\"content_raw\":\"plain text\"",
      "\"content_raw_base64\":\"AP8=\"",
  };
  for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
    test_note("%s", contents[i]);
    g_autofree char *line = g_strdup_printf(
        "{\"send\":{\"source\":\"edgecontroller\",\"operation\":\"delete\",\"resource\":\"a/pod/b\",%s}}\n",
        contents[i]);
    g_auto(outcome) end = cli_feed(NULL, line, -1);
    check_int_eq(end.status, 0);
    check_contains(end.output, contents[i]);
  }
}
