#include "commands.h"
#include "deployment.h"
#include "lines.h"
#include "neighbours.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MODULE "metaManager"
#define SYNC_TIMEOUT_MS 2000
/* Where a step has no "wait_ms". The format says 80 ms, which is for a recorder that sleeps; who is told when all has settled waits no
 * longer for being allowed to, and is right on a slow machine too. */
#define SETTLE_MS 2000

/* One scenario on its host. */
struct stage {
  host *host;
  neighbours *neighbours;
  deployment *deployment;
  char *directory;
  char *database;
  GMutex lock;
  GHashTable *deliveries; /* module -> GString of message objects */
};

static const struct command_usage usage = {
    .arguments = "SCENARIOS",
    .summary =
        "Runs each scenario of a file (- is standard input), one JSON object a line, on a fresh host with an empty\n"
        "database, and writes what happened as one JSON line: \"name\" and \"steps\", each with \"deliveries\" by\n"
        "module, \"table\", and \"reply\" or \"reply_error\" for its last sync message, \"swap\" or \"swap_error\".",
    .description =
        "A step without \"wait_ms\" ends when all has settled, at the latest after 2 s; with it, after that time\n"
        "at the latest. Rules count for their step only.\n"
        "\n"
        "Exit status:\n"
        "  0  all scenarios were run, whatever happened in them\n"
        "  1  one could not be run; standard error names line and cause, the others were run\n"
        "  2  the command line is wrong",
    .argument_count = 1,
};

static gint interrupted;
static int interrupt_fd = -1; /* readable once `interrupted` is set */

static void on_interrupt(int number G_GNUC_UNUSED) {
  int before = errno;

  g_atomic_int_set(&interrupted, TRUE);
  eventfd_write(interrupt_fd, 1);
  errno = before;
}

/* A signal that is ignored, as nohup has it, stays so. */
static void catch_signals(void) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
    struct sigaction before = {0};

    if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(numbers[i], &action, NULL);
  }
}

static void free_string(gpointer string) {
  g_string_free(string, TRUE);
}

static void got_message(const char *module, struct edgecore_message *message, void *data) {
  struct stage *self = data;
  G_GNUC_UNUSED g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&self->lock);
  GString *messages = g_hash_table_lookup(self->deliveries, module);

  if (!messages) {
    messages = g_string_new(NULL);
    g_hash_table_insert(self->deliveries, g_strdup(module), messages);
  } else {
    g_string_append_c(messages, ',');
  }
  step_append_message(messages, message);
}

/* Appends what has been delivered since the last time. */
static void append_deliveries(struct stage *self, GString *out) {
  G_GNUC_UNUSED g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&self->lock);
  g_autoptr(GList) modules = g_list_sort(g_hash_table_get_keys(self->deliveries), (GCompareFunc)strcmp);

  g_string_append(out, "\"deliveries\":{");
  for (GList *each = modules; each; each = each->next) {
    const GString *messages = g_hash_table_lookup(self->deliveries, each->data);

    g_string_append_printf(out, "%s\"%s\":[", each == modules ? "" : ",", (const char *)each->data);
    g_string_append_len(out, messages->str, (gssize)messages->len);
    g_string_append_c(out, ']');
  }
  g_string_append_c(out, '}');
  g_hash_table_remove_all(self->deliveries);
}

static void send_sync(struct stage *self, struct edgecore_message *message, GString *answer) {
  struct edgecore_error cause = {.size = sizeof cause};
  struct edgecore_message *reply = host_send_sync(self->host, MODULE, message, SYNC_TIMEOUT_MS, &cause);

  g_string_truncate(answer, 0);
  if (!reply) {
    step_append_text(answer, "reply_error", cause.text);
    return;
  }
  g_string_append(answer, "\"reply\":");
  step_append_message(answer, reply);
  message_unref(reply);
}

