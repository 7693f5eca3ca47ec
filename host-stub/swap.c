#include "slot.h"

#include "database_file.h"
#include "failure.h"

#include <string.h>

#define TURN_TIMEOUT_US G_TIME_SPAN_SECOND

void host_swap_report_clear(struct host_swap_report *report) {
  g_clear_pointer(&report->from_version, g_free);
  g_clear_pointer(&report->to_version, g_free);
}

static const char *version_of(const generation *one) {
  return generation_image(one)->version;
}

static guint count_open(generation *one) {
  const char *path = core_config_text(generation_core(one), "database.source");
  return path == NULL ? 0 : database_file_count_open(path);
}

static guint files_left(const struct slot *self, generation *stopped) {
  guint now = count_open(stopped);
  return now > self->files_before ? now - self->files_before : 0;
}

/* A module that does not take back even its own state goes on without: what was in that is lost, but not the module. */
static int32_t start_again(struct slot *self, struct edgecore_error *why) {
  generation *active = self->active;
  self->files_before = count_open(active);
  int32_t code = generation_start(active, self->state, FALSE, self->stuck_timeout_ms, why);
  if (code != EDGECORE_UNSUPPORTED_STATE || self->state == NULL)
    return code;
  slot_log(self, EDGECORE_LOG_ERROR, active,
           "version %s does not take its own state back (%s): it starts without, and %u messages in there are lost",
           version_of(active), why->text, handover_state(self->state)->message_count);
  g_clear_pointer(&self->state, handover_free);
  return generation_start(active, NULL, FALSE, self->stuck_timeout_ms, why);
}

/* Starts the active one again, after what was to follow it has failed. FALSE: the module is down. */
static gboolean put_back(struct slot *self) {
  struct edgecore_error why = FAILURE_INIT;
  int32_t code = start_again(self, &why);
  if (code == EDGECORE_OK) {
    g_clear_pointer(&self->state, handover_free);
    slot_set_down(self, FALSE);
    return TRUE;
  }
  slot_set_down(self, TRUE);
  g_autofree char *text = failure_text(&why, code);
  slot_log(self, EDGECORE_LOG_ERROR, self->active,
           "the module is down: version %s cannot be started again: %s; its queue is kept, a swap may bring it up",
           version_of(self->active), text);
  if (generation_is_late(self->active)) {
    self->late = self->active;
    self->late_in = SLOT_LATE_START;
  }
  return FALSE;
}

/* A stop that came back after the swap was given up. */
static void after_late_stop(struct slot *self) {
  struct edgecore_error why = FAILURE_INIT;
  if (generation_collect(self->active, &self->state, &why) == EDGECORE_OK && !put_back(self))
    return;
  slot_set_down(self, !generation_is_started(self->active));
  slot_log(self, EDGECORE_LOG_WARNING, self->active, "version %s has come back from its late stop and goes on",
           version_of(self->active));
}

/* A start that came back after it was given up: of the active one, or of one that was to follow it and is undone. FALSE: it cannot
 * be undone. */
static gboolean after_late_start(struct slot *self, generation *late) {
  struct edgecore_error why = FAILURE_INIT;
  int32_t code = generation_collect(late, NULL, &why);
  if (late == self->active) {
    if (code == EDGECORE_OK)
      g_clear_pointer(&self->state, handover_free);
    slot_set_down(self, code != EDGECORE_OK);
    slot_log(self, EDGECORE_LOG_WARNING, late, "version %s has come back from its late start: %s", version_of(late),
             code == EDGECORE_OK ? "it goes on" : why.text);
    return TRUE;
  }
  if (generation_is_started(late)) {
    slot_log(self, EDGECORE_LOG_ERROR, late, "version %s cannot be stopped after its late start: %s", version_of(late),
             why.text);
    self->late = late;
    return FALSE;
  }

  g_autofree char *version = g_strdup(version_of(late));
  slot_unload(self, late, files_left(self, late));
  if (self->active == NULL)
    slot_set_down(self, FALSE);
  else if (!put_back(self))
    return TRUE;
  slot_log(self, EDGECORE_LOG_WARNING, self->active,
           "version %s has come back from its late start and is taken back: %s", version,
           self->active == NULL ? "nothing is loaded" : "the one before goes on");
  return TRUE;
}

