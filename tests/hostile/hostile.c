#include "hostile.h"

#include "test.h"

#include <sqlite3.h>

void hostile_begin(struct hostile *self, const char *database) {
  self->core = fake_core_new(database);
  self->metamanager = fake_core_start(self->core, NULL);
}

void hostile_end(struct hostile *self) {
  fake_core_end(self->core, self->metamanager);
  check_true(g_utf8_validate(fake_core_log(self->core), -1, NULL));
  fake_core_free(self->core);
  check_int_eq(message_count_live(), 0);
}

char *hostile_ask(struct hostile *self, struct edgecore_message *message) {
  fake_core_push(self->core, message);
  fake_core_run(self->core, self->metamanager);
  g_autoptr(GPtrArray) answers = fake_core_take(self->core, FAKE_CALLERS);
  if (!check_int_eq(answers->len, 1))
    return NULL;
  return fake_content(fake_sent_at(answers, 0)->message);
}

void hostile_check_alive(struct hostile *self) {
  g_autofree char *inserted =
      hostile_ask(self, fake_message(.source = "edged", .operation = "insert", .sync = TRUE, .resource = "alive/pod/a",
                                     .raw = "{\"alive\":\"" SECRET "\"}"));
  g_autofree char *asked =
      hostile_ask(self, fake_message(.source = "edged", .operation = "query", .sync = TRUE, .resource = "alive/pod/a"));

  check_str_eq(inserted, "\"OK\"");
  check_str_eq(asked, HOSTILE_ALIVE_FOUND);
}

char *hostile_repeat(const char *part, gsize times) {
  GString *whole = g_string_new(NULL);

  for (gsize i = 0; i < times; i++)
    g_string_append(whole, part);
  return g_string_free(whole, FALSE);
}

void hostile_sql(const char *path, const char *sql) {
  sqlite3 *database = NULL;

  if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
      sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error("%s: %s", path, sqlite3_errmsg(database));
  sqlite3_close(database);
}
