#include "database_private.h"

#include "error.h"

/* After a checkpoint, a WAL with more pages than this is cut at once: each opening reads all of it. */
#define WAL_PAGES_LONG 2000
/* How often in a row another program's lock is waited for. */
#define BUSY_WAITS 2

/* Whether SQLite failed at the disk or at what is on it. */
static gboolean is_of_disk(int result) {
  static const int codes[] = {SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CANTOPEN};

  for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
    if ((result & 0xff) == codes[i])
      return TRUE;
  return FALSE;
}

static void reset_all(database *self) {
  for (guint i = 0; i < self->sql.count; i++)
    sqlite3_reset(self->prepared[i]);
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
  int32_t code = database_connect(self, error);
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
  if (database_cut_wal(self) != SQLITE_OK)
    self->log(EDGECORE_LOG_WARNING, "closed with a failed commit at the end of the WAL: it may come back",
              self->log_data);
  database_hang_up(self);
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
  if (database_connect(self, error) != EDGECORE_OK)
    return NULL;

  sqlite3_stmt **slot = &self->prepared[number];
  if (*slot != NULL) {
    sqlite3_reset(*slot);
    return *slot;
  }
  int result = database_prepare(self, self->sql.sql[number], slot);
  if (result != SQLITE_OK)
    database_fail_schema(self, error, result, "cannot prepare a statement");
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

/* Commits that are each followed by a new opening would let it grow for ever, as no connection lives to start it anew. Another
 * reader may be in the way; it is not waited for. */
static int shorten_wal(database *self) {
  sqlite3_busy_timeout(self->connection, 0);
  int result = sqlite3_wal_checkpoint_v2(self->connection, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  sqlite3_busy_timeout(self->connection, DATABASE_BUSY_TIMEOUT);
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

/* All that is in the WAL is on the disk. A reader that keeps a checkpoint from its work keeps it from that as well, without an error. */
static int make_safe(database *self) {
  sqlite3_file *wal = NULL;
  int result = checkpoint(self);

  if (result == SQLITE_OK && self->wal_pages > 0)
    result = database_find_wal(self, &wal);
  return result == SQLITE_OK && wal != NULL ? wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) : result;
}

int32_t database_settle(database *self, struct edgecore_error *error) {
  int32_t code = EDGECORE_OK;

  if (self->in_transaction)
    return EDGECORE_OK;
  if (self->connection != NULL && (self->is_doubtful || self->is_stale))
    code = database_reconnect(self, error);
  else if (self->connection == NULL)
    code = database_connect(self, error);
  if (code != EDGECORE_OK || self->is_settled)
    return code;
  int result = make_safe(self);
  self->is_settled = result == SQLITE_OK;
  self->is_stale |= is_of_disk(result);
  return self->is_settled ? EDGECORE_OK
                          : database_fail(self, error, result, "cannot make safe what was found in the WAL");
}

/* A lock that was waited for twice is not waited for again: behind the one message are as many as a turn has. */
static int begin(database *self) {
  sqlite3_busy_timeout(self->connection, self->busy < BUSY_WAITS ? DATABASE_BUSY_TIMEOUT : 0);
  int result = run_once(self->begin);
  self->busy = (result & 0xff) == SQLITE_BUSY ? MIN(self->busy + 1, BUSY_WAITS) : 0;
  return result;
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
    database_fail(self, error, SQLITE_ABORT, "the transaction has ended");
    return NULL;
  }
  end_read(self);
  int result = begin(self);
  if (result != SQLITE_OK) {
    database_fail(self, error, result, "cannot begin a transaction");
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
  int32_t code = database_fail(self, error, result, "");
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
  int32_t code = database_fail(self, error, result, "cannot commit");
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
  if ((self->is_doubtful || self->is_stale) && database_reconnect(self, &error) != EDGECORE_OK)
    self->log(EDGECORE_LOG_ERROR, error.text, self->log_data);
}

void database_reopen(database *self) {
  self->is_stale = self->connection != NULL;
  database_rollback(self);
}

void database_disconnect(database *self) {
  database_rollback(self);
  database_hang_up(self);
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
  database_fail(self, &error, result, "cannot checkpoint");
  self->log(EDGECORE_LOG_WARNING, error.text, self->log_data);
  self->is_stale |= is_of_disk(result);
}
