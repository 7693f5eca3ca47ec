#include "fixture.h"

#include "fake_core.h"
#include "file_vfs.h"
#include "secret.h"

#include <string.h>

struct edgecore_error failure = ERROR_INIT;

static struct {
  int32_t level;
  char *text;
} lines[4096];
static guint line_count;

/* The proofs of power cuts are elsewhere; waiting for the disk is most of what these tests would do. */
__attribute__((constructor)) static void skip_syncs(void) {
  file_vfs_install();
  file_vfs_set_syncing(FALSE);
}

void fixture_forget(void) {
  failure = (struct edgecore_error)ERROR_INIT;
}

bool fixture_check(const char *file, int line, const char *what, int32_t got, int32_t want, const char *part) {
  if (got != want)
    return test_that(false, file, line, "%s\n  gave: %d \"%s\"\n  want: %d", what, got, failure.text, want);
  if (want != EDGECORE_OK && failure.code != want)
    return test_that(false, file, line, "%s\n  gave %d, but its error says %d \"%s\"", what, got, failure.code,
                     failure.text);
  return part == NULL || test_contains(file, line, what, failure.text, part, true);
}

void fixture_log(int32_t level, const char *text, void *data) {
  (void)data;
  g_assert(line_count < G_N_ELEMENTS(lines));
  secret_check_line(level, text);
  lines[line_count].level = level;
  lines[line_count++].text = g_strdup(text);
}

guint fixture_logged(int32_t level, const char *part) {
  guint count = 0;

  for (guint i = 0; i < line_count; i++)
    count += lines[i].level == level && strstr(lines[i].text, part) != NULL;
  return count;
}

void fixture_log_clear(void) {
  while (line_count > 0)
    g_free(lines[--line_count].text);
}

static char *next_name(void) {
  static guint count;

  return g_strdup_printf("edge-%u.db", ++count);
}

/* The host makes it once; the others are copies, for its syncs take long. */
char *fixture_database(void) {
  static char *bytes;
  static gsize size;
  g_autofree char *name = next_name();

  fixture_log_clear();
  if (bytes == NULL) {
    char *path = test_path(name);
    fake_database(path);
    if (!g_file_get_contents(path, &bytes, &size, NULL))
      g_error("%s: cannot be read", path);
    return path;
  }
  return test_file(name, bytes, (gssize)size);
}

char *fixture_upstream_database(void) {
  g_autofree char *name = next_name();
  g_autofree char *bytes = NULL;
  gsize size = 0;

  fixture_log_clear();
  if (!g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL))
    g_error("upstream's database is not there");
  char *path = test_file(name, bytes, (gssize)size);
  fake_database(path);
  return path;
}

static sqlite3 *open_outside(const char *path) {
  sqlite3 *connection = NULL;

  if (sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    g_error("%s: %s", path, sqlite3_errmsg(connection));
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_wal_autocheckpoint(connection, 0);
  return connection;
}

void fixture_run(const char *path, const char *sql) {
  sqlite3 *connection = open_outside(path);

  if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error("%s: %s", sql, sqlite3_errmsg(connection));
  sqlite3_close(connection);
}

char *fixture_rows(const char *path, const char *sql) {
  GString *rows = g_string_new(NULL);
  sqlite3 *connection = open_outside(path);
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK)
    g_error("%s: %s", sql, sqlite3_errmsg(connection));
  int result;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    if (rows->len > 0)
      g_string_append_c(rows, '\n');
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
      const char *text = (const char *)sqlite3_column_text(statement, i);
      g_string_append_printf(rows, "%s%s", i > 0 ? "|" : "", text != NULL ? text : "NULL");
    }
  }
  if (result != SQLITE_DONE)
    g_error("%s: %s", sql, sqlite3_errmsg(connection));
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return g_string_free(rows, FALSE);
}

void fixture_check_rows(const char *file, int line, const char *path, const char *sql, const char *want) {
  g_autofree char *got = fixture_rows(path, sql);

  test_str(file, line, sql, "what is wanted", got, want);
}

store *fixture_store(const char *path) {
  store *rows = NULL;

  if (store_open(path, fixture_log, NULL, &rows, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  return rows;
}

void fixture_commit(store *rows) {
  if (database_commit(store_database(rows), &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

struct store_row fixture_row(const char *key, const char *type, const char *value) {
  return (struct store_row){.key = key, .type = type, .value = value, .value_size = strlen(value)};
}
