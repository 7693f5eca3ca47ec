#include "fixture.h"

#include "secret.h"

#include <poll.h>
#include <sqlite3.h>
#include <string.h>

static struct edgecore_message *make(const char *id, const char *content, uint32_t flags) {
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .flags = flags,
      .id = id,
      .source = "tester",
      .group = "resource",
      .operation = "update",
      .resource = "default/pod/a",
      .content_kind = EDGECORE_CONTENT_RAW,
      .content = content,
      .content_size = strlen(content),
  };
  secret_note_content(fields.content, fields.content_size);
  struct edgecore_message *message = message_new(&fields, NULL);
  g_assert_nonnull(message);
  return message;
}

static sqlite3 *database_open(const char *path) {
  sqlite3 *database = NULL;
  if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
    g_error("%s: %s", path, sqlite3_errmsg(database));
  return database;
}

struct edgecore_message *message_text(const char *id, const char *content) {
  return make(id, content, 0);
}

struct edgecore_message *message_sync(const char *id, const char *content) {
  return make(id, content, EDGECORE_MESSAGE_SYNC);
}

struct edgecore_message *message_answer(const struct edgecore_message *request, const char *source,
                                        const char *content) {
  const struct edgecore_message_fields *asked = message_read(request);
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = asked->id,
      .source = source,
      .group = asked->group,
      .operation = "response",
      .resource = asked->resource,
      .content_kind = EDGECORE_CONTENT_JSON,
      .content = content,
      .content_size = strlen(content),
  };
  secret_note_content(fields.content, fields.content_size);
  struct edgecore_message *message = message_new(&fields, NULL);
  g_assert_nonnull(message);
  return message;
}

char *message_content(const struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);
  return g_strndup(fields->content, fields->content_size);
}

void inbox_init(struct inbox *self) {
  g_mutex_init(&self->lock);
  g_cond_init(&self->arrived);
  self->messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);
}

void inbox_clear(struct inbox *self) {
  g_ptr_array_unref(self->messages);
  g_cond_clear(&self->arrived);
  g_mutex_clear(&self->lock);
}

void inbox_put(struct inbox *self, struct edgecore_message *message) {
  g_mutex_lock(&self->lock);
  g_ptr_array_add(self->messages, message_ref(message));
  g_cond_broadcast(&self->arrived);
  g_mutex_unlock(&self->lock);
}

struct edgecore_message *inbox_wait(struct inbox *self, guint count) {
  g_mutex_lock(&self->lock);
  while (self->messages->len < count)
    g_cond_wait(&self->arrived, &self->lock);
  struct edgecore_message *last = self->messages->pdata[count - 1];
  g_mutex_unlock(&self->lock);
  return last;
}

guint inbox_count(struct inbox *self) {
  g_mutex_lock(&self->lock);
  guint count = self->messages->len;
  g_mutex_unlock(&self->lock);
  return count;
}

gboolean is_readable(int descriptor) {
  struct pollfd polled = {.fd = descriptor, .events = POLLIN};
  return poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
}

void wait_readable(int descriptor) {
  struct pollfd polled = {.fd = descriptor, .events = POLLIN};
  while (poll(&polled, 1, -1) != 1)
    continue;
}

GBytes *file_bytes(const char *path) {
  g_autoptr(GError) error = NULL;
  char *bytes = NULL;
  gsize size = 0;
  if (!g_file_get_contents(path, &bytes, &size, &error))
    g_error("%s", error->message);
  return g_bytes_new_take(bytes, size);
}

void database_run(const char *path, const char *sql) {
  sqlite3 *database = database_open(path);
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error("%s: %s", path, sqlite3_errmsg(database));
  sqlite3_close(database);
}

char *database_value(const char *path, const char *sql) {
  sqlite3 *database = database_open(path);
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
    g_error("%s: %s", path, sqlite3_errmsg(database));
  char *value = g_strdup(sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : "");
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return value;
}
