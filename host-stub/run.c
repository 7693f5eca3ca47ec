#include "run.h"

#include "commands.h"
#include "control.h"
#include "deployment.h"
#include "lines.h"
#include "neighbours.h"
#include "output.h"
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MODULE "metaManager"
#define SYNC_TIMEOUT_MS 2000
#define END_MS 5000 /* for all to settle after a signal */
#define LAST_MS 200 /* for what is written already to be seen as written, when that has passed */

struct run {
  host *host;
  neighbours *neighbours;
  deployment *deployment;
  output *output;
  control *control; /* NULL: none */
  GMainLoop *loop;
  int stop_fd; /* readable once `stopping` is set */
  gint stopping;
  gint failed; /* something was said on standard error */
  gboolean forever;
  int32_t log_level;
  gboolean abandoned; /* what is still to be written has had its time */

  GMutex lock;
  GCond changed;
  gboolean reader_done;
};

static gboolean quit(gpointer loop) {
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

/* As a source and not a call: the loop may not run yet. */
static void quit_soon(struct run *self) {
  g_idle_add_full(G_PRIORITY_DEFAULT, quit, g_main_loop_ref(self->loop), (GDestroyNotify)g_main_loop_unref);
}

static void stop(struct run *self) {
  g_atomic_int_set(&self->stopping, TRUE);
  eventfd_write(self->stop_fd, 1);
  quit_soon(self);
}

static void got_message(const char *module, struct edgecore_message *message, void *data) {
  struct run *self = data;
  g_autoptr(GString) line = g_string_sized_new(1024);

  g_string_append_printf(line, "{\"to\":\"%s\",\"message\":", module);
  step_append_message(line, message);
  g_string_append(line, "}\n");
  output_add(self->output, line);
}

static void output_failed(const char *why, void *data) {
  struct run *self = data;

  command_say("standard output: %s", why);
  g_atomic_int_set(&self->failed, TRUE);
  stop(self);
}

static void fail_line(struct run *self, guint64 number, const char *why) {
  g_atomic_int_set(&self->failed, TRUE);
  command_say("line %" G_GUINT64_FORMAT ": %s", number, why);
}

static void send_sync(struct run *self, struct edgecore_message *message) {
  struct edgecore_error cause = {.size = sizeof cause};
  struct edgecore_message *reply = host_send_sync(self->host, MODULE, message, SYNC_TIMEOUT_MS, &cause);
  g_autoptr(GString) line = g_string_new("{");

  step_append_text(line, "to", message_read(message)->source);
  if (reply) {
    g_string_append(line, ",\"reply\":");
    step_append_message(line, reply);
    message_unref(reply);
  } else {
    g_string_append_c(line, ',');
    step_append_text(line, "reply_error", cause.text);
  }
  g_string_append(line, "}\n");
  output_add(self->output, line);
}

static void send_all(struct run *self, guint64 number, GPtrArray *messages) {
  for (guint i = 0; i < messages->len; i++) {
    struct edgecore_message *message = g_ptr_array_index(messages, i);
    struct edgecore_error cause = {.size = sizeof cause};

    if (message_read(message)->flags & EDGECORE_MESSAGE_SYNC)
      send_sync(self, message);
    else if (host_send(self->host, MODULE, message, TRUE, &cause) != EDGECORE_OK)
      fail_line(self, number, cause.text);
  }
}

static void swap(struct run *self, guint64 number, const char *file) {
  struct host_swap_report report = {0};
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) line = g_string_new("{");

  if (deployment_swap(self->deployment, file, &report, &error)) {
    deployment_append_report(line, &report);
  } else {
    fail_line(self, number, error->message);
    step_append_text(line, "swap_error", error->message);
  }
  host_swap_report_clear(&report);
  g_string_append(line, "}\n");
  output_add(self->output, line);
}

