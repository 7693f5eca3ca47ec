#include "commands.h"
#include "control.h"
#include <errno.h>
#include <stdio.h>

/* More than a swap takes, also one that fails: 5 s for the old version to stop, 15 s for each start. */
#define PATIENCE_SECONDS 60

static const struct command_usage usage = {
    .arguments = "FILE.so",
    .summary =
        "Asks the edgehost that runs to go on with another plugin file, and shows what it answers: versions, pause,\n"
        "messages waiting, what was handed over; or why not, and that the old version goes on.",
    .description = "Exit status:\n  0  swapped\n  1  not swapped, the old version goes on; or no edgehost answers\n"
                   "  2  the command line is wrong",
    .argument_count = 1,
};

int cmd_swap(int argc, char **argv) {
  g_autofree char *directory = NULL;
  const GOptionEntry options[] = {
      {"run-directory", 0, 0, G_OPTION_ARG_FILENAME, &directory,
       "Where its control socket is (default: $XDG_RUNTIME_DIR/edgehost or /run/edgehost)", "DIR"},
      {NULL},
  };
  g_autoptr(GError) error = NULL;
  char **arguments;
  int status;

  if (!command_parse(argc, argv, &usage, options, &arguments, &status))
    return status;
  if (!command_check_name("--run-directory", directory) || !command_check_name(usage.arguments, arguments[0]))
    return EXIT_USAGE;
  if (!directory)
    directory = control_default_directory();

  g_autofree char *answer = NULL;
  gboolean swapped = FALSE;
  if (!control_ask(directory, arguments[0], PATIENCE_SECONDS, &swapped, &answer, &error)) {
    command_say("%s", error->message);
    return EXIT_ERROR;
  }
  if (!swapped) {
    command_say("%s", answer);
    return EXIT_ERROR;
  }
  if (printf("%s\n", answer) >= 0 && fflush(stdout) == 0)
    return EXIT_DONE;
  command_say("swapped, but standard output cannot be written: %s", g_strerror(errno));
  return EXIT_ERROR;
}
