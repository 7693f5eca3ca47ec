#include "wanted.h"

#include "statements.h"

static int32_t run(store *rows, enum statement number, const char *key, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(store_database(rows), number, error);

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
  return database_run(store_database(rows), statement, NULL, error);
}

int32_t wanted_put(store *rows, const char *key, struct edgecore_error *error) {
  return run(rows, STATEMENT_WANTED_PUT, key, error);
}

int32_t wanted_drop(store *rows, const char *key, struct edgecore_error *error) {
  return run(rows, STATEMENT_WANTED_DROP, key, error);
}

int32_t wanted_read(store *rows, const char *after, guint limit, GPtrArray **keys, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(store_database(rows), STATEMENT_WANTED_READ, error);
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, limit);
  sqlite3_bind_text(statement, 2, after, -1, SQLITE_STATIC);
  for (;;) {
    gboolean row;
    int32_t code = database_step(store_database(rows), statement, &row, error);
    if (code != EDGECORE_OK)
      return code;
    if (!row)
      break;
    g_ptr_array_add(found, g_strdup((const char *)sqlite3_column_text(statement, 0)));
  }
  *keys = g_steal_pointer(&found);
  return EDGECORE_OK;
}
