#include "generation.h"

#include "failure.h"

enum job_kind { JOB_START, JOB_STOP };

/* A call of start or stop on the generation's thread. */
struct job {
  enum job_kind kind;
  const handover *given;
  gboolean hands_over;
  gboolean is_undone_when_late; /* a start that nobody wants any more once it has been given up */
  gboolean is_running;
  gboolean is_late; /* nobody waits in generation_start or generation_stop any more */
  int32_t code;
  struct edgecore_error error;
  handover *taken;
};

struct generation {
  const struct core_services *services;
  struct image *image;
  guint number;
  core *core;
  struct edgecore_plugin *plugin;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  GMutex lock;
  GCond returned;
  struct job job;
  gboolean is_started;
  gboolean is_forsaken;
  gint64 stop_begun;
};

static _Thread_local generation *current;

/* Those whose code must stay mapped until the process ends. */
static GMutex left_lock;
static GSList *left;

/* While the loop sleeps, nothing moves here: whatever wakes it counts by itself. */
static gint poll_at_rest(GPollFD *descriptors, guint count, gint timeout) {
  if (timeout == 0)
    return g_poll(descriptors, count, 0);
  struct activity *activity = current->services->activity;
  core_mark_turn(current->core);
  activity_remove(activity, 1);
  gint ready = g_poll(descriptors, count, timeout);
  activity_add(activity, 1);
  return ready;
}

static gpointer run(gpointer data) {
  generation *self = data;
  current = self;
  g_main_context_push_thread_default(self->context);
  g_main_loop_run(self->loop);
  g_main_context_pop_thread_default(self->context);
  activity_remove(self->services->activity, 1);
  return NULL;
}

static gboolean quit(gpointer data) {
  g_main_loop_quit(data);
  return G_SOURCE_REMOVE;
}

static int32_t call_start(generation *self, const struct edgecore_state *state, struct edgecore_error *error) {
  core_set_active(self->core, TRUE);
  int32_t code = self->image->start(self->plugin, state, error);
  if (code != EDGECORE_OK)
    core_set_active(self->core, FALSE);
  return code;
}

static int32_t copy_state(const generation *self, const struct edgecore_state *state, handover **taken,
                          struct edgecore_error *error) {
  if (state->format != self->image->state_format_written)
    return failure_set(error, EDGECORE_UNSUPPORTED_STATE,
                       "stop handed over state format %u, but the descriptor says %u", state->format,
                       self->image->state_format_written);
  struct edgecore_error why = FAILURE_INIT;
  *taken = handover_copy(state, &why);
  return *taken != NULL ? EDGECORE_OK : failure_set(error, why.code, "%s", why.text);
}

/* A module whose state cannot be kept is started again with it, so that the failed stop has changed nothing. */
static int32_t call_stop(generation *self, gboolean hands_over, handover **taken, struct edgecore_error *error,
                         gboolean *is_started) {
  struct edgecore_state state = {.size = sizeof state};
  self->stop_begun = g_get_monotonic_time();
  int32_t code = self->image->stop(self->plugin, hands_over ? &state : NULL, error);
  *is_started = code != EDGECORE_OK;
  if (code != EDGECORE_OK)
    return code;
  core_set_active(self->core, FALSE);
  if (!hands_over)
    return EDGECORE_OK;
  code = copy_state(self, &state, taken, error);
  if (code != EDGECORE_OK)
    *is_started = call_start(self, &state, NULL) == EDGECORE_OK;
  return code;
}

/* A start that was given up meanwhile: before its first turn, so that nothing was received or sent. What it hands over is of no use: the one
 * before still has all that it says. */
static void take_back(generation *self, struct job *job, gboolean *is_started) {
  struct edgecore_state unused = {.size = sizeof unused};
  job->code = self->image->stop(self->plugin, &unused, &job->error);
  *is_started = job->code != EDGECORE_OK;
  if (*is_started)
    return;
  core_set_active(self->core, FALSE);
  job->code = failure_set(&job->error, EDGECORE_TIMEOUT, "it was given up meanwhile");
}