static gboolean send_all(struct stage *self, GPtrArray *messages, GString *answer, GError **error) {
  for (guint i = 0; i < messages->len; i++) {
    struct edgecore_message *message = g_ptr_array_index(messages, i);
    struct edgecore_error cause = {.size = sizeof cause};

    if (message_read(message)->flags & EDGECORE_MESSAGE_SYNC) {
      send_sync(self, message, answer);
      continue;
    }
    int32_t code = host_send(self->host, MODULE, message, TRUE, &cause);
    if (code != EDGECORE_OK) {
      g_set_error_literal(error, HOST_ERROR, code, cause.text);
      return FALSE;
    }
  }
  return TRUE;
}

static void swap(struct stage *self, const char *file, GString *out) {
  struct host_swap_report report = {0};
  g_autoptr(GError) error = NULL;

  g_string_append_c(out, ',');
  if (deployment_swap(self->deployment, file, &report, &error))
    deployment_append_report(out, &report);
  else
    step_append_text(out, "swap_error", error->message);
  host_swap_report_clear(&report);
}

static gboolean play_step(struct stage *self, const step *one, GString *out, GError **error) {
  g_autoptr(GString) answer = g_string_new(NULL), swapped = g_string_new(NULL);

  if (!neighbours_set_rules(self->neighbours, one->rules, error))
    return FALSE;
  if (one->swap)
    swap(self, one->swap, swapped);
  if (one->send && !send_all(self, one->send, answer, error))
    return FALSE;
  command_settle(self->host, one->wait_ms < 0 ? SETTLE_MS : one->wait_ms, &interrupted);
  if (g_atomic_int_get(&interrupted)) {
    g_set_error_literal(error, HOST_ERROR, EDGECORE_FAILED, "interrupted by a signal");
    return FALSE;
  }

  g_string_append_c(out, '{');
  append_deliveries(self, out);
  g_string_append_len(out, swapped->str, (gssize)swapped->len);
  if (answer->len > 0)
    g_string_append_printf(out, ",%s", answer->str);
  g_string_append(out, ",\"table\":");
  if (!table_append(out, self->database, error))
    return FALSE;
  g_string_append_c(out, '}');
  return TRUE;
}

static config *make_configuration(const scenario *played, const char *database, const char *origin) {
  config *configuration = config_new();
  GHashTableIter each;
  gpointer key, value;

  g_hash_table_iter_init(&each, played->config);
  while (g_hash_table_iter_next(&each, &key, &value))
    config_set(configuration, key, value, origin);
  config_set(configuration, "database.source", database, origin);
  return configuration;
}

static gboolean open_stage(struct stage *self, const scenario *played, const char *plugin, const char *origin,
                           int32_t *level, GError **error) {
  self->directory = g_dir_make_tmp("edgehost-XXXXXX", error);
  if (!self->directory)
    return FALSE;
  self->database = g_build_filename(self->directory, "edge.db", NULL);

  g_autoptr(config) configuration = make_configuration(played, self->database, origin);
  const struct host_options options = {.configuration = configuration, .log = command_log, .log_data = level};
  self->host = host_new(&options);
  self->deployment = deployment_new(self->host, configuration, NULL, NULL);
  self->neighbours = neighbours_new(self->host, got_message, self, error);
  return self->neighbours && deployment_load(self->deployment, plugin, error);
}

static void remove_directory(const char *directory) {
  g_autoptr(GDir) open = g_dir_open(directory, 0, NULL);

  for (const char *name = open ? g_dir_read_name(open) : NULL; name; name = g_dir_read_name(open)) {
    g_autofree char *file = g_build_filename(directory, name, NULL);
    g_remove(file);
  }
  g_rmdir(directory);
}

static void close_stage(struct stage *self) {
  if (self->host)
    host_stop(self->host);
  neighbours_free(self->neighbours);
  deployment_free(self->deployment);
  g_clear_pointer(&self->host, host_free);
  if (self->directory)
    remove_directory(self->directory);
  g_free(self->directory);
  g_free(self->database);
}

