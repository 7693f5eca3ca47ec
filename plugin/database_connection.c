#include "database_private.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

/* The WAL file is cut back to this many bytes after a checkpoint, should it have grown over it. */
#define WAL_KEPT_BYTES "8388608"
/* Of the WAL's file format. */
#define WAL_HEADER 32
#define WAL_FRAME_HEADER 24

/* A sector that is bad, or a disk that is gone for a moment. EIO comes as the second, or, from within a statement, as
 * SQLITE_CORRUPT. */
static gboolean cannot_read(int result) {
  return result == SQLITE_IOERR_READ || result == SQLITE_IOERR_CORRUPTFS;
}

int32_t database_fail(const database *self, struct edgecore_error *error, int result, const char *what) {
  gboolean is_last = self->connection != NULL && sqlite3_extended_errcode(self->connection) == result;
  const char *why = is_last ? sqlite3_errmsg(self->connection) : sqlite3_errstr(result);
  int32_t code = cannot_read(result) ? EDGECORE_DAMAGED : EDGECORE_IO;

  switch (result & 0xff) {
  case SQLITE_NOMEM:
    code = EDGECORE_NO_MEMORY;
    break;
  case SQLITE_CONSTRAINT:
  case SQLITE_ERROR:
  case SQLITE_TOOBIG:
    code = EDGECORE_INVALID;
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    code = EDGECORE_DAMAGED;
    break;
  default:
    break;
  }
  return error_set(error, code, "%s%s%s (%d), database %s", what, *what != '\0' ? ": " : "", why, result, self->path);
}

int32_t database_fail_schema(const database *self, struct edgecore_error *error, int result, const char *what) {
  int32_t code = database_fail(self, error, result, what);

  if (result != SQLITE_ERROR)
    return code;
  if (error != NULL)
    error->code = EDGECORE_DAMAGED;
  return EDGECORE_DAMAGED;
}

static int on_wal(void *data, sqlite3 *connection, const char *name, int pages) {
  database *self = data;

  (void)connection;
  (void)name;
  self->wal_pages = (guint)pages;
  wal_mark_commit(self->mark, (guint)pages);
  return SQLITE_OK;
}

int database_find_wal(const database *self, sqlite3_file **wal) {
  int result = sqlite3_file_control(self->connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, wal);

  if (result == SQLITE_OK && *wal != NULL && (*wal)->pMethods == NULL)
    *wal = NULL;
  return result;
}

int database_cut_wal(database *self) {
  sqlite3_int64 end = WAL_HEADER + (sqlite3_int64)self->wal_pages * (WAL_FRAME_HEADER + self->page_size);
  sqlite3_int64 size = 0;
  sqlite3_file *wal = NULL;

  if (!self->is_doubtful || self->connection == NULL)
    return SQLITE_OK;
  int result = database_find_wal(self, &wal);
  if (result == SQLITE_OK && wal != NULL) {
    result = wal->pMethods->xFileSize(wal, &size);
    if (result == SQLITE_OK && size > end)
      result = wal->pMethods->xTruncate(wal, self->wal_pages > 0 ? end : 0);
    if (result == SQLITE_OK)
      result = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
  }
  self->is_doubtful = result != SQLITE_OK;
  return result;
}

void database_hang_up(database *self) {
  g_clear_pointer(&self->mark, wal_mark_free);
  for (guint i = 0; i < self->sql.count; i++)
    sqlite3_finalize(g_steal_pointer(&self->prepared[i]));
  sqlite3_finalize(g_steal_pointer(&self->begin));
  sqlite3_finalize(g_steal_pointer(&self->begin_read));
  sqlite3_finalize(g_steal_pointer(&self->commit));
  sqlite3_close(g_steal_pointer(&self->connection));
  self->in_transaction = self->is_reading = FALSE;
  self->is_settled = FALSE;
}

/* The first column of the first row of a pragma, as text, into `value`. */
static int read_pragma(sqlite3 *connection, const char *sql, char *value, gsize size) {
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL);

  if (result == SQLITE_OK)
    result = sqlite3_step(statement);
  const char *text = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
  if (text != NULL)
    g_strlcpy(value, text, size);
  else if (result == SQLITE_ROW)
    result = SQLITE_NOMEM;
  sqlite3_finalize(statement);
  return text != NULL ? SQLITE_OK : result == SQLITE_DONE ? SQLITE_ERROR : result;
}

/* Asked for, WAL may be refused without an error; *what says so then. */
static int read_modes(database *self, const char **what) {
  char mode[16] = "";
  char page_size[16] = "";
  int result = read_pragma(self->connection, "PRAGMA journal_mode", mode, sizeof mode);

  if (result == SQLITE_OK)
    result = read_pragma(self->connection, "PRAGMA page_size", page_size, sizeof page_size);
  if (result != SQLITE_OK)
    return result;
  self->page_size = atoi(page_size);
  if (strcmp(mode, "wal") == 0)
    return SQLITE_OK;
  *what = "cannot open: there can be no WAL on its file system, put it on another one";
  return SQLITE_PROTOCOL;
}

int database_prepare(database *self, const char *sql, sqlite3_stmt **statement) {
  return sqlite3_prepare_v3(self->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int32_t open_connection(database *self, struct edgecore_error *error) {
  static const char pragmas[] = "PRAGMA journal_mode=WAL;"
                                "PRAGMA synchronous=FULL;"
                                "PRAGMA wal_autocheckpoint=0;"
                                "PRAGMA journal_size_limit=" WAL_KEPT_BYTES ";"
                                "PRAGMA cache_size=-1024;"
                                "PRAGMA temp_store=MEMORY;"
                                "PRAGMA trusted_schema=OFF;"
                                "PRAGMA secure_delete=ON;"
                                "PRAGMA cell_size_check=ON";
  static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const char *what = "cannot open";
  int result = sqlite3_open_v2(self->path, &self->connection, flags, NULL);

  if (result == SQLITE_OK) {
    sqlite3_busy_timeout(self->connection, DATABASE_BUSY_TIMEOUT);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    result = sqlite3_exec(self->connection, pragmas, NULL, NULL, NULL);
    if (result == SQLITE_OK)
      result = read_modes(self, &what);
    if (result == SQLITE_OK)
      result = database_prepare(self, "BEGIN IMMEDIATE", &self->begin);
    if (result == SQLITE_OK)
      result = database_prepare(self, "BEGIN", &self->begin_read);
    if (result == SQLITE_OK)
      result = database_prepare(self, "COMMIT", &self->commit);
  }
  if (result == SQLITE_OK) {
    self->mark = wal_mark_new(self->path);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_wal_hook(self->connection, on_wal, self);
    int32_t code = self->setup != NULL ? self->setup(self->connection, self->setup_data, error) : EDGECORE_OK;
    if (code != EDGECORE_OK)
      database_hang_up(self);
    return code;
  }
  int32_t code = database_fail_schema(self, error, result, what);
  database_hang_up(self);
  return code;
}

int32_t database_connect(database *self, struct edgecore_error *error) {
  return self->connection != NULL ? EDGECORE_OK : open_connection(self, error);
}

int32_t database_reconnect(database *self, struct edgecore_error *error) {
  int result = database_cut_wal(self);

  if (result != SQLITE_OK)
    return database_fail(self, error, result, "cannot take back what a failed commit wrote");
  database_hang_up(self);
  self->is_stale = FALSE;
  return database_connect(self, error);
}
