#include "table.h"
#include "failure.h"
#include "step.h"
#include <sqlite3.h>

#define BUSY_MS 2000

static void append_column(GString *out, sqlite3_stmt *row, int column, const char *name) {
  const void *bytes = sqlite3_column_blob(row, column);

  if (sqlite3_column_type(row, column) == SQLITE_NULL) {
    g_string_append_printf(out, "\"%s\":null", name);
    return;
  }
  step_append_bytes(out, name, bytes, (gsize)sqlite3_column_bytes(row, column));
}

static int append_rows(GString *out, sqlite3_stmt *row) {
  gboolean is_first = TRUE;
  int code;

  while ((code = sqlite3_step(row)) == SQLITE_ROW) {
    g_string_append(out, is_first ? "{" : ",{");
    append_column(out, row, 0, "key");
    g_string_append_c(out, ',');
    append_column(out, row, 1, "type");
    g_string_append_c(out, ',');
    append_column(out, row, 2, "value");
    g_string_append_c(out, '}');
    is_first = FALSE;
  }
  return code;
}

/* SQLITE_DONE or an error. */
static int append_table(GString *out, sqlite3 *connection) {
  sqlite3_stmt *row = NULL;
  int code = sqlite3_prepare_v2(connection, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'", -1,
                                &row, NULL);

  if (code == SQLITE_OK)
    code = sqlite3_step(row);
  sqlite3_finalize(row);
  if (code != SQLITE_ROW)
    return code;
  code = sqlite3_prepare_v2(connection, "SELECT key, type, value FROM meta ORDER BY key", -1, &row, NULL);
  if (code == SQLITE_OK)
    code = append_rows(out, row);
  sqlite3_finalize(row);
  return code;
}

gboolean table_append(GString *out, const char *database, GError **error) {
  sqlite3 *connection = NULL;
  int code = sqlite3_open_v2(database, &connection, SQLITE_OPEN_READONLY, NULL);

  g_string_append_c(out, '[');
  if (code == SQLITE_OK) {
    sqlite3_busy_timeout(connection, BUSY_MS);
    code = append_table(out, connection);
  }
  g_string_append_c(out, ']');
  if (code != SQLITE_DONE)
    g_set_error(error, HOST_ERROR, EDGECORE_IO, "%s: %s", database,
                connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
  sqlite3_close(connection);
  return code == SQLITE_DONE;
}
