#include "failure.h"

#include "test.h"

#include <string.h>

TEST_CASE(Failure, says_code_and_text) {
  struct edgecore_error error = FAILURE_INIT;
  check_int_eq(failure_set(&error, EDGECORE_IO, "file \"%s\": %d", "a", 7), EDGECORE_IO);
  check_int_eq(error.code, EDGECORE_IO);
  check_str_eq(error.text, "file \"a\": 7");
  check_int_eq(failure_set(NULL, EDGECORE_AGAIN, "nobody listens"), EDGECORE_AGAIN);
}

TEST_CASE(Failure, cuts_at_a_whole_character) {
  for (guint pad = 0; pad < 4; pad++) {
    struct edgecore_error error = FAILURE_INIT;
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < pad; i++)
      g_string_append_c(text, 'x');
    for (guint i = 0; i < 300; i++)
      g_string_append(text, "\xf0\x9f\x98\x80");
    failure_set(&error, EDGECORE_FAILED, "%s", text->str);
    check_true(g_utf8_validate(error.text, -1, NULL));
    check_int_ge(strlen(error.text), sizeof error.text - 5);
    check_true(g_str_has_prefix(text->str, error.text));
  }
}

TEST_CASE(Failure, writes_no_further_than_a_shorter_error_reaches) {
  struct {
    struct edgecore_error error;
  } space;
  memset(&space, 0x5a, sizeof space);
  space.error.size = offsetof(struct edgecore_error, text) + 8;
  failure_set(&space.error, EDGECORE_FAILED, "a long sentence");
  check_str_eq(space.error.text, "a long ");
  check_int_eq(space.error.text[8], 0x5a);
  space.error.size = 4;
  space.error.code = 99;
  check_int_eq(failure_set(&space.error, EDGECORE_FAILED, "text"), EDGECORE_FAILED);
  check_int_eq(space.error.code, 99);
}

TEST_CASE(Failure, makes_one_valid_line_of_a_plugins_text) {
  struct edgecore_error error = FAILURE_INIT;
  g_strlcpy(error.text, "two\nlines\tand \xff", sizeof error.text);
  g_autofree char *text = failure_text(&error, EDGECORE_IO);
  check_true(g_utf8_validate(text, -1, NULL));
  check_true(g_str_has_prefix(text, "two lines and "));
  memset(error.text, 'x', sizeof error.text); /* no NUL */
  g_autofree char *unended = failure_text(&error, EDGECORE_IO);
  check_int_eq(strlen(unended), sizeof error.text);
  error.text[0] = '\0';
  g_autofree char *name = failure_text(&error, EDGECORE_TIMEOUT);
  check_str_eq(name, "time-out");
}

TEST_CASE(Failure, every_code_has_a_name) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (int32_t code = EDGECORE_OK; code <= EDGECORE_FAILED; code++)
    check_true(g_hash_table_add(names, (char *)failure_name(code)));
  check_str_eq(failure_name(-1), "unknown error code");
  check_str_eq(failure_name(4711), "unknown error code");
}
