#include "rig.h"

#include "model.h"
#include "test.h"
#include "variant.h"

#include <stdatomic.h>
#include <string.h>

#define MODULE "metaManager"
#define PATIENCE_MS 60000

static const struct {
  const char *name, *group;
} modules[RIG_MODULES] = {
    [RIG_EDGED] = {"edged", "edged"},
    [RIG_EDGEMESH] = {"edgemesh", "mesh"},
    [RIG_HUB] = {"websocket", "hub"},
    [RIG_EDGEFUNCTION] = {"edgefunction", "user"},
};

struct asked {
  enum rig_module module;
  struct edgecore_message *request;
};

struct rig {
  struct gate gate; /* first: the plugin's pointer to it is a pointer to this */
  host *host;
  config *configuration;
  char *database;
  guint live_before;

  GMutex lock;
  GCond changed;
  GPtrArray *got[RIG_MODULES]; /* messages */
  GArray *unanswered;
  guint asked;
  gboolean is_answering;
  gboolean is_shut;
  gboolean is_gate_open;
  gboolean is_at_gate;
  gboolean has_left_gate;
  guint refused;
  GPtrArray *lines;
};

static void respond(rig *self, enum rig_module module, struct edgecore_message *request) {
  const struct edgecore_message_fields *asked = message_read(request);
  g_autofree char *content = g_strdup_printf(RIG_ANSWER("%s"), asked->resource);
  g_autoptr(any_message) answer = message_answer(request, asked->source, content);
  check_int_eq(host_respond_as(self->host, modules[module].name, answer, NULL), EDGECORE_OK);
}

static void receive(host *owner, const char *name, struct edgecore_message *message, void *data) {
  rig *self = data;
  (void)owner;
  enum rig_module module = RIG_EDGED;
  while (strcmp(modules[module].name, name) != 0)
    module++;
  gboolean is_request = (message_read(message)->flags & EDGECORE_MESSAGE_SYNC) != 0;

  g_mutex_lock(&self->lock);
  g_ptr_array_add(self->got[module], message_ref(message));
  gboolean is_answered = is_request && self->is_answering;
  if (is_request && !is_answered) {
    const struct asked later = {module, message_ref(message)};
    g_array_append_val(self->unanswered, later);
  }
  self->asked += is_request;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  if (is_answered)
    respond(self, module, message);
}

static int32_t refuse_when_shut(const char *call, void *data) {
  rig *self = data;
  if (!g_str_has_prefix(call, "send") || strcmp(call, "send_resp") == 0)
    return EDGECORE_OK;
  g_mutex_lock(&self->lock);
  gboolean is_shut = self->is_shut;
  self->refused += is_shut;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  return is_shut ? EDGECORE_AGAIN : EDGECORE_OK;
}

static void pass(const struct gate *gate) {
  rig *self = (rig *)(uintptr_t)gate;
  g_mutex_lock(&self->lock);
  self->is_at_gate = TRUE;
  g_cond_broadcast(&self->changed);
  while (!self->is_gate_open)
    g_cond_wait(&self->changed, &self->lock);
  g_mutex_unlock(&self->lock);
}

