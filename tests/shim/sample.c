/* Tests that fail on purpose: test_shim.c runs them and looks at what is said. No test of the project by themselves. */
#include "test.h"

TEST_CASE(Sample, passes) {
  check_true(true);
  check_str_eq(NULL, NULL);
}

TEST_CASE(Sample, shows_integers) {
  const int forty_two = 42;
  check_int_eq(forty_two, 41);
  check_int_le(forty_two, 40);
}

TEST_CASE(Sample, shows_texts) {
  check_str_eq("one", "two");
  check_str_eq("one", NULL);
  check_contains("haystack", "needle");
  check_lacks("haystack", "hay");
}

TEST_CASE(Sample, shows_bytes) {
  check_mem_eq("abc", 3, "abd", 3);
}

TEST_CASE(Sample, shows_errors) {
  g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "no such thing");
  check_no_error(error);
  check_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES, "no such");
  check_error(NULL, G_FILE_ERROR, G_FILE_ERROR_ACCES, "no such");
}

TEST_CASE(Sample, check_goes_on_and_require_does_not) {
  check_true(1 > 2);
  require_null("something");
  check_fail("never said");
}

TEST_CASE(Sample, says_its_note) {
  test_note("row %d", 7);
  check_fail("with a note");
}

TEST_CASE(Sample, forgets_the_note) {
  check_fail("without a note");
}

TEST_CASE(Sample, prints_its_directory) {
  g_autofree char *path = test_file("deep.txt", "x", -1);
  g_print("directory: %s\nfile: %s\n", test_directory(), path);
}

static void sum_is_even(const void *data) {
  check_int_eq(*(const int *)data % 2, 0);
}

TEST_GENERATOR(sums) {
  static const int rows[] = {2, 3};
  test_add("Rows", "the first: even", __FILE__, __LINE__, sum_is_even, &rows[0]);
  test_add("Rows", "the second-odd", __FILE__, __LINE__, sum_is_even, &rows[1]);
}
