#include "scene.h"

#include "failure.h"
#include "secret.h"
#include "test.h"

#include <sqlite3.h>
#include <string.h>

static void settings_apply(fake_core *core, const char *const *settings) {
  for (; settings != NULL && settings[0] != NULL; settings += 2)
    fake_core_set(core, settings[0], settings[1]);
}

struct scene scene_begin(const char *const *settings) {
  struct scene self = {.core = fake_core_new(NULL)};

  settings_apply(self.core, settings);
  self.module = fake_core_start(self.core, NULL);
  return self;
}

void scene_end(struct scene *self) {
  fake_core_end(self->core, self->module);
  fake_core_free(self->core);
}

static void copy(const char *from, const char *to, const char *suffix) {
  g_autofree char *source = g_strconcat(from, suffix, NULL);
  g_autofree char *target = g_strconcat(to, suffix, NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  if (g_file_get_contents(source, &bytes, &size, NULL) && !g_file_set_contents(target, bytes, (gssize)size, NULL))
    g_error("cannot write %s", target);
}

void scene_kill(struct scene *self) {
  static guint count;
  g_autofree char *name = g_strdup_printf("survivors%u.db", ++count);
  g_autofree char *path = test_path(name);
  gint64 now = fake_core_now(self->core);

  copy(fake_core_database(self->core), path, "");
  copy(fake_core_database(self->core), path, "-wal");
  scene_end(self);
  self->core = fake_core_new(path);
  fake_core_advance(self->core, now - fake_core_now(self->core));
  self->module = fake_core_start(self->core, NULL);
}

void scene_swap(struct scene *self) {
  struct edgecore_state state = {.size = sizeof state};
  struct edgecore_error error = FAILURE_INIT;
  module *before = self->module;

  if (module_stop(before, &state, &error) != EDGECORE_OK)
    g_error("cannot stop: %s", error.text);
  self->module = fake_core_start(self->core, &state);
  module_free(before);
}

void scene_link(struct scene *self, gboolean is_connected) {
  fake_core_push(self->core, fake_message(.source = "websocket", .operation = "publish", .resource = "node/connection",
                                          .json = is_connected ? "\"cloud_connected\"" : "\"cloud_disconnected\""));
  scene_run(self);
}

void scene_say(struct scene *self, const char *source, const char *operation, const char *resource, const char *raw) {
  /* What the plugin reads stays as it is: the state of the link, a bare OK, and what must be JSON. */
  gboolean is_read = raw == NULL || *raw == '\0' || strcmp(operation, "publish") == 0 || strcmp(raw, "OK") == 0 ||
                     (strstr(resource, "/podstatus/") != NULL && !g_str_has_prefix(raw, "{"));
  g_autofree char *content = is_read ? g_strdup(raw) : secret_add(raw);

  fake_core_push(self->core,
                 fake_message(.source = source, .operation = operation, .resource = resource, .raw = content));
}

void scene_run(struct scene *self) {
  fake_core_run(self->core, self->module);
}

void scene_run_for(struct scene *self, gint64 microseconds) {
  fake_core_run_for(self->core, self->module, microseconds);
}

static void append(GString *text, GPtrArray *sent) {
  for (guint i = 0; i < sent->len; i++) {
    const struct edgecore_message *message = fake_sent_at(sent, i)->message;
    g_autofree char *content = fake_content(message);
    g_string_append_printf(text, "%s %s %s\n", message_read(message)->operation, message_read(message)->resource,
                           content);
  }
  secret_remove(text);
}

char *scene_heard(struct scene *self, const char *name) {
  GString *text = g_string_new(NULL);

  scene_run(self);
  g_autoptr(GPtrArray) sent = fake_core_take(self->core, name);
  append(text, sent);
  return g_string_free(text, FALSE);
}

char *scene_cloud(struct scene *self) {
  GString *text = g_string_new(NULL);

  for (guint empty = 0; empty < 10;) {
    scene_run_for(self, 10000);
    g_autoptr(GPtrArray) sent = fake_core_take(self->core, "websocket");
    append(text, sent);
    empty = sent->len == 0 ? empty + 1 : 0;
  }
  return g_string_free(text, FALSE);
}

gint64 scene_count(const struct scene *self, const char *sql) {
  sqlite3 *connection = NULL;
  sqlite3_stmt *statement = NULL;

  if (sqlite3_open_v2(fake_core_database(self->core), &connection, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
    g_error("%s: %s", sql, sqlite3_errmsg(connection));
  gint64 number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return number;
}
