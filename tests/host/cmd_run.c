/* What `edgehost run` needs before it can do anything. All else is tested on the program, under tests/cli. */
#include "commands.h"

#include "no_threads.h"
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

/* What it says on standard error goes to the file. */
static int run_without_threads(const char *file) {
  char name[] = "run", option[] = "--plugin", plugin[] = "/nonexistent.so";
  char *argv[] = {name, option, plugin, NULL};
  const int before = dup(STDERR_FILENO);
  const int said = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  dup2(said, STDERR_FILENO);
  no_threads_after(0);
  const int status = cmd_run(3, argv);
  no_threads_end();
  dup2(before, STDERR_FILENO);
  close(before);
  close(said);
  return status;
}

/* GLib ends the process when it finds none for its signals. */
TEST_CASE(CmdRun, without_a_thread_it_says_so_and_ends) {
  g_autofree char *file = test_path("said");
  g_autofree char *said = NULL;
  check_int_eq(run_without_threads(file), EXIT_ERROR);
  require_true(g_file_get_contents(file, &said, NULL, NULL));
  check_str_eq(said, "edgehost: no thread left, allow the host more of them\n");
}
