#include "play.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

const char *play_database(void) {
  static char *path;
  static char *bytes;
  static gsize size;

  if (path == NULL) {
    path = g_build_filename(fuzz_directory(), "edge.db", NULL);
    fake_database(path);
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK || sqlite3_close(db) != SQLITE_OK)
      g_error("%s: cannot be prepared", path);
    if (!g_file_get_contents(path, &bytes, &size, NULL))
      g_error("%s: cannot be read", path);
  }
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *shm = g_strconcat(path, "-shm", NULL);
  g_unlink(wal);
  g_unlink(shm);
  fuzz_write(path, bytes, size);
  return path;
}
