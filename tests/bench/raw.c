#include "raw.h"

#include "bench.h"

#include <sqlite3.h>
#include <string.h>

/* As the plugin's own bound. */
#define WAL_PAGES_MAX 1000

enum statement {
  STATEMENT_BEGIN,
  STATEMENT_COMMIT,
  STATEMENT_UPSERT,
  STATEMENT_REPLACE,
  STATEMENT_QUERY,
  STATEMENT_COMPARE,
  STATEMENT_LIST,
  STATEMENT_SAVE_LIST,
  STATEMENT_DELETE_ORPHANS,
  STATEMENT_JOIN,
  STATEMENT_COUNT
};

#define ON_CONFLICT " ON CONFLICT(key) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value"

static const char *const sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_UPSERT] = "INSERT INTO meta(key, type, value) VALUES(?1, ?2, ?3)" ON_CONFLICT,
    [STATEMENT_REPLACE] = "INSERT OR REPLACE INTO meta(key, type, value) VALUES(?1, ?2, ?3)",
    [STATEMENT_QUERY] = "SELECT value FROM meta WHERE key = ?1",
    [STATEMENT_COMPARE] = "SELECT 1 FROM meta WHERE key = ?1 AND value = ?2",
    [STATEMENT_LIST] = "SELECT json_group_array(value) FROM (SELECT value FROM meta WHERE type = ?1 ORDER BY rowid)",
    [STATEMENT_SAVE_LIST] = "INSERT INTO meta(key, type, value)"
                            " SELECT json_extract(value, '$.metadata.namespace') || '/' || ?2 || '/'"
                            " || json_extract(value, '$.metadata.name'), ?2, value FROM json_each(?1)"
                            " WHERE true" ON_CONFLICT,
    [STATEMENT_DELETE_ORPHANS] =
        "DELETE FROM meta WHERE type = 'podstatus' AND NOT EXISTS"
        " (SELECT 1 FROM meta AS pod WHERE pod.key = replace(meta.key, '/podstatus/', '/pod/'))",
    [STATEMENT_JOIN] = "SELECT namespace, '[' || group_concat(value) || ']' FROM"
                       " (SELECT substr(key, 1, instr(key, '/') - 1) AS namespace, value FROM meta"
                       "  WHERE type = 'podstatus' AND json_valid(value) ORDER BY namespace, rowid) GROUP BY namespace",
};

static const struct {
  const char *pragmas;
  const char *schema;
} modes[] = {
    [RAW_PLUGIN] = {"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                    "PRAGMA journal_size_limit=8388608; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY;"
                    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
                    "CREATE TABLE meta(key varchar(256) NOT NULL PRIMARY KEY, type varchar(32) NOT NULL DEFAULT '',"
                    " value text); CREATE INDEX meta_type ON meta(type)"},
    [RAW_UPSTREAM] = {"PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL",
                      "CREATE TABLE meta(key varchar(256) NOT NULL PRIMARY KEY, type varchar(32) NOT NULL DEFAULT '',"
                      " value text)"},
};

struct raw {
  sqlite3 *connection;
  sqlite3_stmt *statements[STATEMENT_COUNT];
  int wal_pages;
};

static void check(const raw *self, gboolean done, const char *what) {
  if (!done)
    bench_fail("raw: %s: %s", what, sqlite3_errmsg(self->connection));
}

static int on_wal(void *data, sqlite3 *connection, const char *name, int pages) {
  raw *self = data;

  (void)connection;
  (void)name;
  self->wal_pages = pages;
  return SQLITE_OK;
}

static void run(raw *self, const char *text) {
  check(self, sqlite3_exec(self->connection, text, NULL, NULL, NULL) == SQLITE_OK, text);
}

raw *raw_new(const char *path, enum raw_mode mode) {
  raw *self = g_new0(raw, 1);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

  check(self, sqlite3_open_v2(path, &self->connection, flags, NULL) == SQLITE_OK, path);
  run(self, modes[mode].pragmas);
  run(self, modes[mode].schema);
  sqlite3_wal_hook(self->connection, on_wal, self);
  for (guint i = 0; i < STATEMENT_COUNT; i++)
    check(self,
          sqlite3_prepare_v3(self->connection, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i], NULL) ==
              SQLITE_OK,
          sql[i]);
  return self;
}

