/* `edgehost swap`, SIGHUP and the swap step: a running host goes on with another plugin file. */
#include "cli.h"
#include "test.h"

#include <glib/gstdio.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PLUGIN_V1_0 TESTS_BUILD_DIR "/tests/abi/plugin-v1.0.so"

static outcome ask(const char *file) {
  g_autofree char *directory = test_path("run");
  return cli_call((const char *const[]){"swap", "--run-directory", directory, file, NULL}, "", 0);
}

static process *start_host(void) {
  process *host = cli_run((const char *const[]){"--forever", NULL});
  process_write(host, GOOD_LINE("m1"), -1);
  check_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  return host;
}

static void check_still_runs(process *host) {
  process_write(host, GOOD_LINE("last"), -1);
  check_true(process_wait_for(host, "\"parent_id\":\"last\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(CliSwap, a_running_host_is_asked) {
  g_autoptr(process) host = start_host();
  g_auto(outcome) end = ask(PLUGIN);
  check_int_eq(end.status, 0);
  check_contains(end.output, "swapped");
  check_still_runs(host);
}

TEST_CASE(CliSwap, the_answer_says_why_not) {
  g_autoptr(process) host = start_host();
  g_auto(outcome) missing = ask("/nonexistent.so");
  check_int_eq(missing.status, 1);
  check_contains(missing.error, "/nonexistent.so");
  g_auto(outcome) wrong = ask(TESTS_BUILD_DIR "/tests/variants/wrong-major.so");
  check_int_eq(wrong.status, 1);
  check_contains(wrong.error, "wrong ABI major");
  check_contains(wrong.error, "goes on");
  check_still_runs(host);
}

TEST_CASE(CliSwap, without_a_host_there_is_an_error) {
  g_autofree char *directory = test_path("run");
  g_autofree char *want = g_strdup_printf(
      "edgehost: no edgehost runs with the run directory %s; start one, or name its --run-directory\n", directory);
  g_auto(outcome) end = ask(PLUGIN);
  check_int_eq(end.status, 1);
  check_str_eq(end.error, want);
}

TEST_CASE(CliSwap, an_answer_that_cannot_be_written_is_told) {
  g_autoptr(process) host = start_host();
  g_autofree char *command =
      g_strdup_printf("exec '%s' swap --run-directory '%s/run' '%s' >/dev/full", EDGEHOST, test_directory(), PLUGIN);
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_autoptr(process) shell = process_start(argv, NULL);
  check_int_eq(process_finish(shell), 1);
  check_contains(process_error(shell)->str, "edgehost: swapped, but standard output cannot be written: ");
  check_still_runs(host);
}

/* One byte after the other, until the host has gone. */
static gpointer send_slowly(gpointer data) {
  while (send(GPOINTER_TO_INT(data), "s", 1, MSG_NOSIGNAL) == 1)
    g_usleep(50 * 1000);
  return NULL;
}

TEST_CASE(CliSwap, a_slow_client_does_not_keep_the_host_from_ending) {
  g_autoptr(process) host = start_host();
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_autofree char *path = test_path("run/control");
  require_true(g_strlcpy(address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
  require_int_eq(send(fd, "s", 1, MSG_NOSIGNAL), 1);
  for (int unread = 1; unread > 0;) /* until the host has the client in hand */
    require_int_eq(ioctl(fd, SIOCOUTQ, &unread), 0);
  GThread *client = g_thread_new("client", send_slowly, GINT_TO_POINTER(fd));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
  g_thread_join(client);
  close(fd);
}

TEST_CASE(CliSwap, an_error_with_a_name_that_is_no_text_is_a_line_of_json) {
  g_autofree char *path = test_path("edge\xff.db");
  g_autofree char *away = test_path("away.db");
  g_autoptr(process) host = cli_run((const char *const[]){"--database", path, "--forever", NULL});
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  require_int_eq(rename(path, away), 0);
  require_int_eq(g_mkdir(path, 0700), 0);
  require_true(process_write(host, "{\"swap\":\"" PLUGIN "\"}\n", -1));
  require_true(process_wait_for(host, "\"swap_error\":"));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 1);
  check_contains(process_output(host)->str, "is a directory");
  check_true(g_utf8_validate(process_output(host)->str, -1, NULL));
}

TEST_CASE(CliSwap, a_step_of_the_input_swaps) {
  static const char input[] = GOOD_LINE("m1") "{\"swap\":\"" PLUGIN "\"}\n" GOOD_LINE("m2");
  g_auto(outcome) end = cli_feed(NULL, input, -1);
  check_int_eq(end.status, 0);
  check_contains(end.output, "{\"swap\":{\"from\":\"");
  check_contains(end.output, "\"parent_id\":\"m2\"");
}

TEST_CASE(CliSwap, sighup_takes_the_file_that_is_there_now) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(PLUGIN, &bytes, &size, NULL));
  g_autofree char *path = test_file("plugin.so", bytes, (gssize)size);
  g_autofree char *directory = test_path("run");
  g_autofree char *database = test_path("edge.db");
  const char *argv[] = {EDGEHOST,          "run",     "--forever",  "--plugin", path,
                        "--run-directory", directory, "--database", database,   NULL};
  g_autoptr(process) host = process_start(argv, NULL);
  require_true(process_write(host, GOOD_LINE("m1"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  g_autofree char *other = NULL;
  require_true(g_file_get_contents(PLUGIN_V1_0, &other, &size, NULL));
  test_write("plugin.so", other, (gssize)size);
  process_signal(host, SIGHUP);
  require_true(process_wait_for_error(host, "to 1.0.0-frozen"));
  require_true(
      process_write(host, "{\"send\":{\"source\":\"edged\",\"operation\":\"query\",\"resource\":\"a/pod/b\"}}\n", -1));
  require_true(process_wait_for(host, "\"v1.0\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(CliSwap, sighup_names_the_file_that_was_taken_last) {
  g_autoptr(process) host = start_host();
  g_auto(outcome) end = ask(PLUGIN_V1_0);
  check_int_eq(end.status, 0);
  process_signal(host, SIGHUP);
  check_true(process_wait_for_error(host, "reload: " PLUGIN_V1_0 " and the configuration are unchanged"));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}

TEST_CASE(CliSwap, two_hosts_do_not_share_a_run_directory) {
  g_autoptr(process) host = start_host();
  g_autofree char *directory = test_path("run");
  g_autofree char *database = test_path("other.db");
  g_auto(outcome) second = cli_call(
      (const char *const[]){"run", "--plugin", PLUGIN, "--run-directory", directory, "--database", database, NULL}, "",
      0);
  check_int_eq(second.status, 1);
  check_contains(second.error, directory);
  check_false(g_file_test(database, G_FILE_TEST_EXISTS));
  check_still_runs(host);
}

TEST_CASE(CliSwap, a_run_directory_that_others_may_open_is_refused) {
  g_autofree char *directory = test_path("run");
  require_int_eq(g_mkdir(directory, 0700), 0);
  require_int_eq(chmod(directory, 0755), 0);
  g_auto(outcome) end = cli_feed(NULL, "", 0);
  check_int_eq(end.status, 1);
  check_contains(end.error, "others may open it");
  g_auto(outcome) asked = ask(PLUGIN);
  check_int_eq(asked.status, 1);
}
