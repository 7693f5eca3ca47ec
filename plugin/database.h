/* The one connection to the database: open and close, prepared statements, one transaction at a time, checkpoints. Knows no table.
 *
 * Durability is WAL with synchronous=FULL: when database_commit returns EDGECORE_OK, the data is on the disk. Module thread only. */
#ifndef METAMANAGER_DATABASE_H
#define METAMANAGER_DATABASE_H

#include <edgecore/plugin.h>
#include <glib.h>
#include <sqlite3.h>

typedef struct database database;

/* Where the database reports what nobody asked for, such as a checkpoint that fails. */
typedef void database_log_fn(int32_t level, const char *text, void *data);

/* The SQL of the statements that its users prepare, by number; constant for the life of the plugin. */
struct database_statements {
  const char *const *sql;
  guint count;
};

/* Opens an existing file. `setup` (or NULL) is run on each new connection, also after a reopen. */
int32_t database_open(const char *path, struct database_statements statements,
                      int32_t (*setup)(sqlite3 *connection, void *data, struct edgecore_error *error), void *setup_data,
                      database_log_fn *log, void *log_data, database **out,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Leaves the WAL as it is, so that it is quick. NULL is ignored. */
void database_close(database *self);

/* The statement, prepared, reset and without bindings; NULL and *error when it cannot be had. Owned by the database. */
sqlite3_stmt *database_statement(database *self, guint number, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Until the next commit or roll-back, statements that read share one snapshot: taking its locks costs as much as a read by key. */
void database_share_reads(database *self);
/* As database_statement, for a write: begins the transaction when none is open. */
sqlite3_stmt *database_write(database *self, guint number, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Steps once. EDGECORE_OK: a row is there, or (*row FALSE) it is done and reset. EDGECORE_DAMAGED: SQLite found damage
 * in the file, or the disk cannot read it, perhaps for a moment only: SQLite does not always tell which. On failure it
 * is reset, and the error says what SQLite said. */
int32_t database_step(database *self, sqlite3_stmt *statement, gboolean *row,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Runs a statement that gives no rows. *changed (or NULL) is the number of rows changed. */
int32_t database_run(database *self, sqlite3_stmt *statement, gint64 *changed,
                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes sure that what can be read is on the disk for good, so that it may be acknowledged without being written again. It is, once
 * this connection has committed; but what is found at the opening may be what a killed process could not sync. Each write does it. */
int32_t database_settle(database *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the transaction, if one is open. On failure everything is rolled back, and cut off the WAL, so that it cannot come back; then the
 * connection is opened anew, because a failed sync may not be repeated in place. */
int32_t database_commit(database *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void database_rollback(database *self);
/* Rolls back and opens the connection anew, without what it remembers of the file. A failure is logged; each use tries
 * again. */
void database_reopen(database *self);
/* Closes the connection; the next use opens it again. For a repair of the file. */
void database_disconnect(database *self);
/* EDGECORE_DAMAGED when the header does not say these numbers (of `version`, or a later one). */
int32_t database_check_header(database *self, guint32 application_id, guint32 version,
                              struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Looks at the structure of the whole file, or of one table (its name is made part of SQL). EDGECORE_DAMAGED when something is wrong
 * with it. SQLite cannot be stopped in it, so a larger file than `max_bytes` is not looked at. */
int32_t database_quick_check(database *self, const char *table, gint64 max_bytes,
                             struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Pages in the WAL that are not yet in the database file. */
guint database_wal_pages(const database *self);
/* Moves them there. A failure is logged, not returned: nothing is lost by it, and the next one does it again. */
void database_checkpoint(database *self);

/* Gives back the memory of pages that are not in use. */
void database_release_memory(database *self);

#endif
