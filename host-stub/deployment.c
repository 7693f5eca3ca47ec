#include "deployment.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct deployment {
  host *host;
  char *directory; /* NULL: the defaults */
  char *database;  /* NULL: as configured */

  GMutex lock; /* for all below, and held while a swap goes on */
  config *configuration;
  char *file;   /* that was last taken; NULL: none */
  char *digest; /* of what the file held just before; NULL: could not be read */
};

/* SHA-256 of a file, or NULL and errno. Opening does not wait, should it be a pipe. */
static char *digest_of(const char *file) {
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return NULL;

  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  guchar piece[16384];
  gssize got;
  while ((got = TEMP_FAILURE_RETRY(read(fd, piece, sizeof piece))) > 0)
    g_checksum_update(sum, piece, got);
  int code = errno;
  close(fd);
  errno = code;
  return got < 0 ? NULL : g_strdup(g_checksum_get_string(sum));
}

static void note(deployment *self, const char *file, char *digest) {
  g_autofree char *before = self->file;

  self->file = g_strdup(file);
  g_free(self->digest);
  self->digest = digest;
}

/* The digest is taken before the file is: should the file change in between, the next reload swaps once too often, and never
 * once too seldom. */
static gboolean swap(deployment *self, const char *file, config *configuration, struct host_swap_report *report,
                     GError **error) {
  g_autofree char *digest = digest_of(file);

  if (!host_swap(self->host, file, configuration, report, error)) {
    g_prefix_error(error, "not swapped, the old version goes on: ");
    return FALSE;
  }
  note(self, file, g_steal_pointer(&digest));
  return TRUE;
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
  g_free(self->digest);
  g_free(self);
}

gboolean deployment_load(deployment *self, const char *file, GError **error) {
  g_autofree char *digest = digest_of(file);

  g_mutex_lock(&self->lock);
  gboolean loaded = host_load(self->host, file, error);
  if (loaded)
    note(self, file, g_steal_pointer(&digest));
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
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&self->lock);
  if (!self->file) {
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND, "not reloaded: no plugin is loaded");
    return FALSE;
  }
  g_autofree char *digest = digest_of(self->file);
  if (digest && g_strcmp0(digest, self->digest) == 0 && config_equal(configuration, self->configuration))
    return TRUE;
  *changed = TRUE;
  if (!swap(self, self->file, configuration, report, error))
    return FALSE;
  config_unref(self->configuration);
  self->configuration = g_steal_pointer(&configuration);
  return TRUE;
}

char *deployment_describe(const struct host_swap_report *report) {
  return g_strdup_printf("swapped %s to %s: pause %.3f ms, %u messages waiting, handed over %" G_GUINT64_FORMAT
                         " bytes of state and %u messages",
                         report->from_version, report->to_version, (double)report->pause_us / 1000,
                         report->messages_waiting, report->state_bytes, report->state_messages);
}

void deployment_append_report(GString *out, const struct host_swap_report *report) {
  g_string_append(out, "\"swap\":{");
  step_append_text(out, "from", report->from_version);
  g_string_append_c(out, ',');
  step_append_text(out, "to", report->to_version);
  g_string_append_printf(
      out, ",\"pause_ms\":%.3f,\"waiting\":%u,\"state_bytes\":%" G_GUINT64_FORMAT ",\"state_messages\":%u}",
      (double)report->pause_us / 1000, report->messages_waiting, report->state_bytes, report->state_messages);
}