void raw_free(raw *self) {
  for (guint i = 0; i < STATEMENT_COUNT; i++)
    sqlite3_finalize(self->statements[i]);
  sqlite3_close(self->connection);
  g_free(self);
}

/* Steps to the end and resets. The bytes of the first column count, so that each row is really read. */
static gsize finish(raw *self, enum statement number) {
  sqlite3_stmt *statement = self->statements[number];
  gsize bytes = 0;
  int result;

  while ((result = sqlite3_step(statement)) == SQLITE_ROW)
    bytes += sqlite3_column_text(statement, 0) != NULL ? (gsize)sqlite3_column_bytes(statement, 0) : 0;
  check(self, result == SQLITE_DONE, sql[number]);
  sqlite3_reset(statement);
  return bytes;
}

static void commit(raw *self) {
  finish(self, STATEMENT_COMMIT);
  if (self->wal_pages < WAL_PAGES_MAX)
    return;
  check(self, sqlite3_wal_checkpoint_v2(self->connection, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK,
        "checkpoint");
  self->wal_pages = 0;
}

static void bind(raw *self, enum statement number, int at, const char *text, gsize size) {
  sqlite3_bind_text64(self->statements[number], at, text, size, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_key(raw *self, enum statement number, const struct edgecore_message *message) {
  const char *key = load_key(message);

  bind(self, number, 1, key, strlen(key));
}

static void bind_content(raw *self, enum statement number, int at, const struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);

  bind(self, number, at, fields->content, fields->content_size);
}

static void put(raw *self, enum statement number, const struct edgecore_message *message) {
  gsize size;
  const char *type = load_type(message, &size);

  bind_key(self, number, message);
  bind(self, number, 2, type, size);
  bind_content(self, number, 3, message);
  finish(self, number);
}

void raw_update(raw *self, GPtrArray *messages, guint batch) {
  for (guint i = 0; i < messages->len; i++) {
    if (i % batch == 0)
      finish(self, STATEMENT_BEGIN);
    put(self, STATEMENT_UPSERT, g_ptr_array_index(messages, i));
    if ((i + 1) % batch == 0 || i + 1 == messages->len)
      commit(self);
  }
}

void raw_replace(raw *self, GPtrArray *messages) {
  for (guint i = 0; i < messages->len; i++)
    put(self, STATEMENT_REPLACE, g_ptr_array_index(messages, i));
}

void raw_query(raw *self, GPtrArray *messages) {
  for (guint i = 0; i < messages->len; i++) {
    bind_key(self, STATEMENT_QUERY, g_ptr_array_index(messages, i));
    check(self, finish(self, STATEMENT_QUERY) > 0, "a key is missing");
  }
}

void raw_compare(raw *self, GPtrArray *messages) {
  for (guint i = 0; i < messages->len; i++) {
    bind_key(self, STATEMENT_COMPARE, g_ptr_array_index(messages, i));
    bind_content(self, STATEMENT_COMPARE, 2, g_ptr_array_index(messages, i));
    check(self, finish(self, STATEMENT_COMPARE) > 0, "a value is different");
  }
}

void raw_list(raw *self, const char *type, guint times) {
  for (guint i = 0; i < times; i++) {
    bind(self, STATEMENT_LIST, 1, type, strlen(type));
    check(self, finish(self, STATEMENT_LIST) > 2, "a list is empty");
  }
}

void raw_save_list(raw *self, GPtrArray *messages, const char *type) {
  for (guint i = 0; i < messages->len; i++) {
    finish(self, STATEMENT_BEGIN);
    bind_content(self, STATEMENT_SAVE_LIST, 1, g_ptr_array_index(messages, i));
    bind(self, STATEMENT_SAVE_LIST, 2, type, strlen(type));
    finish(self, STATEMENT_SAVE_LIST);
    commit(self);
  }
}

void raw_sync(raw *self, guint times) {
  for (guint i = 0; i < times; i++) {
    finish(self, STATEMENT_BEGIN);
    finish(self, STATEMENT_DELETE_ORPHANS);
    check(self, finish(self, STATEMENT_JOIN) > 0, "there is no status");
    commit(self);
  }
}
