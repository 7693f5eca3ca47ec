#include "house.h"

#include "database_file.h"
#include "secret.h"
#include "test.h"

#include <string.h>

#define SETTLE_MS 60000
#define ASK_MS 60000

static const struct {
  const char *name, *group;
} modules[] = {{"edged", "edged"}, {"edgemesh", "mesh"}, {"websocket", "hub"}, {"edgefunction", "user"}};

static guint live_before;

static void got(host *owner, const char *module, struct edgecore_message *message, void *data) {
  struct house *self = data;
  (void)owner;
  guint i = 0;
  while (strcmp(modules[i].name, module) != 0)
    i++;
  inbox_put(self->inboxes[i], message);
  if (i != 0)
    return;
  g_mutex_lock(&self->lock);
  while (self->is_closed)
    g_cond_wait(&self->opened, &self->lock);
  g_mutex_unlock(&self->lock);
}

static void note_line(int32_t level, const char *module, const char *text, void *data) {
  struct house *self = data;
  secret_check_line(level, text);
  g_mutex_lock(&self->lock);
  g_ptr_array_add(self->lines, g_strdup_printf("%d %s %s", level, module, text));
  g_mutex_unlock(&self->lock);
}

struct edgecore_message *house_message(const char *id, const char *source, const char *operation, const char *resource,
                                       const char *content) {
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .id = id,
      .source = source,
      .group = "resource",
      .operation = operation,
      .resource = resource,
      .content_kind = content != NULL ? EDGECORE_CONTENT_RAW : EDGECORE_CONTENT_NONE,
      .content = content,
      .content_size = content != NULL ? strlen(content) : 0,
  };
  secret_note_content(fields.content, fields.content_size);
  return message_new(&fields, NULL);
}

void house_init(struct house *self, guint queue_capacity) {
  *self = (struct house){.lines = g_ptr_array_new_with_free_func(g_free)};
  live_before = message_count_live();
  g_mutex_init(&self->lock);
  g_cond_init(&self->opened);
  struct inbox *inboxes[] = {&self->edged, &self->edgemesh, &self->websocket, &self->edgefunction};
  memcpy(self->inboxes, inboxes, sizeof inboxes);
  self->database = test_path("edge.db");
  self->configuration = config_new();
  config_set(self->configuration, "database.source", self->database, "test");
  const struct host_options options = {
      .configuration = self->configuration, .queue_capacity = queue_capacity, .log = note_line, .log_data = self};
  self->host = host_new(&options);
  for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
    inbox_init(self->inboxes[i]);
    check_true(host_add_module(self->host, modules[i].name, modules[i].group, got, self, NULL));
  }
}

void house_clear(struct house *self) {
  house_open_door(self);
  host_stop(self->host);
  host_free(self->host);
  config_unref(self->configuration);
  check_int_eq(database_file_count_open(self->database), 0);
  for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
    inbox_clear(self->inboxes[i]);
  g_ptr_array_unref(self->lines);
  g_free(self->database);
  g_cond_clear(&self->opened);
  g_mutex_clear(&self->lock);
  check_int_eq(message_count_live(), live_before);
}

void house_load(struct house *self, const char *file) {
  g_autoptr(GError) error = NULL;
  check_true(host_load(self->host, file, &error));
  check_no_error(error);
}

void house_close_door(struct house *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = TRUE;
  g_mutex_unlock(&self->lock);
}

void house_open_door(struct house *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = FALSE;
  g_cond_broadcast(&self->opened);
  g_mutex_unlock(&self->lock);
}

void house_send(struct house *self, const char *id, const char *source, const char *operation, const char *resource,
                const char *content) {
  g_autoptr(any_message) message = house_message(id, source, operation, resource, content);
  check_int_eq(host_send(self->host, "metaManager", message, TRUE, NULL), EDGECORE_OK);
}

char *house_ask(struct house *self, const char *source, const char *operation, const char *resource,
                const char *content) {
  g_autoptr(any_message) message = house_message(NULL, source, operation, resource, content);
  g_autoptr(any_message) answer = host_send_sync(self->host, "metaManager", message, ASK_MS, NULL);
  return answer != NULL ? message_content(answer) : NULL;
}

void house_settle(struct house *self) {
  check_true(host_settle(self->host, SETTLE_MS));
}

gboolean house_logged(struct house *self, const char *part) {
  gboolean found = FALSE;
  g_mutex_lock(&self->lock);
  for (guint i = 0; i < self->lines->len; i++)
    found |= strstr(self->lines->pdata[i], part) != NULL;
  g_mutex_unlock(&self->lock);
  return found;
}