static void leave(const struct gate *gate) {
  rig *self = (rig *)(uintptr_t)gate;
  g_mutex_lock(&self->lock);
  self->has_left_gate = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

/* The plugin's clock runs ahead of the real one by so many microseconds. */
static _Atomic(gint64) ahead;

static int64_t now(const struct edgecore_core *core) {
  (void)core;
  return g_get_monotonic_time() + atomic_load(&ahead);
}

static const void *extension(const char *name, void *data) {
  static const struct edgecore_clock clock = {.size = sizeof clock, .now = now};
  if (strcmp(name, EDGECORE_EXTENSION_CLOCK) == 0)
    return &clock;
  return strcmp(name, GATE_EXTENSION) == 0 ? data : NULL;
}

static void note_line(int32_t level, const char *module, const char *text, void *data) {
  rig *self = data;
  secret_check_line(level, text);
  g_mutex_lock(&self->lock);
  g_ptr_array_add(self->lines, g_strdup_printf("%d %s: %s", level, module, text));
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

/* With the lock held. */
static gboolean has_line(const rig *self, const char *part) {
  for (guint i = 0; i < self->lines->len; i++)
    if (strstr(self->lines->pdata[i], part) != NULL)
      return TRUE;
  return FALSE;
}

struct edgecore_message *rig_message_new(const struct rig_message *from, uint32_t flags) {
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .flags = flags,
      .id = from->id,
      .source = from->source,
      .group = "resource",
      .operation = from->operation,
      .resource = from->resource,
      .content_kind = from->content == NULL ? EDGECORE_CONTENT_NONE : EDGECORE_CONTENT_JSON,
      .content = from->content,
      .content_size = from->content == NULL ? 0 : strlen(from->content),
  };
  secret_note_content(fields.content, fields.content_size);
  struct edgecore_message *message = message_new(&fields, NULL);
  g_assert_nonnull(message);
  return message;
}

rig *rig_new_empty(guint queue_capacity, guint stop_timeout_ms, guint stuck_timeout_ms) {
  rig *self = g_new0(rig, 1);
  self->gate = (struct gate){.size = sizeof self->gate, .pass = pass, .leave = leave};
  self->live_before = message_count_live();
  static guint count;
  g_autofree char *name = g_strdup_printf("edge-%u.db", count++);
  self->database = test_path(name);
  self->configuration = config_new();
  config_set(self->configuration, "database.source", self->database, "test");
  g_mutex_init(&self->lock);
  g_cond_init(&self->changed);
  self->unanswered = g_array_new(FALSE, FALSE, sizeof(struct asked));
  self->lines = g_ptr_array_new_with_free_func(g_free);
  self->is_answering = TRUE;
  const struct host_options options = {
      .configuration = self->configuration,
      .queue_capacity = queue_capacity,
      .log = note_line,
      .log_data = self,
      .stop_timeout_ms = stop_timeout_ms,
      .stuck_timeout_ms = stuck_timeout_ms,
      .extension = extension,
      .extension_data = self,
      .fault = refuse_when_shut,
      .fault_data = self,
  };
  self->host = host_new(&options);
  for (guint i = 0; i < RIG_MODULES; i++) {
    self->got[i] = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);
    check_true(host_add_module(self->host, modules[i].name, modules[i].group, receive, self, NULL));
  }
  return self;
}

rig *rig_new(guint queue_capacity, guint stop_timeout_ms, guint stuck_timeout_ms) {
  rig *self = rig_new_empty(queue_capacity, stop_timeout_ms, stuck_timeout_ms);
  rig_swap(self, CURRENT, PROJECT_VERSION);
  return self;
}

void rig_free(rig *self) {
  rig_open(self);
  rig_open_gate(self);
  rig_answer_all(self);
  host_stop(self->host);
  check_false(rig_has_logged(self, "still queued"));
  host_free(self->host);
  config_unref(self->configuration);
  for (guint i = 0; i < RIG_MODULES; i++)
    g_ptr_array_unref(self->got[i]);
  g_array_unref(self->unanswered);
  check_int_eq(message_count_live(), self->live_before);
  g_ptr_array_unref(self->lines);
  g_free(self->database);
  g_cond_clear(&self->changed);
  g_mutex_clear(&self->lock);
  g_free(self);
}

host *rig_host(rig *self) {
  return self->host;
}

const char *rig_database(const rig *self) {
  return self->database;
}

config *rig_configuration(rig *self) {
  return self->configuration;
}

void rig_swap(rig *self, const char *file, const char *version) {
  struct host_swap_report report;
  g_autoptr(GError) error = NULL;
  check_true(host_swap(self->host, file, NULL, &report, &error));
  check_no_error(error);
  if (error == NULL)
    check_true(g_str_has_prefix(report.to_version, version));
  host_swap_report_clear(&report);
}

char *rig_swap_fails(rig *self, const char *file) {
  g_autoptr(GError) error = NULL;
  check_false(host_swap(self->host, file, NULL, NULL, &error));
  return g_strdup(error == NULL ? "no error" : error->message);
}

