#include "error.h"

#include "test.h"

#include <string.h>

static void fill(char *text, gsize size, const char *unit) {
  gsize unit_size = strlen(unit);

  for (gsize at = 0; at + unit_size < size; at += unit_size)
    memcpy(text + at, unit, unit_size + 1);
}

TEST_CASE(Error, holds_code_and_text) {
  struct edgecore_error error = ERROR_INIT;

  check_int_eq(error_set(&error, EDGECORE_IO, "cannot %s file %d", "open", 7), EDGECORE_IO);
  check_int_eq(error.code, EDGECORE_IO);
  check_str_eq(error.text, "cannot open file 7");
  check_int_eq(error.size, sizeof error);
}

TEST_CASE(Error, nobody_has_to_ask_for_the_text) {
  check_int_eq(error_set(NULL, EDGECORE_FAILED, "%s", "unheard"), EDGECORE_FAILED);
}

TEST_CASE(Error, the_last_one_counts) {
  struct edgecore_error error = ERROR_INIT;

  error_set(&error, EDGECORE_IO, "a long first text");
  error_set(&error, EDGECORE_INVALID, "second");
  check_int_eq(error.code, EDGECORE_INVALID);
  check_str_eq(error.text, "second");
}

TEST_CASE(Error, a_prefix_keeps_code_and_cause) {
  struct edgecore_error error = ERROR_INIT;

  error_set(&error, EDGECORE_IO, "disk full");
  error_prefix(&error, "Error to save meta to DB: ");
  check_int_eq(error.code, EDGECORE_IO);
  check_str_eq(error.text, "Error to save meta to DB: disk full");
}

TEST_CASE(Error, long_text_is_cut_to_what_fits) {
  struct edgecore_error error = ERROR_INIT;
  char text[3 * EDGECORE_ERROR_TEXT_SIZE];

  fill(text, sizeof text, "x");
  error_set(&error, EDGECORE_FAILED, "%s", text);
  check_int_eq(strlen(error.text), EDGECORE_ERROR_TEXT_SIZE - 1);
  error_prefix(&error, "before: ");
  check_int_eq(strlen(error.text), EDGECORE_ERROR_TEXT_SIZE - 1);
  check_contains(error.text, "before: xxx");
}

/* A text may quote what came from outside. */
TEST_CASE(Error, text_that_is_no_utf8_is_shown_as_far_as_it_is) {
  struct edgecore_error error = ERROR_INIT;

  error_set(&error, EDGECORE_FAILED, "a \xff b \xc3( c \xed\xa0\x80 d, and a long end");
  check_str_eq(error.text, "a ? b ?( c ??? d, and a long end");
}

/* With one more byte in front each time, the cut falls at every place of a character. */
TEST_CASE(Error, text_is_cut_at_a_whole_character) {
  static const char *const units[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  char text[3 * EDGECORE_ERROR_TEXT_SIZE];

  for (guint i = 0; i < G_N_ELEMENTS(units); i++)
    for (guint shift = 0; shift < 4; shift++) {
      struct edgecore_error error = ERROR_INIT;
      test_note("unit %u, shift %u", i, shift);
      fill(text, sizeof text, units[i]);
      error_set(&error, EDGECORE_FAILED, "%.*s%s", (int)shift, "aaaa", text);
      check_true(g_utf8_validate(error.text, -1, NULL));
      check_null(strchr(error.text, '?'));
      check_int_ge(strlen(error.text), EDGECORE_ERROR_TEXT_SIZE - 4);
      error_prefix(&error, "p");
      check_true(g_utf8_validate(error.text, -1, NULL));
      check_null(strchr(error.text, '?'));
    }
}
