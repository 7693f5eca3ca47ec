#include "slot.h"

#include "database_file.h"
#include "failure.h"
#include "lock.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const char *version_of(const generation *one) {
  return generation_image(one)->version;
}

static gboolean check_follows(const struct slot *self, generation *before, const struct image *next, GError **error) {
  const struct image *old = generation_image(before);
  if (strcmp(old->module, next->module) != 0 || strcmp(old->group, next->group) != 0) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "it is module %s of group %s, not %s of group %s", next->module,
                next->group, old->module, old->group);
    return FALSE;
  }
  gboolean hands_over = generation_is_started(before) || self->state != NULL;
  if (hands_over && (old->state_format_written < next->state_format_oldest ||
                     old->state_format_written > next->state_format_newest)) {
    g_set_error(error, HOST_ERROR, EDGECORE_UNSUPPORTED_STATE,
                "right ABI, but it cannot take this state: version %s writes format %u, version %s reads %u to %u",
                old->version, old->state_format_written, next->version, next->state_format_oldest,
                next->state_format_newest);
    return FALSE;
  }
  return TRUE;
}

/* What was handed over, the outbox's place above all, belongs to the database that is open. */
static gboolean check_database(generation *before, const config *configuration, GError **error) {
  struct edgecore_config_value value = {.size = sizeof value};
  const char *now = core_config_text(generation_core(before), "database.source");
  if (config_get(configuration, "database.source", &value) != EDGECORE_OK || g_strcmp0(now, value.text) == 0)
    return TRUE;
  g_set_error(
      error, HOST_ERROR, EDGECORE_INVALID,
      "%s: database.source: a swap goes on with the database that is open, \"%s\", and not with \"%s\": stop the "
      "host and start it again",
      value.origin, now, value.text);
  return FALSE;
}

/* Its thread may never return: what that needs is kept until the process ends. */
static void leave_behind(struct slot *self, generation *stuck) {
  generation_forsake(stuck);
  self->has_left_thread = TRUE;
  self->unload_left++;
}

static void stop_active(struct slot *self) {
  struct edgecore_error why = FAILURE_INIT;
  int32_t code = generation_stop(self->active, NULL, self->stuck_timeout_ms, &why);
  if (code == EDGECORE_OK)
    return;
  slot_log(self, EDGECORE_LOG_ERROR, self->active, "version %s: stop: %s; it is left behind", version_of(self->active),
           why.text);
  leave_behind(self, g_steal_pointer(&self->active));
}

/* With the lock held; the one that watches is told, and ends. */
static void end_watch(struct slot *self) {
  generation *late = self->late;
  gboolean is_stuck = late != NULL && generation_is_busy(late);
  if (is_stuck) {
    leave_behind(self, late);
    if (late == self->active)
      self->active = NULL;
  }
  GThread *watch = g_steal_pointer(&self->watch);
  g_mutex_unlock(&self->lock);
  if (watch != NULL)
    g_thread_join(watch);
  g_mutex_lock(&self->lock);

  self->late = NULL;
  if (late == NULL || is_stuck || late == self->active)
    return;
  struct edgecore_error why = FAILURE_INIT;
  if (generation_is_started(late) && generation_stop(late, NULL, self->stuck_timeout_ms, &why) != EDGECORE_OK) {
    leave_behind(self, late);
    return;
  }
  slot_unload(self, late, 0);
}

void slot_log(const struct slot *self, int32_t level, const generation *subject, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  const char *module = subject == NULL ? "edgehost" : generation_image(subject)->module;
  logger_write(&self->services->logger, level, module, text);
}

void slot_set_down(struct slot *self, gboolean is_down) {
  gboolean was_down = atomic_exchange(&self->is_down, is_down);
  /* What the state holds is counted by nobody else while it waits for a start. */
  if (is_down && !was_down)
    activity_add(self->services->activity, 1);
  activity_set_hopeless(self->services->activity, is_down);
  if (!is_down && was_down)
    activity_remove(self->services->activity, 1);
}

generation *slot_prepare(struct slot *self, const char *file, config *configuration, generation *before,
                         GError **error) {
  if (before != NULL && !check_database(before, configuration, error))
    return NULL;
  struct image *image = loader_open(file, ++self->last_number, error);
  if (image == NULL)
    return NULL;
  if (before != NULL && !check_follows(self, before, image, error)) {
    g_prefix_error(error, "plugin \"%s\": ", file);
    loader_close(image);
    return NULL;
  }

  struct mailbox *mailbox = before == NULL ? NULL : core_mailbox(generation_core(before));
  generation *next = generation_new(self->services, image, self->last_number, configuration, mailbox, error);
  if (next == NULL) {
    g_prefix_error(error, "plugin \"%s\": no thread for it, allow the host more of them: ", file);
    return NULL;
  }
  struct edgecore_error why = FAILURE_INIT;
  int32_t code = generation_register(next, &why);
  if (code == EDGECORE_OK)
    return next;
  g_autofree char *text = failure_text(&why, code);
  if (code == EDGECORE_DISABLED)
    g_set_error(error, HOST_ERROR, code, "module %s is not enabled: not registered; add it to modules.enabled",
                image->module);
  else
    g_set_error(error, HOST_ERROR, code, "plugin \"%s\", version %s: register: %s", file, image->version, text);
  slot_unload(self, next, 0);
  return NULL;
}