static gpointer watch(gpointer data) {
  struct slot *self = data;
  g_mutex_lock(&self->lock);
  while (self->late != NULL && !self->is_closed) {
    generation *late = self->late;
    gboolean is_stop = self->late_in == SLOT_LATE_STOP;
    guint left_ms = is_stop ? self->stuck_timeout_ms - MIN(self->stop_timeout_ms, self->stuck_timeout_ms) : 0;
    gint64 deadline = g_get_monotonic_time() + left_ms * G_TIME_SPAN_MILLISECOND;
    g_mutex_unlock(&self->lock);
    enum generation_wait result = generation_wait(late, deadline);
    if (result == GENERATION_LATE) {
      slot_set_down(self, TRUE);
      slot_log(self, EDGECORE_LOG_ERROR, late, "the module is stuck: version %s has not returned from %s within %u ms",
               version_of(late), is_stop ? "stop" : "start", self->stuck_timeout_ms);
      result = generation_wait(late, -1);
    }
    g_mutex_lock(&self->lock);
    if (result == GENERATION_FORSAKEN || self->is_closed)
      break;
    self->late = NULL;
    if (is_stop)
      after_late_stop(self);
    else if (!after_late_start(self, late))
      break;
  }
  g_mutex_unlock(&self->lock);
  activity_remove(self->services->activity, 1);
  return NULL;
}

static void begin_watch(struct slot *self, generation *late, gboolean is_stop) {
  /* The one before has ended, or is just about to: it had nothing left to wait for. */
  if (self->watch != NULL)
    g_thread_join(self->watch);
  self->late = late;
  self->late_in = is_stop ? SLOT_LATE_STOP : SLOT_LATE_START;
  /* Between a late return and the next start the module's own thread sleeps, but there is no rest. */
  activity_add(self->services->activity, 1);
  g_autoptr(GError) error = NULL;
  self->watch = g_thread_try_new("watch", watch, self, &error);
  if (self->watch != NULL)
    return;
  activity_remove(self->services->activity, 1);
  slot_log(self, EDGECORE_LOG_ERROR, late,
           "no thread waits for version %s to return: %s; allow the host more of them and swap again", version_of(late),
           error->message);
}

/* Nothing has changed yet but that the active one was asked to stop. */
static void stop_failed(struct slot *self, generation *next, const struct edgecore_error *why, GError **error) {
  g_set_error(error, HOST_ERROR, why->code, "version %s: stop: %s", version_of(self->active), why->text);
  slot_unload(self, next, 0);
  if (generation_is_late(self->active))
    begin_watch(self, self->active, TRUE);
  else if (!generation_is_started(self->active))
    slot_set_down(self, TRUE);
}

/* The table could not be grown, or the new one did not start. */
static void start_failed(struct slot *self, generation *next) {
  if (generation_is_late(next)) {
    slot_set_down(self, TRUE);
    begin_watch(self, next, FALSE);
    return;
  }
  slot_unload(self, next, files_left(self, next));
  if (self->active != NULL && !put_back(self) && self->late != NULL)
    begin_watch(self, self->late, FALSE);
}

/* After a swap that failed: what is there now, for people. The caller owns it; NULL when nothing is loaded. */
static char *describe_active(struct slot *self) {
  if (self->late != NULL && (self->late != self->active || self->late_in == SLOT_LATE_START))
    return g_strdup_printf("the module is down until version %s returns from start", version_of(self->late));
  if (self->active == NULL)
    return NULL;
  const char *version = version_of(self->active);
  if (self->late != NULL)
    return g_strdup_printf("version %s keeps the name, and goes on when it returns", version);
  if (generation_is_started(self->active))
    return g_strdup_printf("version %s goes on", version);
  return g_strdup_printf("version %s cannot be started again: the module is down", version);
}