static gboolean run_job(gpointer data) {
  generation *self = data;
  g_mutex_lock(&self->lock);
  struct job job = self->job;
  g_mutex_unlock(&self->lock);

  gboolean is_started;
  if (job.kind == JOB_START) {
    job.code = call_start(self, job.given == NULL ? NULL : handover_state(job.given), &job.error);
    is_started = job.code == EDGECORE_OK;
  } else {
    job.code = call_stop(self, job.hands_over, &job.taken, &job.error, &is_started);
  }

  g_mutex_lock(&self->lock);
  if (self->job.is_late && job.is_undone_when_late && is_started) {
    g_mutex_unlock(&self->lock);
    take_back(self, &job, &is_started);
    g_mutex_lock(&self->lock);
  }
  job.is_running = FALSE;
  job.is_late = self->job.is_late;
  self->job = job;
  self->is_started = is_started;
  g_cond_broadcast(&self->returned);
  g_mutex_unlock(&self->lock);
  return G_SOURCE_REMOVE;
}

/* FALSE: it has returned after all. Later it is for generation_wait and generation_collect. */
static gboolean give_up(generation *self) {
  g_mutex_lock(&self->lock);
  self->job.is_late = self->job.is_running;
  gboolean is_late = self->job.is_late;
  g_mutex_unlock(&self->lock);
  return is_late;
}

static int32_t call(generation *self, struct job job, handover **state, guint timeout_ms,
                    struct edgecore_error *error) {
  job.is_running = TRUE;
  job.error.size = sizeof job.error;
  g_mutex_lock(&self->lock);
  self->job = job;
  g_mutex_unlock(&self->lock);
  g_main_context_invoke_full(self->context, G_PRIORITY_HIGH, run_job, self, NULL);

  gint64 deadline = g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;
  if (generation_wait(self, deadline) == GENERATION_LATE && give_up(self))
    return failure_set(error, EDGECORE_TIMEOUT, "it has not returned within %u ms", timeout_ms);
  return generation_collect(self, state, error);
}

static guint count_sources(generation *self) {
  g_autoptr(GSource) probe = g_idle_source_new();
  guint last = g_source_attach(probe, self->context);
  guint count = 0;
  for (guint id = 1; id < last; id++)
    count += g_main_context_find_source_by_id(self->context, id) != NULL;
  g_source_destroy(probe);
  return count;
}

static void keep_forever(generation *self) {
  g_mutex_lock(&left_lock);
  left = g_slist_prepend(left, self);
  g_mutex_unlock(&left_lock);
}

static void generation_free(generation *self) {
  g_clear_pointer(&self->job.taken, handover_free);
  g_main_loop_unref(self->loop);
  g_main_context_unref(self->context);
  core_free(self->core);
  g_cond_clear(&self->returned);
  g_mutex_clear(&self->lock);
  g_free(self);
}

generation *generation_new(const struct core_services *services, struct image *image, guint number,
                           config *configuration, struct mailbox *mailbox, GError **error) {
  generation *self = g_new0(generation, 1);
  self->services = services;
  self->image = image;
  self->number = number;
  self->core = core_new(services, configuration, image->module, image->group, mailbox);
  self->context = g_main_context_new();
  g_main_context_set_poll_func(self->context, poll_at_rest);
  self->loop = g_main_loop_new(self->context, FALSE);
  g_mutex_init(&self->lock);
  g_cond_init(&self->returned);
  activity_add(services->activity, 1);
  self->thread = g_thread_try_new(image->module, run, self, error);
  if (self->thread != NULL)
    return self;
  activity_remove(services->activity, 1);
  loader_close(g_steal_pointer(&self->image));
  generation_free(self);
  return NULL;
}

guint generation_number(const generation *self) {
  return self->number;
}

const struct image *generation_image(const generation *self) {
  return self->image;
}

core *generation_core(generation *self) {
  return self->core;
}

int32_t generation_register(generation *self, struct edgecore_error *error) {
  core_begin_register(self->core);
  int32_t code = self->image->register_plugin(core_table(self->core), &self->plugin, error);
  core_end_register(self->core);
  if (code == EDGECORE_OK && (self->plugin == NULL || core_mailbox(self->core) == NULL))
    return failure_set(error, EDGECORE_FAILED, "register returned without a module");
  return code;
}