/* Looking into the file would read the whole WAL, in the pause of a swap: what the active one was started on, with the same tables, needs no
 * look, for tables only grow. */
static gboolean is_grown(const struct slot *self, generation *next, const char *path) {
  struct stat now;
  if (self->active == NULL || stat(path, &now) < 0)
    return FALSE;
  return now.st_dev == self->file.st_dev && now.st_ino == self->file.st_ino &&
         model_lists_are_equal(core_models(generation_core(self->active)), core_models(generation_core(next)));
}

static void drop_lock(struct slot *self) {
  if (self->database_lock >= 0)
    close(self->database_lock);
  self->database_lock = -1;
}

/* A swap goes on with the database that is open, and so with its lock. Whatever failed before may have had another one. */
static gboolean take_lock(struct slot *self, const char *path, GError **error) {
  if (self->active == NULL)
    drop_lock(self);
  if (self->database_lock >= 0)
    return TRUE;
  if (!database_file_check(path, error))
    return FALSE;
  self->database_lock = lock_take(path, error);
  return self->database_lock >= 0;
}

/* A plugin without tables uses no database. */
static gboolean prepare_database(struct slot *self, generation *next, const char *path, GError **error) {
  const GPtrArray *models = core_models(generation_core(next));
  if (models->len == 0)
    return TRUE;
  return take_lock(self, path, error) && (is_grown(self, next, path) || model_migrate(path, models, error));
}

gboolean slot_bring_up(struct slot *self, generation *next, GError **error) {
  const char *path = core_config_text(generation_core(next), "database.source");
  if (path == NULL) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "configuration: database.source is not set");
    return FALSE;
  }
  self->files_before = database_file_count_open(path);
  if (!prepare_database(self, next, path, error))
    return FALSE;

  struct edgecore_error why = FAILURE_INIT;
  int32_t code = generation_start(next, self->state, TRUE, self->stuck_timeout_ms, &why);
  if (code == EDGECORE_OK) {
    if (stat(path, &self->file) < 0)
      memset(&self->file, 0, sizeof self->file);
    return TRUE;
  }
  g_autofree char *text = failure_text(&why, code);
  g_set_error(error, HOST_ERROR, code, "version %s: start: %s", version_of(next), text);
  return FALSE;
}

void slot_unload(struct slot *self, generation *old, guint files_left) {
  core_drop_mailbox(generation_core(old));
  if (!generation_unload(old, files_left))
    self->unload_left++;
}

void slot_init(struct slot *self, const struct core_services *services, config *configuration, guint stop_timeout_ms,
               guint stuck_timeout_ms) {
  memset(self, 0, sizeof *self);
  self->services = services;
  self->database_lock = -1;
  self->configuration = config_ref(configuration);
  self->stop_timeout_ms = stop_timeout_ms;
  self->stuck_timeout_ms = stuck_timeout_ms;
  g_mutex_init(&self->lock);
}

void slot_clear(struct slot *self) {
  g_mutex_clear(&self->lock);
  config_unref(self->configuration);
}

gboolean slot_load(struct slot *self, const char *file, GError **error) {
  g_autoptr(GError) why = NULL;
  g_autofree char *version = slot_version(self);
  if (version != NULL) {
    g_set_error(error, HOST_ERROR, EDGECORE_EXISTS, "plugin \"%s\": version %s is loaded already: swap it", file,
                version);
    return FALSE;
  }
  gboolean is_loaded = slot_swap(self, file, NULL, NULL, &why);
  if (is_loaded)
    return TRUE;
  if (why->code != EDGECORE_DISABLED) {
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
  }
  slot_log(self, EDGECORE_LOG_INFO, NULL, "%s", why->message);
  return TRUE;
}

void slot_close(struct slot *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = TRUE;
  end_watch(self);
  if (self->active != NULL && generation_is_started(self->active))
    stop_active(self);
  if (self->active != NULL) {
    const char *path = core_config_text(generation_core(self->active), "database.source");
    guint now = path == NULL ? 0 : database_file_count_open(path);
    generation_unload(g_steal_pointer(&self->active), now > self->files_before ? now - self->files_before : 0);
  }
  /* A thread that was left behind in start may still read it, and one in stop still write to the database. */
  if (!self->has_left_thread) {
    g_clear_pointer(&self->state, handover_free);
    drop_lock(self);
  }
  g_mutex_unlock(&self->lock);
}

char *slot_version(struct slot *self) {
  g_mutex_lock(&self->lock);
  char *version = self->active == NULL ? NULL : g_strdup(version_of(self->active));
  g_mutex_unlock(&self->lock);
  return version;
}

gboolean slot_is_current(struct slot *self, const char *file) {
  g_mutex_lock(&self->lock);
  gboolean is_current = self->active != NULL && loader_is_same(generation_image(self->active), file);
  g_mutex_unlock(&self->lock);
  return is_current;
}
