/* What the parts of `database` share: its state, the life of the connection, and how SQLite's errors are told. */
#ifndef METAMANAGER_DATABASE_PRIVATE_H
#define METAMANAGER_DATABASE_PRIVATE_H

#include "database.h"
#include "wal_mark.h"

/* How long another program's lock is waited for, in milliseconds. */
#define DATABASE_BUSY_TIMEOUT 1000

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
  guint busy;           /* times in a row that a transaction could not begin because of another program's lock */
  int page_size;
  guint wal_pages; /* of the WAL's pages these are needed; 0 when all are in the database file too */
};

/* Sets *error to what SQLite says, with its code in the contract's terms, and returns that. */
int32_t database_fail(const database *self, struct edgecore_error *error, int result, const char *what);
/* The same where a statement does not depend on what anyone sends: it fits the tables that the host made, so they are damaged. */
int32_t database_fail_schema(const database *self, struct edgecore_error *error, int result, const char *what);

/* Opens the connection unless it is open. */
int32_t database_connect(database *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes it as it is, a failed commit at the end of the WAL included. */
void database_hang_up(database *self);
/* Opens it anew, without what a failed commit may have left. */
int32_t database_reconnect(database *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* *wal is NULL when it is not open. */
int database_find_wal(const database *self, sqlite3_file **wal) G_GNUC_WARN_UNUSED_RESULT;
/* The WAL goes back to where it was before a commit that failed. Otherwise that transaction, whose messages are answered with an
 * error, could be there again when the file is next opened. SQLITE_OK also when there was none. */
int database_cut_wal(database *self) G_GNUC_WARN_UNUSED_RESULT;
int database_prepare(database *self, const char *sql, sqlite3_stmt **statement) G_GNUC_WARN_UNUSED_RESULT;

#endif
