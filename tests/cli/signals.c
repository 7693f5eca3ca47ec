/* How a run ends: at end of input, on a signal, on SIGKILL, and when nobody reads. */
#include "cli.h"
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSERT(name)                                                                                                   \
  "{\"send\":{\"source\":\"edgecontroller\",\"operation\":\"insert\",\"resource\":\"default/pod/" name                 \
  "\",\"content_raw\":\"" SECRET "\"}}\n"
#define ASK_VOLUME                                                                                                                          \
  "{\"send\":{\"id\":\"v1\",\"source\":\"edgecontroller\",\"operation\":\"createvolume\",\"resource\":\"a/volume/b\",\"content\":\"" SECRET \
  "\"}}\n"

/* The rows of the test's edge.db, which must be whole. */
static int rows_stored(void) {
  g_autofree char *path = test_path("edge.db");
  sqlite3 *database = NULL;
  sqlite3_stmt *statement = NULL;
  int count = -1;
  check_int_eq(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  if (sqlite3_prepare_v2(database, "SELECT count(*), (SELECT integrity_check FROM pragma_integrity_check) FROM meta",
                         -1, &statement, NULL) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    count = sqlite3_column_int(statement, 0);
    check_str_eq((const char *)sqlite3_column_text(statement, 1), "ok");
  }
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return count;
}

static void check_ends_on(int number) {
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  for (guint i = 0; i < 100; i++) {
    g_autofree char *line = g_strdup_printf(INSERT("p%u"), i);
    require_true(process_write(host, line, -1));
  }
  require_true(process_wait_for(host, "default/pod/p99"));
  process_signal(host, number);
  check_int_eq(process_finish(host), 0);
  /* Whatever was taken in is done to its end. */
  check_int_eq(count_of(process_output(host)->str, "{\"to\":\"edged\""), 100);
  check_int_eq(count_of(process_output(host)->str, "{\"to\":\"websocket\""), 100);
  check_str_eq(process_error(host)->str, "");
  check_int_eq(rows_stored(), 100);
}

TEST_CASE(Signals, sigterm_ends_it_well) {
  check_ends_on(SIGTERM);
}

TEST_CASE(Signals, sigint_ends_it_well) {
  check_ends_on(SIGINT);
}

TEST_CASE(Signals, a_signal_ends_it_while_the_input_is_open) {
  g_autoptr(process) host = cli_run(NULL);
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  process_signal(host, SIGTERM);
  require_false(process_wait_for(host, "nothing more"));
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(Signals, end_of_input_waits_until_all_has_settled) {
  static const char input[] = "{\"rules\":[{\"on\":\"edged\",\"content\":\"made\",\"after_ms\":100}]}\n" ASK_VOLUME;
  g_auto(outcome) end = cli_feed(NULL, input, -1);
  check_int_eq(end.status, 0);
  check_contains(end.output, "\"parent_id\":\"v1\"");
  check_contains(end.output, "\"made\"");
}

TEST_CASE(Signals, forever_goes_on_after_the_end_of_input) {
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  process_close_input(host);
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(Signals, a_neighbour_that_never_answers_does_not_keep_it_from_ending) {
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  require_true(process_write(host, ASK_VOLUME, -1));
  require_true(process_wait_for(host, "\"createvolume\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
  check_contains(process_error(host)->str, "before all had settled");
}

TEST_CASE(Signals, what_was_answered_outlives_sigkill) {
  {
    g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
    for (guint i = 0; i < 200; i++) {
      g_autofree char *line = g_strdup_printf(INSERT("p%u"), i);
      require_true(process_write(host, line, -1));
    }
    for (guint i = 0; i < 200; i++)
      require_true(process_wait_for(host, "\"operation\":\"response\""));
    process_signal(host, SIGKILL);
    check_int_eq(process_finish(host), -SIGKILL);
  }
  static const char query[] =
      "{\"send\":{\"source\":\"edged\",\"operation\":\"query\",\"resource\":\"any/pod\",\"sync\":true}}\n";
  g_auto(outcome) end = cli_feed(NULL, query, -1);
  check_int_eq(end.status, 0);
  check_str_eq(end.error, "");
  check_int_eq(count_of(end.output, "\"" SECRET "\""), 200);
  check_int_eq(rows_stored(), 200);
}

TEST_CASE(Signals, a_reader_that_goes_away_ends_it) {
  g_autofree char *directory = test_path("run");
  g_autofree char *command =
      g_strdup_printf("{ for i in 1 2 3 4 5 6 7 8; do cat '%s'; done; } |"
                      " { '%s' run --plugin '%s' --run-directory '%s' --database '%s/edge.db';"
                      " echo \"status $?\" >&2; } | head -n 1 >/dev/null",
                      TESTS_SOURCE_DIR "/workload/edge-node.jsonl", EDGEHOST, PLUGIN, directory, test_directory());
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_autoptr(process) shell = process_start(argv, NULL);
  check_int_eq(process_finish(shell), 0);
  check_contains(process_error(shell)->str, "edgehost: standard output: ");
  check_contains(process_error(shell)->str, "status 1\n");
}

static void wait_for_file(int inotify, const char *name) {
  union {
    struct inotify_event event;
    char bytes[4096];
  } got;
  gboolean is_there = FALSE;
  while (!is_there) {
    const ssize_t size = read(inotify, &got, sizeof got);
    require_true(size > 0);
    for (ssize_t at = 0; at < size;) {
      const struct inotify_event *event = (const void *)(got.bytes + at);
      is_there |= strcmp(event->name, name) == 0;
      at += (ssize_t)(sizeof *event + event->len);
    }
  }
}

/* Another program's lock on the database holds the start up, for 2 s at most. */
TEST_CASE(Signals, a_signal_during_the_start_is_for_what_has_started) {
  g_autofree char *path = test_path("edge.db");
  sqlite3 *database = NULL;
  require_int_eq(sqlite3_open(path, &database), SQLITE_OK);
  require_int_eq(sqlite3_exec(database, "CREATE TABLE other (a)", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(database);
  const char *argv[] = {TESTS_BUILD_DIR "/tests/host/database-locker", path, NULL};
  g_autoptr(process) locker = process_start(argv, NULL);
  require_true(process_wait_for(locker, "locked\n"));
  int inotify = inotify_init1(IN_CLOEXEC);
  require_true(inotify_add_watch(inotify, test_directory(), IN_CREATE) >= 0);

  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  wait_for_file(inotify, "edge.db-lock");
  close(inotify);
  process_signal(host, SIGHUP);
  check_int_eq(process_finish(locker), 0);
  check_true(process_wait_for_error(host, "unchanged"));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(Signals, a_module_that_is_down_is_not_waited_for) {
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  /* Neither the next version nor the one before can open this. */
  g_autofree char *path = test_path("edge.db");
  g_autofree char *away = test_path("away.db");
  require_int_eq(rename(path, away), 0);
  require_int_eq(mkdir(path, 0700), 0);
  require_true(process_write(host, "{\"swap\":\"" PLUGIN "\"}\n", -1));
  require_true(process_wait_for(host, "the module is down"));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 1);
  check_contains(process_error(host)->str, "ended before all had settled: the module is down\n");
}

/* Smaller than what is sent, larger than the plugin. */
static process *run_with_small_files(void) {
  struct rlimit limit;
  check_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const struct rlimit small = {.rlim_cur = 4 << 20, .rlim_max = limit.rlim_max};
  check_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  process *host = cli_run((const char *const[]){"--forever", NULL});
  check_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  return host;
}

TEST_CASE(Signals, a_limit_of_file_sizes_is_an_error_and_not_the_end) {
  g_autofree char *padding = g_strnfill(1 << 20, 'x');
  g_autoptr(process) host = run_with_small_files();
  for (guint i = 0; i < 16; i++) {
    g_autofree char *line =
        g_strdup_printf("{\"send\":{\"id\":\"m%u\",\"source\":\"edgecontroller\",\"operation\":\"insert\","
                        "\"resource\":\"default/pod/p%u\",\"content_raw\":\"" SECRET " %s\"}}\n",
                        i, i, padding);
    g_autofree char *answer = g_strdup_printf("\"parent_id\":\"m%u\"", i);
    require_true(process_write(host, line, -1));
    require_true(process_wait_for(host, answer));
  }
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
  const guint stored = count_of(process_output(host)->str, "\"content\":\"OK\"");
  check_int_ge(stored, 1);
  check_int_le(stored, 15);
  check_int_eq(rows_stored(), stored);
}

#define STEP(more) "{\"send\":{\"source\":\"edged\",\"operation\":\"query\",\"resource\":\"a/pod/b\"}" more "}"
#define CONNECT                                                                                                        \
  "{\"send\":{\"source\":\"websocket\",\"operation\":\"publish\",\"resource\":\"a/node/connection\","                  \
  "\"content\":\"cloud_connected\"}}"
#define OPENED_WITHIN_MS 60000
/* Nobody answers: it settles after the minute that it has. */
#define ASK_AND_WAIT                                                                                                   \
  "{\"send\":{\"source\":\"edgecontroller\",\"operation\":\"createvolume\",\"resource\":\"a/volume/b\","               \
  "\"content\":\"" SECRET "\"},\"wait_ms\":60000}"

static process *replay(const char *file) {
  const char *argv[] = {EDGEHOST, "replay", "--plugin", PLUGIN, "--log-level", "info", file, NULL};
  return process_start(argv, NULL);
}

/* Its input stays open until it has ended. */
static void check_is_interrupted(process *host, const char *said) {
  process_signal(host, SIGTERM);
  check_true(process_wait_for_error(host, said));
  check_false(process_wait_for(host, "nothing more"));
  check_int_eq(process_finish(host), 1);
}

TEST_CASE(Signals, a_signal_ends_a_replay_that_waits_for_input) {
  g_autoptr(process) host = replay("-");
  require_true(process_write(host, "{\"name\":\"first\",\"steps\":[" STEP("") "]}\n", -1));
  require_true(process_wait_for(host, "\"first\""));
  check_is_interrupted(host, "interrupted by a signal: the rest of - was not played\n");
}

TEST_CASE(Signals, a_signal_ends_a_replay_of_a_pipe_that_nobody_writes_to) {
  g_autofree char *pipe = test_path("pipe");
  require_int_eq(mkfifo(pipe, 0600), 0);
  int inotify = inotify_init1(IN_CLOEXEC);
  require_true(inotify_add_watch(inotify, pipe, IN_OPEN) >= 0);
  g_autoptr(process) host = replay(pipe);
  /* Where opening waits for a writer, this never comes. */
  struct pollfd opened = {.fd = inotify, .events = POLLIN};
  require_int_eq(poll(&opened, 1, OPENED_WITHIN_MS), 1);
  close(inotify);
  process_wait_until_asleep(host);
  check_is_interrupted(host, "interrupted by a signal: the rest of ");
}

TEST_CASE(Signals, an_interrupted_scenario_is_not_written_as_if_played) {
  g_autoptr(process) host = replay("-");
  require_true(process_write(
      host, "{\"name\":\"first\",\"steps\":[" CONNECT "," ASK_AND_WAIT "," STEP(",\"wait_ms\":0") "]}\n", -1));
  require_true(process_wait_for_error(host, "the cloud is connected"));
  check_is_interrupted(host, "edgehost: line 1: step ");
  check_str_eq(process_output(host)->str, "");
  check_contains(process_error(host)->str, ": interrupted by a signal\n");
}

static void check_replay_leaves_nothing(int number) {
  g_autofree char *temporary = test_path("tmp");
  g_autofree char *command =
      g_strdup_printf("TMPDIR='%s' exec '%s' replay --plugin '%s' --log-level info -", temporary, EDGEHOST, PLUGIN);
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  test_note("signal %d", number);
  require_int_eq(mkdir(temporary, 0700), 0);
  /* Whoever runs the tests may have it ignored, and the program would leave it at that. */
  void (*before)(int) = signal(number, SIG_DFL);
  g_autoptr(process) host = process_start(argv, NULL);
  signal(number, before);
  require_true(process_write(host, "{\"name\":\"first\",\"steps\":[" CONNECT "," ASK_AND_WAIT "]}\n", -1));
  require_true(process_wait_for_error(host, "the cloud is connected"));
  process_signal(host, number);
  check_int_eq(process_finish(host), 1);
  check_contains(process_error(host)->str, ": interrupted by a signal\n");
  check_int_eq(rmdir(temporary), 0);
}

TEST_CASE(Signals, an_interrupted_replay_leaves_no_database_behind) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    check_replay_leaves_nothing(numbers[i]);
}

TEST_CASE(Signals, sighup_without_a_change_changes_nothing) {
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  process_signal(host, SIGHUP);
  require_true(process_wait_for_error(host, "edgehost: reload: " PLUGIN
                                            " and the configuration are unchanged, nothing happens\n"));
  require_true(process_write(host, GOOD_LINE("m2"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m2\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}
