#include "commands.h"
#include <stdio.h>
#include <string.h>

static const struct command_usage usage = {
    .arguments = "FILE.so",
    .summary = "Shows what a plugin file says of itself, or in one line why it cannot be loaded.",
    .description = "Exit status:\n  0  it can be loaded\n  1  it cannot\n  2  the command line is wrong",
    .argument_count = 1,
};

int cmd_inspect(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  char **arguments;
  int status;

  if (!command_parse(argc, argv, &usage, NULL, &arguments, &status))
    return status;
  if (!command_check_name(usage.arguments, arguments[0]))
    return EXIT_USAGE;
  g_autofree char *text = host_inspect(arguments[0], &error);
  if (!text) {
    command_say("%s", error->message);
    return EXIT_ERROR;
  }
  const char *end = g_str_has_suffix(text, "\n") ? "" : "\n";
  if (printf("%s%s", text, end) < 0 || fflush(stdout) != 0) {
    command_say("standard output: cannot be written");
    return EXIT_ERROR;
  }
  return EXIT_DONE;
}
