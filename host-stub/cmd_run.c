#include "commands.h"

#include "run.h"

/* As the command line has it. */
struct settings {
  char *plugin;
  char *directory;
  char *database;
  char *run_directory;
  char *log_level;
  gboolean forever;
};

static const struct command_usage usage = {
    .summary =
        "Reads steps as JSON lines from standard input and writes each delivery as one JSON line to standard output.\n"
        "Ends when the input has ended and all has settled, or on SIGTERM or SIGINT.\n"
        "\n"
        "SIGHUP reads the configuration and the plugin file that was taken last again. When the file has changed, it takes\n"
        "over; when only the configuration has, the same file does, so that the configuration applies; when neither has,\n"
        "nothing happens.",
    .description =
        "Steps: {\"send\":MESSAGE or [MESSAGE,...]}, {\"rules\":[RULE,...]} (what the other modules answer, until the next\n"
        "rules), {\"swap\":\"FILE.so\"}, {\"wait_ms\":N} (wait until all has settled, at most so long); or several in one.\n"
        "MESSAGE: source, operation, resource; id, parent_id, group, timestamp, sync; content (JSON), content_raw (text),\n"
        "content_raw_base64 or content_unencodable (true).\n"
        "RULE: on; operation, resource, source, resp_operation, after_ms; a content.\n"
        "\n"
        "Output: {\"to\":MODULE,\"message\":MESSAGE}; for a message with sync {\"to\":SOURCE,\"reply\":MESSAGE} or\n"
        "{\"to\":SOURCE,\"reply_error\":TEXT}; for a swap {\"swap\":REPORT} or {\"swap_error\":TEXT}.\n"
        "\n"
        "A line that is not understood (or longer than 16 MiB) is said on standard error as \"line N: ...\"; the others are\n"
        "done all the same. A request that nobody answers holds the end up until its time-out; a query of the cloud for up\n"
        "to twice the remote-query-timeout, because a late reply is still stored.\n"
        "\n"
        "Exit status:\n"
        "  0  done; also after SIGTERM and SIGINT\n"
        "  1  something failed, which standard error names: plugin, configuration, database, a line, standard output\n"
        "  2  the command line is wrong",
};

static gboolean read_settings(int argc, char **argv, struct settings *settings, int32_t *level, int *status) {
  const GOptionEntry options[] = {
      {"plugin", 0, 0, G_OPTION_ARG_FILENAME, &settings->plugin, "The plugin file to load", "FILE.so"},
      {"config", 0, 0, G_OPTION_ARG_FILENAME, &settings->directory, "Directory with edge.yaml and modules.yaml", "DIR"},
      {"database", 0, 0, G_OPTION_ARG_FILENAME, &settings->database, "Database file, instead of database.source",
       "FILE"},
      {"forever", 0, 0, G_OPTION_ARG_NONE, &settings->forever, "Go on after the end of input, until a signal", NULL},
      {"run-directory", 0, 0, G_OPTION_ARG_FILENAME, &settings->run_directory,
       "Where the control socket is made (default: $XDG_RUNTIME_DIR/edgehost or /run/edgehost)", "DIR"},
      {"log-level", 0, 0, G_OPTION_ARG_STRING, &settings->log_level, "debug, info (default), warning or error",
       "LEVEL"},
      {NULL},
  };
  char **arguments;

  if (!command_parse(argc, argv, &usage, options, &arguments, status))
    return FALSE;
  *status = EXIT_USAGE;
  if (!settings->plugin) {
    command_say("run: want --plugin FILE.so (see edgehost run --help)");
    return FALSE;
  }
  if (!command_check_name("--plugin", settings->plugin) || !command_check_name("--config", settings->directory) ||
      !command_check_name("--database", settings->database) ||
      !command_check_name("--run-directory", settings->run_directory))
    return FALSE;
  return command_log_level(settings->log_level, level);
}

int cmd_run(int argc, char **argv) {
  struct settings settings = {0};
  int32_t level = EDGECORE_LOG_INFO;
  int status = EXIT_DONE;

  if (read_settings(argc, argv, &settings, &level, &status)) {
    const struct run_settings wanted = {
        .plugin = settings.plugin,
        .configuration = settings.directory,
        .database = settings.database,
        .run_directory = settings.run_directory,
        .log_level = level,
        .forever = settings.forever,
    };
    status = run(&wanted) ? EXIT_DONE : EXIT_ERROR;
  }
  g_free(settings.plugin);
  g_free(settings.directory);
  g_free(settings.database);
  g_free(settings.run_directory);
  g_free(settings.log_level);
  return status;
}
