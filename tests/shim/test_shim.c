#include "process.h"
#include "secret.h"
#include "test.h"

#include <string.h>

/* What the sample tests that the filter leaves say. */
static char *sample_run(const char *filter, int *status) {
  g_autofree char *argument = g_strconcat("--gtest_filter=", filter, NULL);
  const char *argv[] = {TESTS_BUILD_DIR "/tests/shim/shim-sample", argument, "--gtest_color=no", NULL};
  g_autoptr(process) run = process_start(argv, NULL);
  *status = process_finish(run);
  return g_strconcat(process_output(run)->str, process_error(run)->str, NULL);
}

TEST_CASE(Shim, failures_show_place_and_both_values) {
  static const struct {
    const char *filter;
    const char *said[6];
  } rows[] = {
      {"Sample.shows_integers",
       {"sample.c:", "want forty_two == 41", "left:  42", "right: 41", "want forty_two <= 40", "right: 40"}},
      {"Sample.shows_texts",
       {"left:  \"one\"", "right: \"two\"", "right: NULL", "\"haystack\" lacks \"needle\"",
        "\"haystack\" holds \"hay\""}},
      {"Sample.shows_bytes", {"want \"abc\" == \"abd\"", "first difference at 2"}},
      {"Sample.shows_errors",
       {"unexpected error: no such thing", "want error g-file-error-quark", "with \"no such thing\"", "got none"}},
      {"Sample.check_goes_on_and_require_does_not", {"1 > 2 is false", "\"something\" is not NULL"}},
      {"Sample.says_its_note", {"[row 7] with a note"}},
      {"Rows.the_second_odd", {"left:  1", "right: 0"}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].filter);
    int status = 0;
    g_autofree char *said = sample_run(rows[i].filter, &status);
    check_int_eq(status, 1);
    check_contains(said, "1 FAILED TEST");
    for (guint k = 0; k < G_N_ELEMENTS(rows[i].said) && rows[i].said[k] != NULL; k++)
      check_contains(said, rows[i].said[k]);
    check_lacks(said, "never said");
  }
}

TEST_CASE(Shim, passing_tests_pass) {
  int status = 0;
  g_autofree char *said = sample_run("Sample.passes:Rows.the_first__even", &status);
  check_int_eq(status, 0);
  check_contains(said, "[  PASSED  ] 2 tests.");
}

TEST_CASE(Shim, a_note_ends_with_its_test) {
  int status = 0;
  g_autofree char *said = sample_run("Sample.says_its_note:Sample.forgets_the_note", &status);
  check_int_eq(status, 1);
  check_contains(said, "\nwithout a note");
  check_lacks(said, "[row 7] without");
}

TEST_CASE(Shim, no_test_at_all_is_a_failure) {
  int status = 0;
  g_autofree char *said = sample_run("No.such_test", &status);
  check_int_eq(status, 1);
  check_contains(said, "no test ran");
  const char *argv[] = {TESTS_BUILD_DIR "/tests/shim/shim-empty", NULL};
  g_autoptr(process) empty = process_start(argv, NULL);
  check_int_eq(process_finish(empty), 1);
  check_contains(process_error(empty)->str, "no test ran");
}

static void fail_twice(void *data) {
  (void)data;
  check_fail("the first");
  check_fail("the second");
}

TEST_CASE(Shim, the_directory_is_gone_after_the_test) {
  int status = 0;
  g_autofree char *said = sample_run("Sample.prints_its_directory", &status);
  require_int_eq(status, 0);
  const char *start = strstr(said, "directory: ");
  require_not_null(start);
  start += strlen("directory: ");
  g_autofree char *path = g_strndup(start, strcspn(start, "\n"));
  check_true(g_path_is_absolute(path));
  check_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST_CASE(Shim, looking_at_a_log_where_nothing_can_be_found_is_a_failure) {
  const char *all[] = {TESTS_BUILD_DIR "/tests/shim/shim-blind", NULL};
  g_autoptr(process) blind = process_start(all, NULL);
  check_int_eq(process_finish(blind), 1);
  check_contains(process_output(blind)->str, "[  PASSED  ] 1 test.");
  check_contains(process_error(blind)->str, "no content held the SECRET");
  const char *one[] = {TESTS_BUILD_DIR "/tests/shim/shim-blind", "--gtest_filter=Blind.a_*", NULL};
  g_autoptr(process) filtered = process_start(one, NULL);
  check_int_eq(process_finish(filtered), 0);
}

TEST_CASE(Shim, failures_that_are_caught_are_none_of_the_test) {
  g_autofree char *said = test_caught(fail_twice, NULL);
  check_contains(said, "the first\n");
  check_contains(said, "the second\n");
}

static void run_shell(void *command) {
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_autoptr(process) shell = process_start(argv, NULL);
  process_finish(shell);
}

/* Its output is left unread. */
static void kill_shell(void *command) {
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_autoptr(process) shell = process_start(argv, NULL);
  process_wait_for(shell, "said");
}

TEST_CASE(Process, content_on_standard_error_fails_the_test) {
  static const struct {
    const char *command;
    gboolean is_wrong;
  } rows[] = {
      {"echo " SECRET, FALSE},
      {"echo all is well >&2", FALSE},
      {"echo a line >&2; echo content " SECRET " >&2", TRUE},
      {"printf %s " SECRET " >&2", TRUE},
      {"echo edgehost: metaManager: warning: " SECRET " >&2", TRUE},
      {"echo edgehost: metaManager: debug: " SECRET " >&2", FALSE},
      {"echo edgehost: metaManager: warning: no: debug: " SECRET " >&2", TRUE},
      {"echo metaManager: debug: " SECRET " >&2", TRUE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].command);
    g_autofree char *said = test_caught(run_shell, (void *)rows[i].command);
    if (rows[i].is_wrong)
      check_contains(said, "content of a message in the standard error of sh: ");
    else
      check_str_eq(said, "");
  }
  g_autofree char *said = test_caught(kill_shell, (void *)"echo " SECRET " >&2; echo said; exec sleep 60");
  check_contains(said, "content of a message in the standard error of sh: ");
}

TEST_CASE(Process, carries_much_both_ways) {
  const char *argv[] = {"/bin/cat", NULL};
  g_autoptr(process) cat = process_start(argv, NULL);
  g_autoptr(GString) much = g_string_new(NULL);
  for (guint i = 0; i < 200000; i++)
    g_string_append_printf(much, "line %u\n", i);
  check_true(process_write(cat, much->str, (gssize)much->len));
  check_true(process_wait_for(cat, "line 199999\n"));
  check_int_eq(process_finish(cat), 0);
  check_str_eq(process_output(cat)->str, much->str);
}

TEST_CASE(Process, tells_status_signal_and_closed_input) {
  const char *seven[] = {"/bin/sh", "-c", "pwd; echo oops >&2; exit 7", NULL};
  g_autoptr(process) shell = process_start(seven, "/");
  check_true(process_wait_for_error(shell, "oops"));
  check_int_eq(process_finish(shell), 7);
  check_str_eq(process_output(shell)->str, "/\n");
  const char *cat[] = {"/bin/cat", NULL};
  g_autoptr(process) killed = process_start(cat, NULL);
  process_signal(killed, 9);
  check_int_eq(process_finish(killed), -9);
  const char *deaf[] = {"/bin/sh", "-c", "exec <&-; echo closed; read x <&2", NULL};
  g_autoptr(process) closed = process_start(deaf, NULL);
  require_true(process_wait_for(closed, "closed"));
  check_false(process_write(closed, "x", 1));
}