int32_t generation_start(generation *self, const handover *state, gboolean is_undone_when_late, guint timeout_ms,
                         struct edgecore_error *error) {
  const struct job job = {.kind = JOB_START, .given = state, .is_undone_when_late = is_undone_when_late};
  return call(self, job, NULL, timeout_ms, error);
}

int32_t generation_stop(generation *self, handover **state, guint timeout_ms, struct edgecore_error *error) {
  return call(self, (struct job){.kind = JOB_STOP, .hands_over = state != NULL}, state, timeout_ms, error);
}

gboolean generation_is_busy(generation *self) {
  g_mutex_lock(&self->lock);
  gboolean is_running = self->job.is_running;
  g_mutex_unlock(&self->lock);
  return is_running;
}

gboolean generation_is_late(generation *self) {
  g_mutex_lock(&self->lock);
  gboolean is_late = self->job.is_late;
  g_mutex_unlock(&self->lock);
  return is_late;
}

gboolean generation_is_started(generation *self) {
  g_mutex_lock(&self->lock);
  gboolean is_started = self->is_started;
  g_mutex_unlock(&self->lock);
  return is_started;
}

enum generation_wait generation_wait(generation *self, gint64 deadline) {
  gboolean is_late = FALSE;
  g_mutex_lock(&self->lock);
  while (self->job.is_running && !self->is_forsaken && !is_late) {
    if (deadline < 0)
      g_cond_wait(&self->returned, &self->lock);
    else
      is_late = !g_cond_wait_until(&self->returned, &self->lock, deadline);
  }
  enum generation_wait result = !self->job.is_running ? GENERATION_RETURNED
                                : self->is_forsaken   ? GENERATION_FORSAKEN
                                                      : GENERATION_LATE;
  g_mutex_unlock(&self->lock);
  return result;
}

int32_t generation_collect(generation *self, handover **state, struct edgecore_error *error) {
  g_mutex_lock(&self->lock);
  int32_t code = self->job.code;
  self->job.is_late = FALSE;
  g_autoptr(handover) taken = g_steal_pointer(&self->job.taken);
  g_autofree char *text = failure_text(&self->job.error, code);
  g_mutex_unlock(&self->lock);
  if (code != EDGECORE_OK)
    return failure_set(error, code, "%s", text);
  if (state != NULL)
    *state = g_steal_pointer(&taken);
  return EDGECORE_OK;
}

gint64 generation_stop_begun(const generation *self) {
  return self->stop_begun;
}

gboolean generation_unload(generation *self, guint files_left) {
  g_main_context_invoke_full(self->context, G_PRIORITY_HIGH, quit, self->loop, NULL);
  g_thread_join(g_steal_pointer(&self->thread));
  if (self->plugin != NULL)
    self->image->unregister(g_steal_pointer(&self->plugin));

  const struct logger *logger = &self->services->logger;
  const char *module = self->image->module;
  const char *version = self->image->version;
  guint sources = count_sources(self);
  if (sources > 0 || files_left > 0) {
    logger_printf(logger, EDGECORE_LOG_WARNING, module,
                  "version %s stays mapped: it left %u sources attached and %u database files open", version, sources,
                  files_left);
    loader_leave(g_steal_pointer(&self->image));
    keep_forever(self);
    return FALSE;
  }

  g_autofree char *name = g_strdup(module);
  g_autofree char *text = g_strdup_printf("version %s stays mapped: something in the process holds its code", version);
  gboolean is_gone = loader_close(g_steal_pointer(&self->image));
  if (!is_gone)
    logger_write(logger, EDGECORE_LOG_WARNING, name, text);
  generation_free(self);
  return is_gone;
}

void generation_forsake(generation *self) {
  g_mutex_lock(&self->lock);
  self->is_forsaken = TRUE;
  g_cond_broadcast(&self->returned);
  g_mutex_unlock(&self->lock);
  g_main_context_invoke_full(self->context, G_PRIORITY_HIGH, quit, self->loop, NULL);
  g_thread_unref(g_steal_pointer(&self->thread));
  keep_forever(self);
}
