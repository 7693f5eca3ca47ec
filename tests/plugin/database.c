#include "database_rig.h"

#include "fault_vfs.h"

#include <glib/gstdio.h>

TEST_CASE(Database, prepares_a_statement_once) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);
  sqlite3_stmt *first = database_statement(self, COUNT, &failure);

  require_not_null(first);
  check_int_eq(db_number(self, COUNT), 0);
  check_true(database_statement(self, COUNT, &failure) == first);
}

TEST_CASE(Database, says_why_a_statement_cannot_be_prepared) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  fixture_forget();
  check_null(database_statement(self, WRONG_SQL, &failure));
  check_contains(failure.text, "no such table: nowhere");
  check_contains(failure.text, path);
}

TEST_CASE(Database, a_write_is_seen_by_others_after_the_commit_only) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(db_insert(self, "b"));
  check_int_eq(db_number(self, COUNT), 2);
  check_rows(path, "SELECT count(*) FROM meta", "0");
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta", "2");
}

TEST_CASE(Database, a_commit_syncs_the_wal_once) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  file_vfs_install();
  for (guint i = 0; i < 20; i++) {
    g_autofree char *key = g_strdup_printf("key-%u", i);
    require_ok(db_insert(self, key));
  }
  require_ok(database_commit(self, &failure));
  check_int_eq(file_vfs_count(FILE_SYNC, "-wal"), 1);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
}

TEST_CASE(Database, a_turn_without_writes_costs_nothing) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  check_int_eq(db_number(self, COUNT), 0);
  file_vfs_install();
  check_int_eq(db_number(self, COUNT), 0);
  require_ok(database_commit(self, &failure));
  database_rollback(self);
  check_int_eq(file_vfs_count(FILE_SYNC, "-wal"), 0);
  check_int_eq(file_vfs_count(FILE_WRITE, "-wal"), 0);
}

TEST_CASE(Database, a_rollback_undoes_all_since_the_last_commit) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_ok(db_insert(self, "b"));
  require_ok(db_insert(self, "c"));
  database_rollback(self);
  check_int_eq(db_number(self, COUNT), 1);
  require_ok(db_insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT key FROM meta ORDER BY key", "a\nb");
}

TEST_CASE(Database, a_statement_that_fails_leaves_the_transaction_as_it_was) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  check_fails(db_insert(self, "a"), EDGECORE_INVALID, "UNIQUE constraint failed: meta.key");
  require_ok(db_insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT key FROM meta ORDER BY key", "a\nb");
}

TEST_CASE(Database, a_value_over_sqlites_limit_is_the_requests_fault) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);
  sqlite3_stmt *statement = database_statement(self, ECHO, &failure);
  gboolean row;

  sqlite3_bind_zeroblob64(statement, 1, 1000000000);
  sqlite3_limit(sqlite3_db_handle(statement), SQLITE_LIMIT_LENGTH, 1000);
  check_fails(database_step(self, statement, &row, &failure), EDGECORE_INVALID, "too big");
  check_false(row);
}

TEST_CASE(Database, a_disk_that_is_full_fails_the_commit_and_is_forgotten_when_it_is_not) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  file_vfs_fail(FILE_WRITE, "-wal", 0, 1, SQLITE_FULL);
  require_ok(db_insert(self, "b"));
  check_fails(database_commit(self, &failure), EDGECORE_IO, "full");
  check_int_eq(file_vfs_failed(), 1);
  check_int_eq(db_number(self, COUNT), 1);
  require_ok(db_insert(self, "c"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT key FROM meta ORDER BY key", "a\nc");
}

/* A transaction that does not fit into the cache is written before its commit; SQLite rolls it back when that fails,
 * and what comes next would be stored by itself. */
TEST_CASE(Database, what_follows_in_a_transaction_that_sqlite_has_ended_is_not_stored) {
  static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
  g_autofree char *large = g_strnfill(400000, 'k');

  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
    g_autofree char *path = fixture_database();
    g_autoptr(database) self = db_opened(path);
    int32_t code = EDGECORE_OK;
    test_note("fault %u", i);
    require_ok(db_insert(self, "before"));
    require_ok(database_commit(self, &failure));
    require_ok(db_insert(self, "first"));
    file_vfs_fail(FILE_WRITE, "-wal", 0, 1, codes[i]);
    for (guint j = 0; j < 20 && code == EDGECORE_OK; j++) {
      g_autofree char *key = g_strdup_printf("%u%s", j, large);
      code = db_insert(self, key);
    }
    check_int_eq(code, EDGECORE_IO);
    check_int_eq(file_vfs_failed(), 1);
    check_fails(db_insert(self, "next"), EDGECORE_IO, "the transaction has ended");
    check_fails(db_insert(self, "and the next"), EDGECORE_IO, "the transaction has ended");
    check_fails(database_commit(self, &failure), EDGECORE_IO, "cannot commit");
    check_rows(path, "SELECT key FROM meta", "before");
    require_ok(db_insert(self, "after"));
    require_ok(database_commit(self, &failure));
    check_rows(path, "SELECT key FROM meta ORDER BY key", "after\nbefore");
  }
}