static gboolean play_scenario(const scenario *played, const char *plugin, const char *origin, int32_t *level,
                              GString *out, GError **error) {
  g_autoptr(GHashTable) deliveries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_string);
  struct stage self = {.deliveries = deliveries};
  gboolean played_all = FALSE;

  g_mutex_init(&self.lock);
  g_string_append_c(out, '{');
  step_append_text(out, "name", played->name);
  g_string_append(out, ",\"steps\":[");
  if (open_stage(&self, played, plugin, origin, level, error)) {
    guint i = 0;

    for (; i < played->steps->len; i++) {
      if (i > 0)
        g_string_append_c(out, ',');
      if (!play_step(&self, g_ptr_array_index(played->steps, i), out, error)) {
        g_prefix_error(error, "step %u: ", i + 1);
        break;
      }
    }
    played_all = i == played->steps->len;
  }
  close_stage(&self);
  g_mutex_clear(&self.lock);
  g_string_append(out, "]}\n");
  return played_all;
}

/* FALSE: standard output is no more. */
static gboolean play_line(json_reader *reader, const char *text, gsize size, guint64 number, const char *plugin,
                          int32_t *level, int *status) {
  g_autofree char *origin = g_strdup_printf("line %" G_GUINT64_FORMAT, number);
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(scenario) played = scenario_parse(reader, text, size, &error);

  if (!played || !play_scenario(played, plugin, origin, level, out, &error)) {
    command_say("%s: %s", origin, error->message);
    *status = EXIT_ERROR;
    return TRUE;
  }
  if (fwrite(out->str, 1, out->len, stdout) == out->len && fflush(stdout) == 0)
    return TRUE;
  command_say("standard output: %s", g_strerror(errno));
  *status = EXIT_ERROR;
  return FALSE;
}

/* Opening a pipe does not wait for who writes to it: reading does, and a signal ends that. */
static int play_all(const char *file, const char *plugin, int32_t *level) {
  int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int status = EXIT_DONE;
  if (fd < 0) {
    command_say("%s: %s", file, g_strerror(errno));
    return EXIT_ERROR;
  }

  g_autoptr(lines) input = lines_new(fd, interrupt_fd);
  g_autoptr(json_reader) reader = json_reader_new();
  const char *text;
  gsize size;
  enum lines_result result = LINES_END;
  gboolean can_write = TRUE;
  while (can_write && !g_atomic_int_get(&interrupted)) {
    result = lines_next(input, &text, &size);
    if (result == LINES_TOO_LONG) {
      command_say("line %" G_GUINT64_FORMAT ": longer than 16 MiB", lines_number(input));
      status = EXIT_ERROR;
    } else if (result != LINES_LINE) {
      break;
    } else if (!lines_is_blank(text, size)) {
      can_write = play_line(reader, text, size, lines_number(input), plugin, level, &status);
    }
  }
  if (result == LINES_FAILED) {
    command_say("%s: %s", file, g_strerror(errno));
    status = EXIT_ERROR;
  }
  if (fd != STDIN_FILENO)
    close(fd);
  if (g_atomic_int_get(&interrupted)) {
    command_say("interrupted by a signal: the rest of %s was not played", file);
    status = EXIT_ERROR;
  }
  return status;
}

int cmd_replay(int argc, char **argv) {
  g_autofree char *plugin = NULL, *log_level = NULL;
  const GOptionEntry options[] = {
      {"plugin", 0, 0, G_OPTION_ARG_FILENAME, &plugin, "The plugin file to load", "FILE.so"},
      {"log-level", 0, 0, G_OPTION_ARG_STRING, &log_level, "debug, info, warning (default) or error", "LEVEL"},
      {NULL},
  };
  int32_t level = EDGECORE_LOG_WARNING;
  char **arguments;
  int status;

  if (!command_parse(argc, argv, &usage, options, &arguments, &status))
    return status;
  if (!plugin) {
    command_say("replay: want --plugin FILE.so (see edgehost replay --help)");
    return EXIT_USAGE;
  }
  if (!command_check_name("--plugin", plugin) || !command_check_name(usage.arguments, arguments[0]) ||
      !command_log_level(log_level, &level))
    return EXIT_USAGE;
  interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  catch_signals();
  return play_all(arguments[0], plugin, &level);
}
