/* The commands of edgehost, and what they share. */
#ifndef EDGEHOST_COMMANDS_H
#define EDGEHOST_COMMANDS_H

#include "host.h"
#include <glib.h>

enum exit_status {
  EXIT_DONE = 0,  /* all that was asked for is done */
  EXIT_ERROR = 1, /* something is not; standard error says what */
  EXIT_USAGE = 2  /* the command line is wrong; nothing was done */
};

/* A command gets its own arguments: argv[0] is its name. Returns an exit status. */
typedef int command_fn(int argc, char **argv);
command_fn cmd_run;
command_fn cmd_replay;
command_fn cmd_inspect;
command_fn cmd_swap;

struct command_usage {
  const char *arguments; /* as --help shows them, or NULL */
  const char *summary;
  const char *description; /* exit statuses and all else */
  int argument_count;
};

/* Reads options, --help and --version among them. FALSE: return *status. On TRUE *arguments holds argument_count texts, owned by argv. */
gboolean command_parse(int argc, char **argv, const struct command_usage *usage, const GOptionEntry *options,
                       char ***arguments, int *status);

/* One line on standard error, with the program's name before it. Any thread. */
void command_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* FALSE and a line on standard error for an option or argument that was given an empty text. NULL: it was not given. */
gboolean command_check_name(const char *option, const char *name);
/* The levels by name: what --log-level takes. FALSE and a line on standard error for anything else; NULL is the level it has. */
gboolean command_log_level(const char *name, int32_t *level);
/* A host_log_fn; `data` is the int32_t from which on lines are shown. */
host_log_fn command_log;

/* host_settle that also ends, with FALSE, soon after *stop (set with g_atomic_int_set; NULL: never) has become true,
 * and when the module is down. */
gboolean command_settle(host *settling, gint64 timeout_ms, const gint *stop);

#endif
