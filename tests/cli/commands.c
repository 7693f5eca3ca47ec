/* Command lines, exit statuses, and what is wrong with the files that are named on them. */
#include "cli.h"
#include "test.h"

#include <string.h>

static void check_call(const char *const *arguments, int status, const char *said) {
  g_autofree char *line = g_strjoinv(" ", (char **)arguments);
  test_note("%s", line);
  g_auto(outcome) end = cli_call(arguments, "", 0);
  check_int_eq(end.status, status);
  if (status == 0) {
    check_contains(end.output, said);
    check_str_eq(end.error, "");
    return;
  }
  check_str_eq(end.output, "");
  check_contains(end.error, said);
  check_int_eq(count_of(end.error, "\n"), 1);
  check_true(g_str_has_prefix(end.error, "edgehost: "));
}

TEST_CASE(Commands, help_and_version) {
  static const char *const commands[] = {"run", "replay", "inspect", "swap"};
  check_call((const char *const[]){"--help", NULL}, 0, "Exit status:");
  check_call((const char *const[]){"--version", NULL}, 0, "edgehost " PROJECT_VERSION "\n");
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
    check_call((const char *const[]){"--help", NULL}, 0, commands[i]);
    check_call((const char *const[]){commands[i], "--help", NULL}, 0, "Exit status:");
    check_call((const char *const[]){commands[i], "--version", NULL}, 0, "edgehost " PROJECT_VERSION "\n");
    check_call((const char *const[]){commands[i], "--no-such-option", NULL}, 2, "--no-such-option");
  }
}

