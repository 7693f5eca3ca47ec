/* What the checksum of each row costs a query by key: the same statement, read and quoted as the plugin does, with the sum compared and
 * without. No host and no message is in it, so it is a smaller part of a whole query. */
#include "bench.h"
#include "load.h"
#include "text.h"

#include <sqlite3.h>
#include <string.h>

#define KEYS 1000
#define QUERIES 40000

struct checksum {
  const struct bench *bench;
  sqlite3 *connection;
  sqlite3_stmt *with_sum;
  sqlite3_stmt *without;
  GString *answer;
};

static void check(const struct checksum *self, gboolean held) {
  if (!held)
    bench_fail("checksum: %s", sqlite3_errmsg(self->connection));
}

/* Reads the row, as its reader needs it in any case; whether it is what its checksum says, if it has one. */
static gboolean read_row(const struct checksum *self, sqlite3_stmt *statement) {
  const char *texts[3];
  gsize sizes[3];

  for (int i = 0; i < 3; i++) {
    texts[i] = (const char *)sqlite3_column_text(statement, i);
    sizes[i] = (gsize)sqlite3_column_bytes(statement, i);
    if (texts[i] == NULL)
      return FALSE;
  }
  return statement == self->without ||
         text_sum(texts[0], sizes[0], texts[1], sizes[1], texts[2], sizes[2]) == sqlite3_column_int64(statement, 3);
}

static double query(const struct checksum *self, sqlite3_stmt *statement) {
  guint count = bench_count(self->bench, QUERIES);
  gint64 start = g_get_monotonic_time();

  for (guint i = 0; i < count; i++) {
    char key[64];
    g_snprintf(key, sizeof key, "default/configmap/app-%u", i * 7 % KEYS);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    check(self, sqlite3_step(statement) == SQLITE_ROW);
    check(self, read_row(self, statement));
    g_string_assign(self->answer, "[");
    text_append_quoted(self->answer, (const char *)sqlite3_column_text(statement, 2),
                       (gsize)sqlite3_column_bytes(statement, 2));
    sqlite3_reset(statement);
  }
  return bench_rate(count, start);
}

static double query_ours(void *data, guint round) {
  const struct checksum *self = data;

  (void)round;
  return query(self, self->with_sum);
}

static double query_raw(void *data, guint round) {
  const struct checksum *self = data;

  (void)round;
  return query(self, self->without);
}

static void fill(const struct checksum *self) {
  g_autoptr(GPtrArray) messages = load_new(&(struct load){
      .source = "edgecontroller", .operation = "update", .type = "configmap", .keys = KEYS, .count = KEYS});
  sqlite3_stmt *insert = NULL;

  check(self, sqlite3_prepare_v2(self->connection, "INSERT INTO meta VALUES(?1, 'configmap', ?2, ?3)", -1, &insert,
                                 NULL) == SQLITE_OK);
  check(self, sqlite3_exec(self->connection, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
  for (guint i = 0; i < messages->len; i++) {
    const struct edgecore_message_fields *message = message_read(g_ptr_array_index(messages, i));
    sqlite3_bind_text(insert, 1, message->resource, -1, SQLITE_STATIC);
    sqlite3_bind_text64(insert, 2, message->content, message->content_size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(insert, 3,
                       text_sum(message->resource, strlen(message->resource), "configmap", strlen("configmap"),
                                message->content, message->content_size));
    check(self, sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
  }
  check(self, sqlite3_exec(self->connection, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_finalize(insert);
}

void bench_checksum(const struct bench *self) {
  static const struct bench_row row = {"checksum of a key query", "queries/s", ">= 0.9", query_ours, query_raw};
  g_autofree char *path = bench_path(self, "checksum.db");
  struct checksum checksum = {.bench = self, .answer = g_string_new(NULL)};

  check(&checksum, sqlite3_open(path, &checksum.connection) == SQLITE_OK);
  check(&checksum,
        sqlite3_exec(checksum.connection,
                     "PRAGMA journal_mode=WAL; PRAGMA cache_size=-1024; CREATE TABLE meta(key varchar(256) NOT"
                     " NULL PRIMARY KEY, type varchar(32) NOT NULL DEFAULT '', value text, sum INTEGER)",
                     NULL, NULL, NULL) == SQLITE_OK);
  check(&checksum, sqlite3_prepare_v3(checksum.connection, "SELECT ?1, type, value, sum FROM meta WHERE key = ?1", -1,
                                      SQLITE_PREPARE_PERSISTENT, &checksum.with_sum, NULL) == SQLITE_OK &&
                       sqlite3_prepare_v3(checksum.connection, "SELECT ?1, type, value FROM meta WHERE key = ?1", -1,
                                          SQLITE_PREPARE_PERSISTENT, &checksum.without, NULL) == SQLITE_OK);
  fill(&checksum);
  bench_row(self, &row, &checksum);
  sqlite3_finalize(checksum.with_sum);
  sqlite3_finalize(checksum.without);
  sqlite3_close(checksum.connection);
  g_string_free(checksum.answer, TRUE);
}