TEST_CASE(Database, a_checkpoint_moves_the_wal_to_the_file) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  check_int_ge(database_wal_pages(self), 1);
  file_vfs_install();
  database_checkpoint(self);
  check_int_eq(database_wal_pages(self), 0);
  check_int_ge(file_vfs_count(FILE_WRITE, ".db"), 1);
  check_int_eq(file_vfs_count(FILE_SYNC, ".db"), 1);
  check_int_eq(db_number(self, COUNT), 1);
}

/* As it grows when a new opening follows each few commits: nothing starts it anew then. */
TEST_CASE(Database, a_checkpoint_cuts_a_long_wal) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autoptr(database) self = db_opened(path);
  struct stat status;

  for (guint i = 0; i < 2500; i++) {
    g_autofree char *key = g_strdup_printf("%05u%03900u", i, 0);
    require_ok(db_insert(self, key));
  }
  require_ok(database_commit(self, &failure));
  require_int_eq(stat(wal, &status), 0);
  check_int_ge(status.st_size, 2000 * 4096);
  database_checkpoint(self);
  require_int_eq(stat(wal, &status), 0);
  check_int_eq(status.st_size, 0);
  check_int_eq(database_wal_pages(self), 0);
  require_ok(db_insert(self, "after"));
  require_ok(database_commit(self, &failure));
  check_int_eq(db_number(self, COUNT), 2501);
}

/* SQLite would do so by itself after 1,000 pages. */
TEST_CASE(Database, no_commit_moves_the_wal_by_itself) {
  g_autofree char *path = fixture_database();
  g_autofree char *value = g_strnfill(5000000, 'v');
  g_autoptr(database) self = db_opened(path);

  file_vfs_install();
  sqlite3_stmt *statement = database_write(self, INSERT, &failure);
  require_not_null(statement);
  sqlite3_bind_text(statement, 1, "large", -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
  require_ok(database_run(self, statement, NULL, &failure));
  require_ok(database_commit(self, &failure));
  check_int_ge(database_wal_pages(self), 1200);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
}

TEST_CASE(Database, a_checkpoint_that_fails_is_logged_and_loses_nothing) {
  static const struct {
    enum file_call call;
    int code;
  } faults[] = {{FILE_WRITE, SQLITE_FULL}, {FILE_WRITE, SQLITE_IOERR_WRITE}, {FILE_SYNC, SQLITE_IOERR_FSYNC}};
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autofree char *key = g_strdup_printf("key-%u", i);
    test_note("fault %u", i);
    fixture_log_clear();
    require_ok(db_insert(self, key));
    require_ok(database_commit(self, &failure));
    file_vfs_fail(faults[i].call, ".db", 0, 1, faults[i].code);
    database_checkpoint(self);
    check_int_eq(file_vfs_failed(), 1);
    file_vfs_heal();
    check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "cannot checkpoint"), 1);
    check_int_eq(db_number(self, COUNT), i + 1);
  }
  database_checkpoint(self);
  check_int_eq(database_wal_pages(self), 0);
  check_int_eq(db_number(self, COUNT), G_N_ELEMENTS(faults));
}

TEST_CASE(Database, a_checkpoint_waits_for_the_end_of_the_transaction) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_ok(db_insert(self, "b"));
  file_vfs_install();
  database_checkpoint(self);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta", "2");
}

TEST_CASE(Database, another_writer_makes_it_say_busy) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);
  sqlite3 *other = NULL;

  require_int_eq(sqlite3_open(path, &other), SQLITE_OK);
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_fails(db_insert(self, "a"), EDGECORE_IO, "locked");
  require_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
}

/* How often it asks for locks before it gives up. */
static guint64 lock_calls(database *self) {
  const guint64 before = fault_vfs_calls(FAULT_LOCK);

  check_fails(db_insert(self, "b"), EDGECORE_IO, "locked");
  return fault_vfs_calls(FAULT_LOCK) - before;
}

/* A turn has up to 256 messages: a second for each would be minutes without an answer to anybody. */
TEST_CASE(Database, a_lock_that_lasts_is_waited_for_twice_and_then_no_more) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);
  sqlite3 *other = NULL;

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_int_eq(sqlite3_open(path, &other), SQLITE_OK);
  sqlite3_db_config(other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_int_ge(lock_calls(self), 10);
  check_int_ge(lock_calls(self), 10);
  check_int_le(lock_calls(self), 5);
  check_int_le(lock_calls(self), 5);
  require_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  require_ok(db_insert(self, "c"));
  require_ok(database_commit(self, &failure));
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_int_ge(lock_calls(self), 10);
  sqlite3_close(other);
}