static void do_line(struct run *self, json_reader *reader, guint64 number, const char *text, gsize size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(step) one = step_parse(reader, text, size, &error);

  if (!one || (one->rules && !neighbours_set_rules(self->neighbours, one->rules, &error))) {
    fail_line(self, number, error->message);
    return;
  }
  if (one->swap)
    swap(self, number, one->swap);
  if (one->send)
    send_all(self, number, one->send);
  if (one->wait_ms >= 0)
    command_settle(self->host, one->wait_ms, &self->stopping);
}

static gpointer read_steps(gpointer data) {
  struct run *self = data;
  g_autoptr(lines) input = lines_new(STDIN_FILENO, self->stop_fd);
  g_autoptr(json_reader) reader = json_reader_new();
  enum lines_result result = LINES_STOPPED;
  const char *text;
  gsize size;

  while (!g_atomic_int_get(&self->stopping)) {
    result = lines_next(input, &text, &size);
    if (result == LINES_TOO_LONG)
      fail_line(self, lines_number(input), "longer than 16 MiB");
    else if (result != LINES_LINE)
      break;
    else if (!lines_is_blank(text, size))
      do_line(self, reader, lines_number(input), text, size);
  }
  if (result == LINES_FAILED) {
    g_atomic_int_set(&self->failed, TRUE);
    command_say("standard input: %s", g_strerror(errno));
  }
  if (!self->forever) {
    command_settle(self->host, -1, &self->stopping);
    quit_soon(self);
  }
  g_mutex_lock(&self->lock);
  self->reader_done = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  return NULL;
}

static gboolean on_stop_signal(gpointer data) {
  stop(data);
  return G_SOURCE_CONTINUE;
}

static gboolean on_reload_signal(gpointer data) {
  struct run *self = data;
  struct host_swap_report report = {0};
  g_autoptr(GError) error = NULL;
  gboolean changed = FALSE;

  if (!deployment_reload(self->deployment, &changed, &report, &error)) {
    command_say("reload: %s", error->message);
  } else if (!changed) {
    g_autofree char *file = deployment_file(self->deployment);
    command_say("reload: %s and the configuration are unchanged, nothing happens", file);
  } else {
    g_autofree char *text = deployment_describe(&report);
    command_say("reload: %s", text);
  }
  host_swap_report_clear(&report);
  return G_SOURCE_CONTINUE;
}

static gboolean on_swap_request(const char *file, char **answer, void *data) {
  struct run *self = data;
  struct host_swap_report report = {0};
  g_autoptr(GError) error = NULL;
  gboolean swapped = deployment_swap(self->deployment, file, &report, &error);

  *answer = swapped ? deployment_describe(&report) : g_strdup(error->message);
  command_say("swap: %s", *answer);
  host_swap_report_clear(&report);
  return swapped;
}

/* A directory that was asked for must do. Without the default one the host only cannot be asked for a swap, which is of no interest to
 * one that ends with its input. Before the plugin is loaded: a host that cannot stay leaves the database alone. */
static gboolean open_control(struct run *self, const char *directory) {
  g_autofree char *usual = control_default_directory();
  g_autoptr(GError) error = NULL;

  self->control = control_new(directory ? directory : usual, &error);
  if (self->control)
    return TRUE;
  if (directory)
    command_say("%s", error->message);
  else if (self->forever)
    command_say("no control socket, \"edgehost swap\" cannot reach this host: %s", error->message);
  return !directory;
}

/* Until the reader is done and all has settled; after a signal no longer than END_MS, for a neighbour that hangs must not keep the
 * host from ending. */
static void settle_at_end(struct run *self) {
  gint64 deadline = g_get_monotonic_time() + END_MS * 1000;

  g_mutex_lock(&self->lock);
  while (!self->reader_done && g_cond_wait_until(&self->changed, &self->lock, deadline))
    ;
  gboolean done = self->reader_done;
  g_mutex_unlock(&self->lock);
  if (done && host_settle(self->host, MAX(deadline - g_get_monotonic_time(), 0) / 1000))
    return;
  if (done && host_is_down(self->host))
    command_say("ended before all had settled: the module is down");
  else
    command_say("ended before all had settled: waited %d s", END_MS / 1000);
  self->abandoned = TRUE;
  output_abandon(self->output);
}

