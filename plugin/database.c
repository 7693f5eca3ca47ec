#include "database.h"

#include "error.h"
#include "wal_mark.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The WAL file is cut back to this many bytes after a checkpoint, should it have grown over it. */
#define WAL_KEPT_BYTES "8388608"
/* Of the WAL's file format. */
#define WAL_HEADER 32
#define WAL_FRAME_HEADER 24
/* After a checkpoint, a WAL with more pages than this is cut at once: each opening reads all of it. */
#define WAL_PAGES_LONG 2000
/* How long another program's lock is waited for, in milliseconds. */
#define BUSY_TIMEOUT 1000

struct database {
  char *path;
  sqlite3 *connection; /* NULL after a reopen that failed: each use tries again */
  struct database_statements sql;
  sqlite3_stmt **prepared;
  sqlite3_stmt *begin;
  sqlite3_stmt *begin_read;
  sqlite3_stmt *commit;
  int32_t (*setup)(sqlite3 *connection, void *data, struct edgecore_error *error);
  void *setup_data;
  database_log_fn *log;
  void *log_data;
  wal_mark *mark;
  gboolean in_transaction; /* one that writes */
  gboolean shares_reads;
  gboolean is_reading;  /* in a transaction that only reads */
  gboolean is_settled;  /* what was found when it was opened is on the disk for sure, and in the database file */
  gboolean is_doubtful; /* the WAL may end in a transaction whose commit failed */
  gboolean is_stale;    /* the connection met an error that it may have kept traces of */
  int page_size;
  guint wal_pages; /* of the WAL's pages these are needed; 0 when all are in the database file too */
  guint epoch;
};

/* A sector that is bad, or a disk that is gone for a moment. EIO comes as the second, or, from within a statement, as
 * SQLITE_CORRUPT. */
static gboolean cannot_read(int result) {
  return result == SQLITE_IOERR_READ || result == SQLITE_IOERR_CORRUPTFS;
}

