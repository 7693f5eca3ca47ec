#include "database_rig.h"

static const char *const sql[] = {
    [INSERT] = "INSERT INTO meta(key, type, value) VALUES(?1, 'pod', ?2)",
    [COUNT] = "SELECT count(*) FROM meta",
    [JOURNAL_MODE] = "PRAGMA journal_mode",
    [SYNCHRONOUS] = "PRAGMA synchronous",
    [CHECKPOINT_PAGES] = "PRAGMA wal_autocheckpoint",
    [TRUSTED] = "PRAGMA trusted_schema",
    [CELL_CHECK] = "PRAGMA cell_size_check",
    [WRONG_SQL] = "SELECT a FROM nowhere",
    [TEMP_STORE] = "PRAGMA temp_store",
    [ECHO] = "SELECT ?1",
};

struct database_statements db_statements(void) {
  return (struct database_statements){.sql = sql, .count = G_N_ELEMENTS(sql)};
}

int32_t db_open(const char *path, database **out) {
  file_vfs_install();
  return database_open(path, db_statements(), NULL, NULL, fixture_log, NULL, out, &failure);
}

database *db_opened(const char *path) {
  database *self = NULL;

  if (db_open(path, &self) != EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

int32_t db_insert(database *self, const char *key) {
  sqlite3_stmt *statement = database_write(self, INSERT, &failure);

  if (statement == NULL)
    return failure.code;
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_TRANSIENT);
  sqlite3_bind_text(statement, 2, "{}", -1, SQLITE_STATIC);
  return database_run(self, statement, NULL, &failure);
}

gint64 db_number(database *self, guint statement_number) {
  sqlite3_stmt *statement = database_statement(self, statement_number, &failure);
  gboolean row = FALSE;

  if (statement == NULL || database_step(self, statement, &row, &failure) != EDGECORE_OK || !row)
    return -1;
  gint64 result = sqlite3_column_int64(statement, 0);
  sqlite3_reset(statement);
  return result;
}
