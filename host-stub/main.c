#include "commands.h"
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct {
  const char *name;
  command_fn *run;
} commands[] = {
    {"run", cmd_run},
    {"replay", cmd_replay},
    {"inspect", cmd_inspect},
    {"swap", cmd_swap},
};

static const struct command_usage usage = {
    .arguments = "COMMAND",
    .summary = "A small edge host: loads a plugin, gives it neighbours, and carries messages between them.",
    .description = "Commands:\n"
                   "  run      reads messages from standard input, writes deliveries to standard output\n"
                   "  replay   runs conformance scenarios and writes what happened\n"
                   "  inspect  shows what a plugin file says of itself\n"
                   "  swap     asks a running edgehost to go on with another plugin file\n"
                   "\n"
                   "Each has its own --help.\n"
                   "\n"
                   "Exit status:\n  0  done\n  1  an error, which standard error names\n  2  the command line is wrong",
    .argument_count = 1,
};

/* A standard descriptor that is closed would become the database's or the socket's, and be printed to. */
static void open_standard_descriptors(void) {
  int fd;

  do
    fd = open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO)
    close(fd);
}

int main(int argc, char **argv) {
  char program[] = "edgehost";
  char **arguments;
  int status;

  open_standard_descriptors();
  /* A reader that went away and a file that may not grow are errors of the call, and no end of the program. */
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  /* An arena for each of our few threads would hold more free memory than all of them use. */
  mallopt(M_ARENA_MAX, 2);
  for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++) {
    if (strcmp(argv[1], commands[i].name) == 0)
      return commands[i].run(argc - 1, argv + 1);
  }
  if (argc > 1 && argv[1][0] != '-') {
    command_say("no command \"%s\": want run, replay, inspect or swap (see edgehost --help)", argv[1]);
    return EXIT_USAGE;
  }
  if (argc > 0)
    argv[0] = program;
  if (command_parse(argc, argv, &usage, NULL, &arguments, &status)) {
    command_say("no command \"%s\" after options (see edgehost --help)", arguments[0]);
    return EXIT_USAGE;
  }
  return status;
}
