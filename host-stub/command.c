#include "commands.h"
#include "log.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLICE_MS 200

static const char *const level_names[] = {
    [EDGECORE_LOG_DEBUG] = "debug",
    [EDGECORE_LOG_INFO] = "info",
    [EDGECORE_LOG_WARNING] = "warning",
    [EDGECORE_LOG_ERROR] = "error",
};

/* In one write, so that lines of several threads and processes do not mix. */
static void write_line(const char *text) {
  g_autofree char *line = g_strconcat(text, "\n", NULL);

  if (TEMP_FAILURE_RETRY(write(STDERR_FILENO, line, strlen(line))) < 0)
    return; /* There is nobody left to tell. */
}

void command_say(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  log_make_one_line(text); /* a file's name may hold line ends */
  g_autofree char *line = g_strconcat("edgehost: ", text, NULL);
  write_line(line);
}

gboolean command_parse(int argc, char **argv, const struct command_usage *usage, const GOptionEntry *options,
                       char ***arguments, int *status) {
  gboolean help = FALSE, version = FALSE;
  const GOptionEntry common[] = {
      {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL},
      {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version", NULL},
      {NULL},
  };
  g_autofree char *program =
      g_strcmp0(argv[0], "edgehost") == 0 ? g_strdup(argv[0]) : g_strconcat("edgehost ", argv[0], NULL);
  g_autoptr(GOptionContext) context = g_option_context_new(usage->arguments);
  g_autoptr(GError) error = NULL;

  g_set_prgname(program);
  g_option_context_set_help_enabled(context, FALSE);
  g_option_context_set_summary(context, usage->summary);
  g_option_context_set_description(context, usage->description);
  if (options)
    g_option_context_add_main_entries(context, options, NULL);
  g_option_context_add_main_entries(context, common, NULL);
  *status = EXIT_USAGE;
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    command_say("%s (see %s --help)", error->message, program);
    return FALSE;
  }
  if (help || version) {
    g_autofree char *text =
        help ? g_option_context_get_help(context, TRUE, NULL) : g_strdup("edgehost " PROJECT_VERSION "\n");
    *status = EXIT_DONE;
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
      command_say("standard output: %s", g_strerror(errno));
      *status = EXIT_ERROR;
    }
    return FALSE;
  }
  if (argc > 1 && strcmp(argv[1], "--") == 0) {
    argv++;
    argc--;
  }
  if (argc - 1 != usage->argument_count) {
    command_say("want %s, got %d (see %s --help)", usage->arguments ? usage->arguments : "no arguments", argc - 1,
                program);
    return FALSE;
  }
  *arguments = argv + 1;
  *status = EXIT_DONE;
  return TRUE;
}

gboolean command_check_name(const char *option, const char *name) {
  if (!name || *name != '\0')
    return TRUE;
  command_say("%s: want a name, got an empty text", option);
  return FALSE;
}

gboolean command_log_level(const char *name, int32_t *level) {
  if (!name)
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS(level_names); i++) {
    if (strcmp(name, level_names[i]) != 0)
      continue;
    *level = (int32_t)i;
    return TRUE;
  }
  command_say("--log-level: want debug, info, warning or error, got \"%s\"", name);
  return FALSE;
}

void command_log(int32_t level, const char *module, const char *text, void *data) {
  const int32_t *least = data;

  if (level < *least)
    return;
  level = CLAMP(level, EDGECORE_LOG_DEBUG, EDGECORE_LOG_ERROR);
  /* The program's own name stands there already. */
  gboolean is_own = strcmp(module, "edgehost") == 0;
  gboolean is_info = level == EDGECORE_LOG_INFO;
  command_say("%s%s%s%s%s", is_own ? "" : module, is_own ? "" : ": ", is_info ? "" : level_names[level],
              is_info ? "" : ": ", text);
}

gboolean command_settle(host *settling, gint64 timeout_ms, const gint *stop) {
  gint64 deadline = g_get_monotonic_time() + timeout_ms * 1000;

  for (;;) {
    gint64 left = timeout_ms < 0 ? SLICE_MS : MAX(deadline - g_get_monotonic_time(), 0) / 1000;

    if (host_settle(settling, MIN(left, SLICE_MS)))
      return TRUE;
    if (left == 0 || host_is_down(settling) || (stop && g_atomic_int_get(stop)))
      return FALSE;
  }
}