static int32_t fail(const database *self, struct edgecore_error *error, int result, const char *what) {
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

/* The same where a statement does not depend on what anyone sends: it fits the tables that the host made, so they are damaged. */
static int32_t fail_schema(const database *self, struct edgecore_error *error, int result, const char *what) {
  int32_t code = fail(self, error, result, what);

  if (result != SQLITE_ERROR)
    return code;
  if (error != NULL)
    error->code = EDGECORE_DAMAGED;
  return EDGECORE_DAMAGED;
}

/* Whether SQLite failed at the disk or at what is on it. */
static gboolean is_of_disk(int result) {
  static const int codes[] = {SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CANTOPEN};

  for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
    if ((result & 0xff) == codes[i])
      return TRUE;
  return FALSE;
}

static int on_wal(void *data, sqlite3 *connection, const char *name, int pages) {
  database *self = data;

  (void)connection;
  (void)name;
  self->wal_pages = (guint)pages;
  wal_mark_commit(self->mark, (guint)pages);
  return SQLITE_OK;
}

static void reset_all(database *self) {
  for (guint i = 0; i < self->sql.count; i++)
    sqlite3_reset(self->prepared[i]);
}

/* The WAL goes back to where it was before the commit that failed. Otherwise that transaction, whose messages are answered with an
 * error, could be there again when the file is next opened. */
static int cut_wal(database *self) {
  sqlite3_int64 end = WAL_HEADER + (sqlite3_int64)self->wal_pages * (WAL_FRAME_HEADER + self->page_size);
  sqlite3_int64 size = 0;
  sqlite3_file *wal = NULL;

  if (!self->is_doubtful || self->connection == NULL)
    return SQLITE_OK;
  int result = sqlite3_file_control(self->connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  if (result == SQLITE_OK && wal != NULL && wal->pMethods != NULL) {
    result = wal->pMethods->xFileSize(wal, &size);
    if (result == SQLITE_OK && size > end)
      result = wal->pMethods->xTruncate(wal, self->wal_pages > 0 ? end : 0);
    if (result == SQLITE_OK)
      result = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
  }
  self->is_doubtful = result != SQLITE_OK;
  return result;
}

static void disconnect(database *self) {
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

static int prepare(database *self, const char *sql, sqlite3_stmt **statement) {
  return sqlite3_prepare_v3(self->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int32_t connect(database *self, struct edgecore_error *error) {
  static const char pragmas[] = "PRAGMA journal_mode=WAL;"
                                "PRAGMA synchronous=FULL;"
                                "PRAGMA wal_autocheckpoint=0;"
                                "PRAGMA journal_size_limit=" WAL_KEPT_BYTES ";"
                                "PRAGMA cache_size=-1024;"
                                "PRAGMA temp_store=MEMORY;"
                                "PRAGMA trusted_schema=OFF;"
                                "PRAGMA cell_size_check=ON";
  static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const char *what = "cannot open";
  int result = sqlite3_open_v2(self->path, &self->connection, flags, NULL);

  if (result == SQLITE_OK) {
    sqlite3_busy_timeout(self->connection, BUSY_TIMEOUT);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    result = sqlite3_exec(self->connection, pragmas, NULL, NULL, NULL);
    if (result == SQLITE_OK)
      result = read_modes(self, &what);
    if (result == SQLITE_OK)
      result = prepare(self, "BEGIN IMMEDIATE", &self->begin);
    if (result == SQLITE_OK)
      result = prepare(self, "BEGIN", &self->begin_read);
    if (result == SQLITE_OK)
      result = prepare(self, "COMMIT", &self->commit);
  }
  if (result == SQLITE_OK) {
    self->mark = wal_mark_new(self->path);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_wal_hook(self->connection, on_wal, self);
    int32_t code = self->setup != NULL ? self->setup(self->connection, self->setup_data, error) : EDGECORE_OK;
    if (code != EDGECORE_OK)
      disconnect(self);
    return code;
  }
  int32_t code = fail_schema(self, error, result, what);
  disconnect(self);
  return code;
}

static int32_t ensure_connected(database *self, struct edgecore_error *error) {
  if (self->connection != NULL)
    return EDGECORE_OK;
  return connect(self, error);
}

int32_t database_open(const char *path, struct database_statements statements,
                      int32_t (*setup)(sqlite3 *connection, void *data, struct edgecore_error *error), void *setup_data,
                      database_log_fn *log, void *log_data, database **out, struct edgecore_error *error) {
  database *self = g_new0(database, 1);

  self->path = g_strdup(path);
  self->sql = statements;
  self->prepared = g_new0(sqlite3_stmt *, statements.count);
  self->setup = setup;
  self->setup_data = setup_data;
  self->log = log;
  self->log_data = log_data;
  int32_t code = connect(self, error);
  if (code != EDGECORE_OK) {
    database_close(self);
    return code;
  }
  *out = self;
  return EDGECORE_OK;
}

void database_close(database *self) {
  if (self == NULL)
    return;
  if (cut_wal(self) != SQLITE_OK)
    self->log(EDGECORE_LOG_WARNING, "closed with a failed commit at the end of the WAL: it may come back",
              self->log_data);
  disconnect(self);
  g_free(self->prepared);
  g_free(self->path);
  g_free(self);
}

/* SQLITE_OK, or why not. */
static int run_once(sqlite3_stmt *statement) {
  sqlite3_step(statement);
  return sqlite3_reset(statement);
}

static void end_read(database *self) {
  if (self->is_reading && run_once(self->commit) != SQLITE_OK)
    sqlite3_exec(self->connection, "ROLLBACK", NULL, NULL, NULL);
  self->is_reading = FALSE;
}

static sqlite3_stmt *find(database *self, guint number, struct edgecore_error *error) {
  if (ensure_connected(self, error) != EDGECORE_OK)
    return NULL;

  sqlite3_stmt **slot = &self->prepared[number];
  if (*slot != NULL) {
    sqlite3_reset(*slot);
    return *slot;
  }
  int result = prepare(self, self->sql.sql[number], slot);
  if (result != SQLITE_OK)
    fail_schema(self, error, result, "cannot prepare a statement");
  return *slot;
}

sqlite3_stmt *database_statement(database *self, guint number, struct edgecore_error *error) {
  sqlite3_stmt *statement = find(self, number, error);

  /* Should that fail, the statement reads by itself. */
  if (statement != NULL && self->shares_reads && !self->in_transaction && !self->is_reading)
    self->is_reading = run_once(self->begin_read) == SQLITE_OK;
  return statement;
}

void database_share_reads(database *self) {
  self->shares_reads = TRUE;
}

/* Opens it anew, without what a failed commit may have left. */
static int32_t reconnect(database *self, struct edgecore_error *error) {
  int result = cut_wal(self);

  if (result != SQLITE_OK)
    return fail(self, error, result, "cannot take back what a failed commit wrote");
  disconnect(self);
  self->epoch++;
  self->is_stale = FALSE;
  return connect(self, error);
}

/* Commits that are each followed by a new opening would let it grow for ever, as no connection lives to start it anew. Another
 * reader may be in the way; it is not waited for. */
static int shorten_wal(database *self) {
  sqlite3_busy_timeout(self->connection, 0);
  int result = sqlite3_wal_checkpoint_v2(self->connection, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  sqlite3_busy_timeout(self->connection, BUSY_TIMEOUT);
  return result == SQLITE_BUSY ? SQLITE_OK : result;
}

static int checkpoint(database *self) {
  int frames = -1;
  int done = -1;

  reset_all(self);
  end_read(self);
  int result = sqlite3_wal_checkpoint_v2(self->connection, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done);
  if (result != SQLITE_OK)
    return result;
  self->wal_pages = frames == done ? 0 : (guint)MAX(frames, 0);
  if (frames > 0)
    wal_mark_checkpoint(self->mark, (guint)frames, (guint)done);
  return frames == done && frames > WAL_PAGES_LONG ? shorten_wal(self) : SQLITE_OK;
}

int32_t database_settle(database *self, struct edgecore_error *error) {
  int32_t code = EDGECORE_OK;

  if (self->in_transaction)
    return EDGECORE_OK;
  if (self->connection != NULL && (self->is_doubtful || self->is_stale))
    code = reconnect(self, error);
  else if (self->connection == NULL)
    code = connect(self, error);
  if (code != EDGECORE_OK || self->is_settled)
    return code;
  int result = checkpoint(self);
  self->is_settled = result == SQLITE_OK;
  self->is_stale |= is_of_disk(result);
  return self->is_settled ? EDGECORE_OK : fail(self, error, result, "cannot make safe what was found in the WAL");
}

sqlite3_stmt *database_write(database *self, guint number, struct edgecore_error *error) {
  if (database_settle(self, error) != EDGECORE_OK)
    return NULL;
  sqlite3_stmt *statement = find(self, number, error);
  if (statement == NULL)
    return NULL;
  if (self->in_transaction && sqlite3_get_autocommit(self->connection) == 0)
    return statement;
  if (self->in_transaction) {
    /* SQLite has rolled back by itself; what comes now must not be stored without what came before. */
    fail(self, error, SQLITE_ABORT, "the transaction has ended");
    return NULL;
  }
  end_read(self);
  int result = run_once(self->begin);
  if (result != SQLITE_OK) {
    fail(self, error, result, "cannot begin a transaction");
    return NULL;
  }
  self->in_transaction = TRUE;
  return statement;
}

int32_t database_step(database *self, sqlite3_stmt *statement, gboolean *row, struct edgecore_error *error) {
  int result = sqlite3_step(statement);

  *row = result == SQLITE_ROW;
  if (result == SQLITE_ROW)
    return EDGECORE_OK;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement);
    return EDGECORE_OK;
  }
  int32_t code = fail(self, error, result, "");
  sqlite3_reset(statement);
  self->is_stale |= is_of_disk(result);
  return code;
}

int32_t database_run(database *self, sqlite3_stmt *statement, gint64 *changed, struct edgecore_error *error) {
  gboolean row;
  int32_t code;

  do
    code = database_step(self, statement, &row, error);
  while (code == EDGECORE_OK && row);
  if (changed != NULL)
    *changed = code == EDGECORE_OK ? sqlite3_changes64(self->connection) : 0;
  return code;
}

int32_t database_commit(database *self, struct edgecore_error *error) {
  end_read(self);
  self->shares_reads = FALSE;
  if (!self->in_transaction)
    return EDGECORE_OK;

  reset_all(self);
  int result = sqlite3_get_autocommit(self->connection) != 0 ? SQLITE_ABORT : run_once(self->commit);
  if (result == SQLITE_OK) {
    self->in_transaction = FALSE;
    return EDGECORE_OK;
  }
  int32_t code = fail(self, error, result, "cannot commit");
  /* A full disk has refused a page; anything else may have come when all of them were written. */
  self->is_doubtful = result != SQLITE_FULL && result != SQLITE_ABORT;
  database_rollback(self);
  return code;
}

void database_rollback(database *self) {
  struct edgecore_error error = ERROR_INIT;

  end_read(self);
  self->shares_reads = FALSE;
  if (self->connection == NULL)
    return;
  reset_all(self);
  /* SQLite may have rolled back by itself, after a full disk for one. */
  if (self->in_transaction && sqlite3_get_autocommit(self->connection) == 0 &&
      sqlite3_exec(self->connection, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
    self->is_stale = TRUE;
  self->in_transaction = FALSE;
  if ((self->is_doubtful || self->is_stale) && reconnect(self, &error) != EDGECORE_OK)
    self->log(EDGECORE_LOG_ERROR, error.text, self->log_data);
}

void database_reopen(database *self) {
  self->is_stale = self->connection != NULL;
  database_rollback(self);
}

void database_disconnect(database *self) {
  database_rollback(self);
  disconnect(self);
  self->epoch++;
}

static int32_t read_check(database *self, const char *sql, char **text, struct edgecore_error *error) {
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2(self->connection, sql, -1, &statement, NULL);

  if (result == SQLITE_OK)
    result = sqlite3_step(statement);
  int32_t code = result == SQLITE_ROW ? EDGECORE_OK : fail_schema(self, error, result, "cannot check");
  *text = code == EDGECORE_OK ? g_strdup((const char *)sqlite3_column_text(statement, 0)) : NULL;
  if (code == EDGECORE_OK && *text == NULL)
    code = fail(self, error, SQLITE_NOMEM, "cannot check");
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

  int32_t code = ensure_connected(self, error);
  for (guint i = 0; code == EDGECORE_OK && i < G_N_ELEMENTS(numbers); i++) {
    g_autofree char *text = NULL;
    code = read_check(self, numbers[i].pragma, &text, error);
    gint64 number = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (code == EDGECORE_OK && (number < numbers[i].least || number > numbers[i].most))
      code = error_set(error, EDGECORE_DAMAGED, "its header is wrong: %s gives %" G_GINT64_FORMAT, numbers[i].pragma,
                       number);
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

  int32_t code = ensure_connected(self, error);
  if (code == EDGECORE_OK)
    code = read_check(self, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &size, error);
  if (code != EDGECORE_OK || g_ascii_strtoll(size, NULL, 10) > max_bytes)
    return code;
  code = read_check(self, sql, &text, error);
  return code != EDGECORE_OK || g_strcmp0(text, "ok") == 0 ? code : error_set(error, EDGECORE_DAMAGED, "%s", text);
}

guint database_epoch(const database *self) {
  return self->epoch;
}

guint database_wal_pages(const database *self) {
  return self->wal_pages;
}

void database_release_memory(database *self) {
  if (self->connection != NULL)
    sqlite3_db_release_memory(self->connection);
}

void database_checkpoint(database *self) {
  struct edgecore_error error = ERROR_INIT;

  if (self->connection == NULL || self->in_transaction)
    return;
  int result = checkpoint(self);
  if (result == SQLITE_OK)
    return;
  fail(self, &error, result, "cannot checkpoint");
  self->log(EDGECORE_LOG_WARNING, error.text, self->log_data);
  self->is_stale |= is_of_disk(result);
}
