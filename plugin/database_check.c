#include "database_private.h"

#include "error.h"

#include <unistd.h>

static int32_t read_check(database *self, const char *sql, char **text, struct edgecore_error *error) {
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2(self->connection, sql, -1, &statement, NULL);

  if (result == SQLITE_OK)
    result = sqlite3_step(statement);
  int32_t code = result == SQLITE_ROW ? EDGECORE_OK : database_fail_schema(self, error, result, "cannot check");
  *text = code == EDGECORE_OK ? g_strdup((const char *)sqlite3_column_text(statement, 0)) : NULL;
  if (code == EDGECORE_OK && *text == NULL)
    code = database_fail(self, error, SQLITE_NOMEM, "cannot check");
  sqlite3_finalize(statement);
  return code;
}

int32_t database_check_header(database *self, guint32 application_id, guint32 version, struct edgecore_error *error) {
  const struct {
    const char *pragma;
    gint64 least;
    gint64 most;
  } numbers[] = {
      {"PRAGMA application_id", (gint32)application_id, (gint32)application_id},
      {"PRAGMA user_version", version, G_MAXINT32},
      /* With another encoding no key is found. */
      {"SELECT encoding = 'UTF-8' FROM pragma_encoding", 1, 1},
  };

  int32_t code = database_connect(self, error);
  for (guint i = 0; code == EDGECORE_OK && i < G_N_ELEMENTS(numbers); i++) {
    g_autofree char *text = NULL;
    code = read_check(self, numbers[i].pragma, &text, error);
    gint64 number = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (code == EDGECORE_OK && (number < numbers[i].least || number > numbers[i].most))
      code = error_set(error, EDGECORE_DAMAGED, "%s: %s gives %" G_GINT64_FORMAT,
                       number == 0 ? "its tables could not be brought up to date, or its header is wrong"
                                   : "its header is wrong",
                       numbers[i].pragma, number);
  }
  /* The number of a format that may only be read. */
  if (code == EDGECORE_OK && sqlite3_db_readonly(self->connection, "main") == 1 && access(self->path, W_OK) == 0)
    code = error_set(error, EDGECORE_DAMAGED, "its header is wrong: it may not be written");
  return code;
}

int32_t database_quick_check(database *self, const char *table, gint64 max_bytes, struct edgecore_error *error) {
  g_autofree char *sql =
      table == NULL ? g_strdup("PRAGMA quick_check(1)") : g_strdup_printf("PRAGMA quick_check(%s)", table);
  g_autofree char *size = NULL;
  g_autofree char *text = NULL;

  int32_t code = database_connect(self, error);
  if (code == EDGECORE_OK)
    code = read_check(self, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &size, error);
  if (code != EDGECORE_OK || g_ascii_strtoll(size, NULL, 10) > max_bytes)
    return code;
  code = read_check(self, sql, &text, error);
  return code != EDGECORE_OK || g_strcmp0(text, "ok") == 0 ? code : error_set(error, EDGECORE_DAMAGED, "%s", text);
}