static void run_until_end(struct run *self) {
  GThread *reader = g_thread_try_new("reader", read_steps, self, NULL);

  if (reader) {
    g_main_loop_run(self->loop);
  } else {
    command_say("standard input: no thread for it, allow the host more of them");
    g_atomic_int_set(&self->failed, TRUE);
    self->reader_done = TRUE;
  }
  g_atomic_int_set(&self->stopping, TRUE);
  eventfd_write(self->stop_fd, 1);
  g_clear_pointer(&self->control, control_free);
  settle_at_end(self);
  host_stop(self->host);
  if (reader)
    g_thread_join(reader);
}

/* FALSE: said why. What was made so far is taken down by close_all. */
static gboolean open_all(struct run *self, const struct run_settings *settings) {
  g_autoptr(GError) error = NULL;
  g_autoptr(config) configuration = deployment_read_configuration(settings->configuration, settings->database, &error);
  if (!configuration) {
    command_say("%s", error->message);
    return FALSE;
  }
  if (!open_control(self, settings->run_directory))
    return FALSE;

  const struct host_options options = {
      .configuration = configuration, .log = command_log, .log_data = &self->log_level};
  self->host = host_new(&options);
  self->deployment = deployment_new(self->host, configuration, settings->configuration, settings->database);
  self->output = output_new(STDOUT_FILENO, output_failed, self, &error);
  self->neighbours = self->output ? neighbours_new(self->host, got_message, self, &error) : NULL;
  if (self->neighbours && deployment_load(self->deployment, settings->plugin, &error) &&
      (!self->control || control_serve(self->control, on_swap_request, self, &error)))
    return TRUE;
  command_say("%s", error->message);
  return FALSE;
}

static void close_all(struct run *self) {
  guint64 dropped = 0;

  g_clear_pointer(&self->control, control_free);
  if (self->host)
    host_stop(self->host);
  neighbours_free(self->neighbours);
  if (self->output && !output_close(self->output, self->abandoned ? LAST_MS : END_MS, &dropped)) {
    g_atomic_int_set(&self->failed, TRUE);
    command_say("standard output: %" G_GUINT64_FORMAT " lines or more could not be written", dropped);
  }
  deployment_free(self->deployment);
  g_clear_pointer(&self->host, host_free);
}

static gpointer do_nothing(gpointer data) {
  return data;
}

/* GLib ends the process when it finds no thread for its signals. */
static gboolean has_thread_left(void) {
  GThread *thread = g_thread_try_new("first", do_nothing, NULL, NULL);

  if (thread)
    g_thread_join(thread);
  else
    command_say("no thread left, allow the host more of them");
  return thread != NULL;
}

gboolean run(const struct run_settings *settings) {
  struct run self = {.forever = settings->forever, .log_level = settings->log_level};

  if (!has_thread_left())
    return FALSE;
  self.loop = g_main_loop_new(NULL, FALSE);

  g_mutex_init(&self.lock);
  g_cond_init(&self.changed);
  self.stop_fd = eventfd(0, EFD_CLOEXEC);
  /* Before anything is opened: a signal that comes meanwhile waits for the loop. */
  const guint sources[] = {
      g_unix_signal_add(SIGTERM, on_stop_signal, &self),
      g_unix_signal_add(SIGINT, on_stop_signal, &self),
      g_unix_signal_add(SIGHUP, on_reload_signal, &self),
  };
  gboolean opened = open_all(&self, settings);
  if (opened)
    run_until_end(&self);
  close_all(&self);
  for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
    g_source_remove(sources[i]);
  close(self.stop_fd);
  g_main_loop_unref(self.loop);
  g_cond_clear(&self.changed);
  g_mutex_clear(&self.lock);
  return opened && !g_atomic_int_get(&self.failed);
}