void rig_check_works(rig *self, const char *version) {
  g_autofree char *active = host_active_version(self->host);
  check_str_eq(active, version);
  check_false(host_is_down(self->host));
  const struct rig_message message = {.source = "edged", .operation = "query", .resource = "probe/pod/of-the-rig"};
  g_autofree char *answer = rig_call_end(rig_call_begin(self, &message));
  check_str_eq(answer, "[]");
}

void rig_send(rig *self, const struct rig_message *message) {
  g_autoptr(any_message) sent = rig_message_new(message, 0);
  check_int_eq(host_send(self->host, MODULE, sent, TRUE, NULL), EDGECORE_OK);
}

void rig_settle(rig *self) {
  check_true(host_settle(self->host, PATIENCE_MS));
}

void rig_advance(guint seconds) {
  atomic_fetch_add(&ahead, seconds * G_TIME_SPAN_SECOND);
}

void rig_shut(rig *self) {
  g_mutex_lock(&self->lock);
  self->is_shut = TRUE;
  g_mutex_unlock(&self->lock);
}

void rig_open(rig *self) {
  g_mutex_lock(&self->lock);
  self->is_shut = FALSE;
  g_mutex_unlock(&self->lock);
}

void rig_wait_refused(rig *self, guint count) {
  g_mutex_lock(&self->lock);
  for (guint until = self->refused + count; self->refused < until;)
    g_cond_wait(&self->changed, &self->lock);
  g_mutex_unlock(&self->lock);
}

void rig_set_answering(rig *self, gboolean is_answering) {
  g_mutex_lock(&self->lock);
  self->is_answering = is_answering;
  g_mutex_unlock(&self->lock);
}

void rig_answer_all(rig *self) {
  rig_set_answering(self, TRUE);
  g_mutex_lock(&self->lock);
  g_autoptr(GArray) due = self->unanswered;
  self->unanswered = g_array_new(FALSE, FALSE, sizeof(struct asked));
  g_mutex_unlock(&self->lock);
  for (guint i = 0; i < due->len; i++) {
    const struct asked *one = &g_array_index(due, struct asked, i);
    respond(self, one->module, one->request);
    message_unref(one->request);
  }
}

void rig_wait_asked(rig *self, guint count) {
  g_mutex_lock(&self->lock);
  while (self->asked < count)
    g_cond_wait(&self->changed, &self->lock);
  g_mutex_unlock(&self->lock);
}

guint rig_asked(rig *self) {
  g_mutex_lock(&self->lock);
  guint asked = self->asked;
  g_mutex_unlock(&self->lock);
  return asked;
}

void rig_open_gate(rig *self) {
  g_mutex_lock(&self->lock);
  self->is_gate_open = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

/* Waits for a flag that another thread sets. */
static void wait_for(rig *self, const gboolean *flag) {
  g_mutex_lock(&self->lock);
  while (!*flag)
    g_cond_wait(&self->changed, &self->lock);
  g_mutex_unlock(&self->lock);
}

void rig_wait_gate(rig *self) {
  wait_for(self, &self->is_at_gate);
}

void rig_wait_left_gate(rig *self) {
  wait_for(self, &self->has_left_gate);
}

void rig_wait_log(rig *self, const char *part) {
  g_mutex_lock(&self->lock);
  while (!has_line(self, part))
    g_cond_wait(&self->changed, &self->lock);
  g_mutex_unlock(&self->lock);
}

gboolean rig_has_logged(rig *self, const char *part) {
  g_mutex_lock(&self->lock);
  gboolean has = has_line(self, part);
  g_mutex_unlock(&self->lock);
  return has;
}

void rig_forget(rig *self) {
  g_mutex_lock(&self->lock);
  for (guint i = 0; i < RIG_MODULES; i++)
    g_ptr_array_set_size(self->got[i], 0);
  g_mutex_unlock(&self->lock);
}

const char *rig_module_name(enum rig_module module) {
  return modules[module].name;
}

GPtrArray *rig_got(rig *self, enum rig_module module) {
  GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);
  g_mutex_lock(&self->lock);
  for (guint i = 0; i < self->got[module]->len; i++)
    g_ptr_array_add(copy, message_ref(self->got[module]->pdata[i]));
  g_mutex_unlock(&self->lock);
  return copy;
}