TEST_CASE(Commands, a_wrong_command_line_has_status_2) {
  static const struct {
    const char *arguments[8], *said;
  } rows[] = {
      {{NULL}, "COMMAND"},
      {{"dance", NULL}, "\"dance\""},
      {{"--no-such-option", NULL}, "--no-such-option"},
      {{"run", NULL}, "--plugin"},
      {{"run", "--plugin", NULL}, "--plugin"},
      {{"run", "--plugin", PLUGIN, "more", NULL}, "want no arguments, got 1"},
      {{"run", "--plugin", PLUGIN, "--database", "", NULL}, "--database"},
      {{"run", "--plugin", PLUGIN, "--config", "", NULL}, "--config: want a name"},
      {{"run", "--plugin", PLUGIN, "--run-directory", "", NULL}, "--run-directory: want a name"},
      {{"run", "--plugin", "", NULL}, "--plugin: want a name"},
      {{"replay", "--plugin", "", "-", NULL}, "--plugin: want a name"},
      {{"swap", "--run-directory", "", PLUGIN, NULL}, "--run-directory: want a name"},
      {{"run", "--plugin", PLUGIN, "--log-level", "loud", NULL}, "\"loud\""},
      {{"replay", "file", NULL}, "--plugin"},
      {{"replay", "--plugin", PLUGIN, NULL}, "SCENARIOS"},
      {{"inspect", NULL}, "FILE.so"},
      {{"inspect", "a", "b", NULL}, "FILE.so"},
      {{"inspect", "", NULL}, "FILE.so: want a name"},
      {{"swap", "", NULL}, "FILE.so: want a name"},
      {{"replay", "--plugin", PLUGIN, "", NULL}, "SCENARIOS: want a name"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    check_call(rows[i].arguments, 2, rows[i].said);
}

TEST_CASE(Commands, an_output_that_cannot_be_written_is_told) {
  const char *argv[] = {"/bin/sh", "-c", "'" EDGEHOST "' run --help >/dev/full; echo \"status $?\"", NULL};
  g_autoptr(process) shell = process_start(argv, NULL);
  check_int_eq(process_finish(shell), 0);
  check_str_eq(process_output(shell)->str, "status 1\n");
  check_str_eq(process_error(shell)->str, "edgehost: standard output: No space left on device\n");
}

TEST_CASE(Commands, inspect_shows_a_plugin_or_why_not) {
  check_call((const char *const[]){"inspect", PLUGIN, NULL}, 0, "metaManager");
  check_call((const char *const[]){"inspect", TESTS_BUILD_DIR "/tests/abi/plugin-v1.0.so", NULL}, 0, "1.0.0-frozen");
  static const struct {
    const char *file, *said;
  } rows[] = {
      {TESTS_SOURCE_DIR "/check", "not a shared object"},
      {TESTS_BUILD_DIR "/tests/variants/no-stop.so", "symbol missing: edgecore_plugin_stop"},
      {TESTS_BUILD_DIR "/tests/variants/wrong-magic.so", "wrong magic"},
      {TESTS_BUILD_DIR "/tests/variants/wrong-major.so", "it has 2, the host has 1"},
      {TESTS_BUILD_DIR "/tests/variants/newer-minor.so", "newer than the host's"},
      {TESTS_BUILD_DIR "/tests/variants/short-descriptor.so", "too short"},
      {"no/such/file.so", "No such file or directory"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    check_call((const char *const[]){"inspect", rows[i].file, NULL}, 1, rows[i].said);
    check_call((const char *const[]){"inspect", rows[i].file, NULL}, 1, rows[i].file);
  }
}

TEST_CASE(Commands, a_file_name_with_control_characters_is_said_in_one_line) {
  check_call((const char *const[]){"inspect", "no\nsuch\r\x1b[31mfile\x7f.so", NULL}, 1, "no such  [31mfile .so");
  check_call((const char *const[]){"a\nb", NULL}, 2, "\"a b\"");
}

/* `run` on this configuration directory: one line on standard error that has all the parts, nothing else, nothing made. */
static void check_configuration(const char *directory, const char *const *parts) {
  g_autofree char *run_directory = test_path("run");
  g_auto(outcome) end = cli_call(
      (const char *const[]){"run", "--plugin", PLUGIN, "--config", directory, "--run-directory", run_directory, NULL},
      GOOD_LINE("m1"), -1);
  check_int_eq(end.status, 1);
  check_str_eq(end.output, "");
  check_int_eq(count_of(end.error, "\n"), 1);
  for (guint i = 0; parts[i] != NULL; i++)
    check_contains(end.error, parts[i]);
  g_autofree char *database = test_path("edge.db");
  check_false(g_file_test(database, G_FILE_TEST_EXISTS));
}

TEST_CASE(Commands, a_bad_configuration_is_told_with_file_line_and_key) {
  static const struct {
    const char *text, *said[4];
  } rows[] = {
      {"modules: [\n", {"edge.yaml:", NULL}},
      {"a: 1\na: 2\n", {"edge.yaml:2: a: ", NULL}},
      {"modules:\n  enabled: metaManager\n", {"edge.yaml:2: modules.enabled: ", NULL}},
      {"database:\n  source: 7\n", {"edge.yaml:2: database.source: ", NULL}},
      {"meta:\n  sync:\n    podstatus:\n      interval: often\n",
       {"edge.yaml:4", "meta.sync.podstatus.interval", "often", NULL}},
      {"meta:\n  sync:\n    podstatus:\n      interval: [60]\n", {"edge.yaml:4", "meta.sync.podstatus.interval", NULL}},
      {"metamanager:\n  edgesite: perhaps\n", {"edge.yaml:2", "metamanager.edgesite", "perhaps", NULL}},
      {"metamanager:\n  context-send-group: [hub]\n", {"edge.yaml:2", "metamanager.context-send-group", NULL}},
      {"metamanager:\n  context-send-module: ''\n", {"edge.yaml:2", "metamanager.context-send-module", NULL}},
      {"metamanager:\n  remote-query-timeout: -1\n", {"edge.yaml:2", "metamanager.remote-query-timeout", "-1", NULL}},
      {"metamanager:\n  remote-query-attempts: 0\n", {"edge.yaml:2", "metamanager.remote-query-attempts", "0", NULL}},
      {"metamanager:\n  volume-timeout: 1h\n", {"edge.yaml:2", "metamanager.volume-timeout", "1h", NULL}},
      {"metamanager:\n  outbox-max-bytes: lots\n", {"edge.yaml:2", "metamanager.outbox-max-bytes", "lots", NULL}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].text);
    test_write("edge.yaml", rows[i].text, -1);
    check_configuration(test_directory(), rows[i].said);
  }
}

TEST_CASE(Commands, a_configuration_that_is_not_there_is_told) {
  check_configuration("/no/such/directory", (const char *const[]){"/no/such/directory", NULL});
  check_configuration(test_directory(), (const char *const[]){"edge.yaml: no such file", NULL});
}

TEST_CASE(Commands, a_configuration_is_used) {
  g_autofree char *text = g_strdup_printf(
      "database:\n  source: %s/other.db\nmodules:\n  enabled: [metaManager, edged]\n", test_directory());
  test_write("edge.yaml", text, -1);
  g_autofree char *run_directory = test_path("run");
  g_auto(outcome) end = cli_call((const char *const[]){"run", "--plugin", PLUGIN, "--config", test_directory(),
                                                       "--run-directory", run_directory, NULL},
                                 GOOD_LINE("m1"), -1);
  check_int_eq(end.status, 0);
  g_autofree char *database = test_path("other.db");
  check_true(g_file_test(database, G_FILE_TEST_EXISTS));
}

TEST_CASE(Commands, a_module_that_is_not_enabled_leaves_nothing) {
  test_write("edge.yaml", "modules:\n  enabled: [edged]\n", -1);
  g_auto(outcome) end = cli_feed((const char *const[]){"--config", test_directory(), NULL}, "", 0);
  check_int_eq(end.status, 0);
  check_str_eq(end.error, "edgehost: module metaManager is not enabled: not registered; add it to modules.enabled\n");
  g_autofree char *database = test_path("edge.db");
  check_false(g_file_test(database, G_FILE_TEST_EXISTS));
}

TEST_CASE(Commands, a_plugin_that_cannot_be_loaded_is_told) {
  static const struct {
    const char *file, *said;
  } rows[] = {
      {"/nonexistent.so", "No such file or directory"},
      {TESTS_SOURCE_DIR "/check", "not a shared object"},
      {TESTS_BUILD_DIR "/tests/variants/wrong-major.so", "wrong ABI major"},
      {TESTS_BUILD_DIR "/tests/variants/start-fails.so", "start fails on purpose"},
  };
  g_autofree char *run_directory = test_path("run");
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    check_call((const char *const[]){"run", "--plugin", rows[i].file, "--run-directory", run_directory, NULL}, 1,
               rows[i].said);
}

#define SCENARIO(name)                                                                                                 \
  "{\"name\":\"" name "\",\"steps\":[{\"send\":{\"source\":\"edged\",\"operation\":\"insert\","                        \
  "\"resource\":\"a/pod/b\",\"content\":\"" SECRET "\"}}]}\n"

TEST_CASE(Commands, replay_says_which_scenario_is_wrong_and_plays_the_others) {
  static const char input[] = SCENARIO("first") "{\"name\":\"second\"}\n{\"steps\":[]}\nnonsense: " SECRET "\n"
                                                "{\"name\":\"fifth\",\"steps\":[{\"send\":{}}]}\n" SCENARIO("sixth");
  g_auto(outcome) end = cli_call((const char *const[]){"replay", "--plugin", PLUGIN, "-", NULL}, input, -1);
  check_int_eq(end.status, 1);
  check_int_eq(count_of(end.output, "\n"), 2);
  check_contains(end.output, "\"name\":\"first\"");
  check_contains(end.output, "\"name\":\"sixth\"");
  check_int_eq(count_of(end.error, "\n"), 4);
  for (guint line = 2; line <= 5; line++) {
    g_autofree char *said = g_strdup_printf("edgehost: line %u: ", line);
    check_contains(end.error, said);
  }
  check_call((const char *const[]){"replay", "--plugin", PLUGIN, "/no/such/file", NULL}, 1, "/no/such/file");
}
