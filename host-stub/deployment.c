#include "deployment.h"
#include "step.h"

struct deployment {
  host *host;
  char *directory; /* NULL: the defaults */
  char *database;  /* NULL: as configured */

  GMutex lock; /* for all below, and held while a swap goes on */
  config *configuration;
  char *file; /* that was last taken; NULL: none */
};

static const char *or_none(const char *version) {
  return version ? version : "none";
}

static void note(deployment *self, const char *file) {
  char *before = self->file;

  self->file = g_strdup(file);
  g_free(before);
}

static gboolean swap(deployment *self, const char *file, config *configuration, struct host_swap_report *report,
                     GError **error) {
  g_autoptr(GError) cause = NULL;

  if (host_swap(self->host, file, configuration, report, &cause)) {
    note(self, file);
    return TRUE;
  }
  /* File names may be no text, and this becomes a line of JSON. */
  g_autofree char *why = g_utf8_make_valid(cause->message, -1);
  g_set_error(error, cause->domain, cause->code, "not swapped: %s", why);
  return FALSE;
}

config *deployment_read_configuration(const char *directory, const char *database, GError **error) {
  g_autoptr(config) configuration = directory ? config_load(directory, error) : config_new();

  if (!configuration)
    return NULL;
  if (database)
    config_set(configuration, "database.source", database, "--database");
  return g_steal_pointer(&configuration);
}

deployment *deployment_new(host *owner, config *configuration, const char *directory, const char *database) {
  deployment *self = g_new0(deployment, 1);

  self->host = owner;
  self->configuration = config_ref(configuration);
  self->directory = g_strdup(directory);
  self->database = g_strdup(database);
  g_mutex_init(&self->lock);
  return self;
}

void deployment_free(deployment *self) {
  if (!self)
    return;
  config_unref(self->configuration);
  g_mutex_clear(&self->lock);
  g_free(self->directory);
  g_free(self->database);
  g_free(self->file);
  g_free(self);
}

gboolean deployment_load(deployment *self, const char *file, GError **error) {
  g_mutex_lock(&self->lock);
  gboolean loaded = host_load(self->host, file, error);
  if (loaded)
    note(self, file);
  g_mutex_unlock(&self->lock);
  return loaded;
}

gboolean deployment_swap(deployment *self, const char *file, struct host_swap_report *report, GError **error) {
  g_mutex_lock(&self->lock);
  gboolean swapped = swap(self, file, self->configuration, report, error);
  g_mutex_unlock(&self->lock);
  return swapped;
}

gboolean deployment_reload(deployment *self, gboolean *changed, struct host_swap_report *report, GError **error) {
  g_autoptr(config) configuration = deployment_read_configuration(self->directory, self->database, error);

  *changed = FALSE;
  if (!configuration) {
    g_prefix_error(error, "not reloaded, all goes on as it was: ");
    return FALSE;
  }
  G_GNUC_UNUSED g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&self->lock);
  if (!self->file) {
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND, "not reloaded: there is no plugin file");
    return FALSE;
  }
  if (host_is_current(self->host, self->file) && config_equal(configuration, self->configuration) &&
      !host_is_down(self->host))
    return TRUE;
  *changed = TRUE;
  if (!swap(self, self->file, configuration, report, error))
    return FALSE;
  config_unref(self->configuration);
  self->configuration = g_steal_pointer(&configuration);
  return TRUE;
}

char *deployment_file(deployment *self) {
  g_mutex_lock(&self->lock);
  char *file = g_strdup(self->file);
  g_mutex_unlock(&self->lock);
  return file;
}

char *deployment_describe(const struct host_swap_report *report) {
  return g_strdup_printf("swapped %s to %s: pause %.3f ms, %u messages waiting, handed over %" G_GUINT64_FORMAT
                         " bytes of state and %u messages",
                         or_none(report->from_version), or_none(report->to_version), (double)report->pause_us / 1000,
                         report->messages_waiting, report->state_bytes, report->state_messages);
}

void deployment_append_report(GString *out, const struct host_swap_report *report) {
  g_string_append(out, "\"swap\":{");
  step_append_text(out, "from", or_none(report->from_version));
  g_string_append_c(out, ',');
  step_append_text(out, "to", or_none(report->to_version));
  g_string_append_printf(
      out, ",\"pause_ms\":%.3f,\"waiting\":%u,\"state_bytes\":%" G_GUINT64_FORMAT ",\"state_messages\":%u}",
      (double)report->pause_us / 1000, report->messages_waiting, report->state_bytes, report->state_messages);
}
