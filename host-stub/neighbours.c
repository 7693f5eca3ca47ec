#include "neighbours.h"
#include <string.h>

static const struct {
  const char *name;
  const char *group;
} modules[] = {
    {"edged", "edged"},
    {"edgemesh", "mesh"},
    {"websocket", "hub"},
    {"edgefunction", "user"},
};

struct neighbours {
  host *host;
  neighbours_fn *got;
  void *data;
  GMutex lock;
  GPtrArray *rules; /* of struct rule; NULL: none */

  GMainContext *context; /* of the thread that answers later */
  GMainLoop *loop;
  GThread *thread;
};

struct answer {
  host *host;
  const char *module; /* that answers */
  struct edgecore_message *message;
};

static void answer_free(gpointer data) {
  struct answer *self = data;

  message_unref(self->message);
  g_free(self);
}

/* Nobody waiting any more is the sender's time-out, and no error of ours. */
static gboolean answer_now(gpointer data) {
  struct answer *self = data;

  host_respond_as(self->host, self->module, self->message, NULL);
  return G_SOURCE_REMOVE;
}

static gpointer answer_later(gpointer data) {
  neighbours *self = data;

  g_main_context_push_thread_default(self->context);
  g_main_loop_run(self->loop);
  g_main_context_pop_thread_default(self->context);
  return NULL;
}

static gboolean fits(const struct rule *rule, const char *module, const struct edgecore_message_fields *request) {
  return strcmp(rule->on, module) == 0 && (!rule->operation || strcmp(rule->operation, request->operation) == 0) &&
         (!rule->resource || strcmp(rule->resource, request->resource) == 0);
}

static struct edgecore_message *make_answer(const struct rule *rule, const struct edgecore_message_fields *request) {
  struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = request->id,
      .source = rule->source ? rule->source : request->source,
      .group = request->group,
      .operation = rule->resp_operation,
      .resource = request->resource,
      .content_of = rule->content,
  };

  return message_new(&fields, NULL);
}

static void answer(neighbours *self, const char *module, const struct edgecore_message_fields *request) {
  struct answer *due = NULL;
  guint after_ms = 0;

  g_mutex_lock(&self->lock);
  for (guint i = 0; self->rules && i < self->rules->len && !due; i++) {
    const struct rule *rule = g_ptr_array_index(self->rules, i);
    struct edgecore_message *message = fits(rule, module, request) ? make_answer(rule, request) : NULL;

    if (!message)
      continue;
    due = g_new(struct answer, 1);
    due->host = self->host;
    due->module = module;
    due->message = message;
    after_ms = rule->after_ms;
  }
  g_mutex_unlock(&self->lock);
  if (!due)
    return;

  g_autoptr(GSource) timer = g_timeout_source_new(after_ms);
  g_source_set_callback(timer, answer_now, due, answer_free);
  g_source_attach(timer, self->context);
}

static void receive(host *owner G_GNUC_UNUSED, const char *module, struct edgecore_message *message, void *data) {
  neighbours *self = data;
  const struct edgecore_message_fields *fields = message_read(message);

  self->got(module, message, self->data);
  if (fields->flags & EDGECORE_MESSAGE_SYNC)
    answer(self, module, fields);
}

static gboolean is_module(const char *name) {
  for (gsize i = 0; i < G_N_ELEMENTS(modules); i++) {
    if (strcmp(name, modules[i].name) == 0)
      return TRUE;
  }
  return FALSE;
}

neighbours *neighbours_new(host *owner, neighbours_fn *got, void *data, GError **error) {
  neighbours *self = g_new0(neighbours, 1);

  self->host = owner;
  self->got = got;
  self->data = data;
  g_mutex_init(&self->lock);
  self->context = g_main_context_new();
  self->loop = g_main_loop_new(self->context, FALSE);
  self->thread = g_thread_try_new("neighbours", answer_later, self, NULL);
  if (!self->thread) {
    g_set_error(error, HOST_ERROR, EDGECORE_NO_MEMORY, "no thread for the neighbours, allow the host more of them");
    neighbours_free(self);
    return NULL;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(modules); i++) {
    if (host_add_module(owner, modules[i].name, modules[i].group, receive, self, error))
      continue;
    host_stop(owner);
    neighbours_free(self);
    return NULL;
  }
  return self;
}

gboolean neighbours_set_rules(neighbours *self, GPtrArray *rules, GError **error) {
  for (guint i = 0; rules && i < rules->len; i++) {
    const struct rule *rule = g_ptr_array_index(rules, i);

    if (is_module(rule->on))
      continue;
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND,
                "\"rules\", rule %u: field \"on\": want edged, edgemesh, websocket or edgefunction", i + 1);
    return FALSE;
  }

  g_mutex_lock(&self->lock);
  GPtrArray *before = self->rules;
  self->rules = rules ? g_ptr_array_ref(rules) : NULL;
  g_mutex_unlock(&self->lock);
  g_clear_pointer(&before, g_ptr_array_unref);
  return TRUE;
}

static gboolean quit(gpointer loop) {
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

void neighbours_free(neighbours *self) {
  if (!self)
    return;
  if (self->thread) {
    /* As a source and not a call: the loop may not run yet. */
    g_autoptr(GSource) end = g_idle_source_new();
    g_source_set_callback(end, quit, self->loop, NULL);
    g_source_attach(end, self->context);
    g_thread_join(self->thread);
  }
  g_main_loop_unref(self->loop);
  g_main_context_unref(self->context);
  g_clear_pointer(&self->rules, g_ptr_array_unref);
  g_mutex_clear(&self->lock);
  g_free(self);
}