static gboolean stop_active(struct slot *self, generation *next, GError **error) {
  if (self->active == NULL || !generation_is_started(self->active))
    return TRUE;
  struct edgecore_error why = FAILURE_INIT;
  if (generation_stop(self->active, &self->state, self->stop_timeout_ms, &why) == EDGECORE_OK)
    return TRUE;
  stop_failed(self, next, &why, error);
  return FALSE;
}

static void report_handover(const struct slot *self, generation *next, struct host_swap_report *report) {
  report->messages_waiting = queue_length(core_mailbox(generation_core(next))->queue);
  if (self->state == NULL)
    return;
  report->state_bytes = handover_state(self->state)->data_size;
  report->state_messages = handover_state(self->state)->message_count;
}

static gint64 measure_pause(generation *old, generation *next) {
  gint64 deadline = g_get_monotonic_time() + TURN_TIMEOUT_US;
  gint64 turn = core_wait_turn(generation_core(next), deadline);
  return turn - generation_stop_begun(old);
}

static void make_active(struct slot *self, generation *next, config *configuration) {
  config *before = self->configuration;
  self->configuration = config_ref(configuration);
  config_unref(before);
  self->active = next;
  g_clear_pointer(&self->state, handover_free);
  slot_set_down(self, FALSE);
}

static gboolean replace(struct slot *self, const char *file, config *configuration, struct host_swap_report *report,
                        GError **error) {
  generation *old = self->active;
  if (old != NULL)
    report->from_version = g_strdup(version_of(old));
  generation *next = slot_prepare(self, file, configuration, old, error);
  if (next == NULL)
    return FALSE;
  report->to_version = g_strdup(version_of(next));
  gboolean was_started = old != NULL && generation_is_started(old);
  if (!stop_active(self, next, error))
    return FALSE;

  guint left = was_started ? files_left(self, old) : 0;
  report_handover(self, next, report);
  if (!slot_bring_up(self, next, error)) {
    start_failed(self, next);
    return FALSE;
  }
  make_active(self, next, configuration);
  if (old == NULL)
    return TRUE;
  core_pass_mailbox(generation_core(old), generation_core(next));
  if (was_started)
    report->pause_us = measure_pause(old, next);
  slot_unload(self, old, left);
  return TRUE;
}

static gboolean check_free(struct slot *self, GError **error) {
  if (self->is_closed) {
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND, "the host has stopped");
    return FALSE;
  }
  if (self->late != NULL) {
    if (self->watch == NULL)
      begin_watch(self, self->late, self->late_in == SLOT_LATE_STOP);
    g_set_error(error, HOST_ERROR, EDGECORE_AGAIN, "version %s has not returned from %s yet", version_of(self->late),
                self->late_in == SLOT_LATE_STOP ? "stop" : "start");
    return FALSE;
  }
  return TRUE;
}

gboolean slot_swap(struct slot *self, const char *file, config *configuration, struct host_swap_report *report,
                   GError **error) {
  struct host_swap_report unused = {0};
  g_autoptr(GError) why = NULL;
  if (report == NULL)
    report = &unused;
  memset(report, 0, sizeof *report);

  activity_add(self->services->activity, 1);
  g_mutex_lock(&self->lock);
  gboolean is_done = check_free(self, &why) &&
                     replace(self, file, configuration == NULL ? self->configuration : configuration, report, &why);
  report->unload_left = self->unload_left;
  g_autofree char *now = is_done ? NULL : describe_active(self);
  g_mutex_unlock(&self->lock);
  activity_remove(self->services->activity, 1);
  host_swap_report_clear(&unused);
  if (!is_done)
    g_set_error(error, why->domain, why->code, "%s%s%s", why->message, now == NULL ? "" : "; ", now == NULL ? "" : now);
  return is_done;
}
