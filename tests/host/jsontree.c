#include "jsontree.h"

#include "host.h"
#include "test.h"

#include <string.h>

static json_value *read_text(const char *text) {
  g_autoptr(json_reader) reader = json_reader_new();
  g_autoptr(GError) error = NULL;
  json_value *root = json_reader_read(reader, text, strlen(text), &error);
  check_no_error(error);
  return root;
}

/* A tree written again, one sign for each kind. */
static void write_value(GString *out, const json_value *value) {
  static const char *const marks[] = {
      [JSON_NULL] = "null", [JSON_TRUTH] = "?", [JSON_INTEGER] = "#", [JSON_FRACTION] = "~",
      [JSON_TEXT] = "'",    [JSON_LIST] = "[",  [JSON_OBJECT] = "{",
  };
  if (value->name != NULL)
    g_string_append_printf(out, "%s:", value->name);
  g_string_append(out, marks[value->kind]);
  if (value->kind == JSON_INTEGER || value->kind == JSON_TRUTH)
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value->integer);
  if (value->kind == JSON_TEXT)
    g_string_append(out, value->text);
  for (guint i = 0; value->held != NULL && i < value->held->len; i++) {
    g_string_append(out, i > 0 ? " " : "");
    write_value(out, g_ptr_array_index(value->held, i));
  }
  if (value->held != NULL)
    g_string_append_c(out, value->kind == JSON_LIST ? ']' : '}');
}

TEST_CASE(JsonTree, has_all_values_in_their_places) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"null", "null"},
      {"true", "?1"},
      {"false", "?0"},
      {" 7 ", "#7"},
      {"-9223372036854775808", "#-9223372036854775808"},
      {"9223372036854775807", "#9223372036854775807"},
      {"1.0", "~"},
      {"1e400", "~"},
      {"\"\"", "'"},
      {"\"a\\n\\\"\\u00e9\\ud83d\\ude00\"", "'a\n\"\xc3\xa9\xf0\x9f\x98\x80"},
      {"[]", "[]"},
      {"{}", "{}"},
      {"[[],{},[[1]],2]", "[[] {} [[#1]] #2]"},
      {"{\"\":1,\"a\":{\"b\":[{\"c\":null},\"x\"],\"d\":{}},\"e\":[]}", "{:#1 a:{b:[{c:null} 'x] d:{}} e:[]}"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].text);
    g_autoptr(json_value) root = read_text(rows[i].text);
    g_autoptr(GString) out = g_string_new(NULL);
    require_not_null(root);
    write_value(out, root);
    check_str_eq(out->str, rows[i].want);
  }
}

TEST_CASE(JsonTree, a_member_is_found_by_its_name) {
  g_autoptr(json_value) root = read_text("{\"a\":1,\"ab\":2,\"b\":{\"c\":3}}");
  require_not_null(root);
  check_int_eq(json_value_member(root, "ab")->integer, 2);
  check_null(json_value_member(root, "c"));
  check_int_eq(json_value_member(json_value_member(root, "b"), "c")->integer, 3);
}

TEST_CASE(JsonTree, one_reader_reads_many_texts) {
  g_autoptr(json_reader) reader = json_reader_new();
  g_autoptr(GError) error = NULL;
  for (gint64 i = 0; i < 100; i++) {
    g_autofree char *text = g_strdup_printf("[%" G_GINT64_FORMAT "]", i);
    g_autoptr(json_value) root = json_reader_read(reader, text, strlen(text), &error);
    require_not_null(root);
    check_int_eq(((const json_value *)g_ptr_array_index(root->held, 0))->integer, i);
  }
}

/* As deep as a line may be, and as many values as it may have. */
TEST_CASE(JsonTree, the_deepest_and_the_longest_text_are_read) {
  g_autofree char *opened = g_strnfill(512, '[');
  g_autofree char *closed = g_strnfill(512, ']');
  g_autofree char *deep = g_strconcat(opened, closed, NULL);
  g_autoptr(json_value) root = read_text(deep);
  require_not_null(root);
  guint depth = 1;
  for (const json_value *at = root; at->held->len > 0; at = g_ptr_array_index(at->held, 0))
    depth++;
  check_int_eq(depth, 512);

  g_autoptr(GString) wide = g_string_new("[0");
  for (guint i = 2; i < 200000; i++)
    g_string_append(wide, ",0");
  g_string_append_c(wide, ']');
  g_autoptr(json_value) list = read_text(wide->str);
  require_not_null(list);
  check_int_eq(list->held->len, 199999);
}
