/* A damaged file, as the plugin mends it: every record that is found in it, and then the repair, whose fresh file must be whole. */
#include "fuzz.h"
#include "repair.h"
#include "salvage.h"

#include <glib/gstdio.h>

/* Every byte is looked at, so that one which is not there is noticed. */
static void touch(const struct salvage_record *record, void *data) {
  guint *sum = data;

  if (record->column_count == 0 || record->column_count > SALVAGE_COLUMNS_MAX)
    fuzz_fail("a record of %u columns", record->column_count);
  for (guint i = 0; i < record->column_count; i++) {
    const struct salvage_column *column = &record->columns[i];
    if ((column->kind == SALVAGE_TEXT || column->kind == SALVAGE_BLOB) != (column->bytes != NULL))
      fuzz_fail("column %u of kind %d has bytes, or has none", i, (int)column->kind);
    for (gsize at = 0; at < column->size; at++)
      *sum += (guint)column->bytes[at];
  }
}

static void look(int32_t level, const char *text, void *data) {
  (void)data;
  if (level < EDGECORE_LOG_DEBUG || level > EDGECORE_LOG_ERROR || !g_utf8_validate(text, -1, NULL))
    fuzz_fail("the log is not UTF-8: %s", text);
}

static void check_whole(const char *path) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;

  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW || g_strcmp0((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
    fuzz_fail("what was mended is damaged: %s", sqlite3_errmsg(db));
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct edgecore_error error = {.size = sizeof error};
  volatile guint sum = 0;

  fuzz_begin();
  g_autofree char *path = fuzz_write_database(data, size);
  image *pages = NULL;
  if (image_open(path, TRUE, &pages, &error) != EDGECORE_OK)
    fuzz_fail("cannot be looked at: %s", error.text);
  guint found = salvage_each(pages, touch, (void *)&sum);
  if (found > image_page_count(pages))
    fuzz_fail("%u pages of %u have records", found, image_page_count(pages));
  image_close(pages);

  if (repair_database(path, TRUE, "fuzzed", look, NULL, &error) == EDGECORE_OK)
    check_whole(path);
  else if (error.text[0] == '\0' || !g_utf8_validate(error.text, -1, NULL))
    fuzz_fail("refused with an error that is no text: %s", error.text);
  return 0;
}
