#include "rig.h"

#include "secret.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct counter {
  rig *rig;
  _Atomic guint64 count;
  _Atomic guint64 target; /* the one who waits is woken by this count */
  GPtrArray *chain;       /* what is sent next, one for each that comes; or NULL */
  guint next;
};

struct rig {
  host *host;
  struct counter counters[RIG_MODULES];
  GMutex lock;
  GCond reached;
};

static const struct {
  const char *name;
  const char *group;
} modules[RIG_MODULES] = {
    [RIG_EDGED] = {"edged", "edged"},
    [RIG_EDGEMESH] = {"edgemesh", "mesh"},
    [RIG_HUB] = {"websocket", "hub"},
    [RIG_EDGEFUNCTION] = {"edgefunction", "user"},
};

static void log_worse(int32_t level, const char *module, const char *text, void *data) {
  (void)data;
  if (level > EDGECORE_LOG_DEBUG && strstr(text, SECRET) != NULL)
    bench_fail("content of a message in the log: %s", text);
  if (level >= EDGECORE_LOG_WARNING)
    fprintf(stderr, "bench: %s: %s\n", module, text);
}

static void send(rig *self, struct edgecore_message *message, gboolean wait) {
  struct edgecore_error error = {.size = sizeof error};

  if (host_send(self->host, "metaManager", message, wait, &error) != EDGECORE_OK)
    bench_fail("%s", error.text);
}

static void receive(host *owner, const char *module, struct edgecore_message *message, void *data) {
  struct counter *counter = data;

  (void)owner;
  (void)module;
  (void)message;
  if (counter->chain != NULL && counter->next < counter->chain->len)
    send(counter->rig, g_ptr_array_index(counter->chain, counter->next++), FALSE);
  if (atomic_fetch_add(&counter->count, 1) + 1 != atomic_load(&counter->target))
    return;
  g_mutex_lock(&counter->rig->lock);
  g_cond_broadcast(&counter->rig->reached);
  g_mutex_unlock(&counter->rig->lock);
}

static config *configuration_new(const char *database, const char *const *settings) {
  config *configuration = config_new();

  config_set(configuration, "database.source", database, "bench");
  for (; settings != NULL && settings[0] != NULL; settings += 2)
    config_set(configuration, settings[0], settings[1], "bench");
  return configuration;
}

rig *rig_new(const struct bench *bench, const char *database, const char *const *settings,
             host_extension_fn *extension) {
  rig *self = g_new0(rig, 1);
  g_autoptr(config) configuration = configuration_new(database, settings);
  const struct host_options options = {.configuration = configuration, .log = log_worse, .extension = extension};
  g_autoptr(GError) error = NULL;

  g_mutex_init(&self->lock);
  g_cond_init(&self->reached);
  self->host = host_new(&options);
  for (guint i = 0; i < RIG_MODULES; i++) {
    self->counters[i].rig = self;
    if (!host_add_module(self->host, modules[i].name, modules[i].group, receive, &self->counters[i], &error))
      bench_fail("%s", error->message);
  }
  if (!host_load(self->host, bench->plugin, &error))
    bench_fail("%s", error->message);
  return self;
}

void rig_free(rig *self) {
  rig_settle(self);
  host_free(self->host);
  g_cond_clear(&self->reached);
  g_mutex_clear(&self->lock);
  g_free(self);
}

host *rig_host(rig *self) {
  return self->host;
}

static void wait_for(rig *self, struct counter *counter, guint64 target) {
  g_mutex_lock(&self->lock);
  atomic_store(&counter->target, target);
  while (atomic_load(&counter->count) < target)
    g_cond_wait(&self->reached, &self->lock);
  g_mutex_unlock(&self->lock);
}

void rig_flood(rig *self, GPtrArray *messages, enum rig_module module, guint answers) {
  struct counter *counter = &self->counters[module];
  guint64 target = atomic_load(&counter->count) + answers;

  for (guint i = 0; i < messages->len; i++)
    send(self, g_ptr_array_index(messages, i), TRUE);
  wait_for(self, counter, target);
}

void rig_chain(rig *self, GPtrArray *messages, enum rig_module module) {
  struct counter *counter = &self->counters[module];
  guint64 target = atomic_load(&counter->count) + messages->len;

  counter->chain = messages;
  counter->next = 1;
  send(self, g_ptr_array_index(messages, 0), TRUE);
  wait_for(self, counter, target);
  rig_settle(self);
  counter->chain = NULL;
}

void rig_settle(rig *self) {
  if (!host_settle(self->host, -1))
    bench_fail("the module cannot come to rest");
}

void rig_send_settle(rig *self, struct edgecore_message *message) {
  send(self, message, TRUE);
  rig_settle(self);
}

guint64 rig_count(rig *self, enum rig_module module) {
  return atomic_load(&self->counters[module].count);
}
