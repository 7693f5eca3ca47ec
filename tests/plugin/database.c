#include "database.h"

#include "fault_vfs.h"
#include "file_vfs.h"
#include "fixture.h"
#include "model.h"

#include <glib/gstdio.h>

enum { INSERT, COUNT, JOURNAL_MODE, SYNCHRONOUS, CHECKPOINT_PAGES, TRUSTED, CELL_CHECK, WRONG_SQL, TEMP_STORE, ECHO };

static const char *const sql[] = {
    [INSERT] = "INSERT INTO meta(key, type, value) VALUES(?1, 'pod', ?2)",
    [COUNT] = "SELECT count(*) FROM meta",
    [JOURNAL_MODE] = "PRAGMA journal_mode",
    [SYNCHRONOUS] = "PRAGMA synchronous",
    [CHECKPOINT_PAGES] = "PRAGMA wal_autocheckpoint",
    [TRUSTED] = "PRAGMA trusted_schema",
    [CELL_CHECK] = "PRAGMA cell_size_check",
    [WRONG_SQL] = "SELECT a FROM nowhere",
    [TEMP_STORE] = "PRAGMA temp_store",
    [ECHO] = "SELECT ?1",
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(database, database_close)

/* How often it was opened. */
static guint connections;

static int32_t count_connection(sqlite3 *connection, void *data, struct edgecore_error *error) {
  (void)connection;
  (void)data;
  (void)error;
  connections++;
  return EDGECORE_OK;
}

static int32_t open_at(const char *path, database **out) {
  const struct database_statements statements = {.sql = sql, .count = G_N_ELEMENTS(sql)};

  file_vfs_install();
  connections = 0;
  return database_open(path, statements, count_connection, NULL, fixture_log, NULL, out, &failure);
}

static database *opened(const char *path) {
  database *self = NULL;

  if (open_at(path, &self) != EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

static int32_t insert(database *self, const char *key) {
  sqlite3_stmt *statement = database_write(self, INSERT, &failure);

  if (statement == NULL)
    return failure.code;
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_TRANSIENT);
  sqlite3_bind_text(statement, 2, "{}", -1, SQLITE_STATIC);
  return database_run(self, statement, NULL, &failure);
}

static gint64 number(database *self, guint statement_number) {
  sqlite3_stmt *statement = database_statement(self, statement_number, &failure);
  gboolean row = FALSE;

  if (statement == NULL || database_step(self, statement, &row, &failure) != EDGECORE_OK || !row)
    return -1;
  gint64 result = sqlite3_column_int64(statement, 0);
  sqlite3_reset(statement);
  return result;
}

TEST_CASE(Database, is_durable_and_careful) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);
  gboolean row;

  sqlite3_stmt *mode = database_statement(self, JOURNAL_MODE, &failure);
  require_ok(database_step(self, mode, &row, &failure));
  check_str_eq((const char *)sqlite3_column_text(mode, 0), "wal");
  sqlite3_reset(mode);
  check_int_eq(number(self, SYNCHRONOUS), 2);
  check_int_eq(number(self, CHECKPOINT_PAGES), 0);
  check_int_eq(number(self, TRUSTED), 0);
  check_int_eq(number(self, CELL_CHECK), 1);
  check_int_eq(number(self, TEMP_STORE), 2);
}

TEST_CASE(Database, does_not_make_a_file) {
  g_autofree char *path = test_path("none.db");
  database *self = NULL;

  check_fails(open_at(path, &self), EDGECORE_IO, "none.db");
  check_null(self);
  check_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST_CASE(Database, refuses_what_is_no_database) {
  g_autofree char *noise = g_strnfill(8192, 'x');
  g_autofree char *path = test_file("text.db", noise, -1);
  database *self = NULL;

  check_fails(open_at(path, &self), EDGECORE_DAMAGED, "not a database");
  check_null(self);
  check_int_eq(model_count_open(path), 0);
}

/* Without shared memory there is no WAL: SQLite says so in the answer, and goes on with another journal. */
TEST_CASE(Database, refuses_a_file_that_cannot_have_a_wal) {
  const struct database_statements statements = {.sql = sql, .count = G_N_ELEMENTS(sql)};
  g_autofree char *path = fixture_database();
  sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
  database *self = NULL;

  require_not_null(sqlite3_vfs_find("unix-dotfile"));
  sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), TRUE);
  int32_t code = database_open(path, statements, NULL, NULL, fixture_log, NULL, &self, &failure);
  sqlite3_vfs_register(usual, TRUE);
  check_int_eq(code, EDGECORE_IO);
  check_contains(failure.text, "there can be no WAL on its file system");
  check_contains(failure.text, path);
  check_null(self);
  check_int_eq(model_count_open(path), 0);
}

/* The disk may only have been gone for a moment: who asks opens it anew and asks again. */
TEST_CASE(Database, what_the_disk_cannot_read_is_damage) {
  static const int codes[] = {SQLITE_IOERR_READ, SQLITE_IOERR_CORRUPTFS};
  g_autofree char *path = fixture_database();
  gboolean row;

  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
    test_note("fault %u", i);
    g_autoptr(database) self = opened(path);
    file_vfs_fail(FILE_READ, ".db", 0, 1, codes[i]);
    sqlite3_stmt *statement = database_statement(self, COUNT, &failure);
    check_true(statement == NULL || database_step(self, statement, &row, &failure) != EDGECORE_OK);
    check_int_eq(failure.code, EDGECORE_DAMAGED);
    check_int_eq(file_vfs_failed(), 1);
    database_reopen(self);
    check_int_eq(number(self, COUNT), 0);

    database *none = NULL;
    file_vfs_fail(FILE_READ, ".db", 0, 1, codes[i]);
    check_fails(database_open(path, (struct database_statements){.sql = sql, .count = G_N_ELEMENTS(sql)}, NULL, NULL,
                              fixture_log, NULL, &none, &failure),
                EDGECORE_DAMAGED, "disk I/O error");
    check_null(none);
  }
}

TEST_CASE(Database, prepares_a_statement_once) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);
  sqlite3_stmt *first = database_statement(self, COUNT, &failure);

  require_not_null(first);
  check_int_eq(number(self, COUNT), 0);
  check_true(database_statement(self, COUNT, &failure) == first);
}

TEST_CASE(Database, says_why_a_statement_cannot_be_prepared) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  fixture_forget();
  check_null(database_statement(self, WRONG_SQL, &failure));
  check_contains(failure.text, "no such table: nowhere");
  check_contains(failure.text, path);
}

TEST_CASE(Database, a_write_is_seen_by_others_after_the_commit_only) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(insert(self, "b"));
  check_int_eq(number(self, COUNT), 2);
  check_rows(path, "SELECT count(*) FROM meta", "0");
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta", "2");
}

TEST_CASE(Database, a_commit_syncs_the_wal_once) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  file_vfs_install();
  for (guint i = 0; i < 20; i++) {
    g_autofree char *key = g_strdup_printf("key-%u", i);
    require_ok(insert(self, key));
  }
  require_ok(database_commit(self, &failure));
  check_int_eq(file_vfs_count(FILE_SYNC, "-wal"), 1);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
}

TEST_CASE(Database, a_turn_without_writes_costs_nothing) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  check_int_eq(number(self, COUNT), 0);
  file_vfs_install();
  check_int_eq(number(self, COUNT), 0);
  require_ok(database_commit(self, &failure));
  database_rollback(self);
  check_int_eq(file_vfs_count(FILE_SYNC, "-wal"), 0);
  check_int_eq(file_vfs_count(FILE_WRITE, "-wal"), 0);
}

TEST_CASE(Database, a_rollback_undoes_all_since_the_last_commit) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_ok(insert(self, "b"));
  require_ok(insert(self, "c"));
  database_rollback(self);
  check_int_eq(number(self, COUNT), 1);
  require_ok(insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT key FROM meta ORDER BY key", "a\nb");
}

TEST_CASE(Database, a_statement_that_fails_leaves_the_transaction_as_it_was) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  check_fails(insert(self, "a"), EDGECORE_INVALID, "UNIQUE constraint failed: meta.key");
  require_ok(insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT key FROM meta ORDER BY key", "a\nb");
}

TEST_CASE(Database, a_value_over_sqlites_limit_is_the_requests_fault) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);
  sqlite3_stmt *statement = database_statement(self, ECHO, &failure);
  gboolean row;

  sqlite3_bind_zeroblob64(statement, 1, 1000000000);
  sqlite3_limit(sqlite3_db_handle(statement), SQLITE_LIMIT_LENGTH, 1000);
  check_fails(database_step(self, statement, &row, &failure), EDGECORE_INVALID, "too big");
  check_false(row);
}

TEST_CASE(Database, a_disk_that_is_full_fails_the_commit_and_is_forgotten_when_it_is_not) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  file_vfs_fail(FILE_WRITE, "-wal", 0, 1, SQLITE_FULL);
  require_ok(insert(self, "b"));
  check_fails(database_commit(self, &failure), EDGECORE_IO, "full");
  check_int_eq(file_vfs_failed(), 1);
  check_int_eq(number(self, COUNT), 1);
  require_ok(insert(self, "c"));
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
    g_autoptr(database) self = opened(path);
    int32_t code = EDGECORE_OK;
    test_note("fault %u", i);
    require_ok(insert(self, "before"));
    require_ok(database_commit(self, &failure));
    require_ok(insert(self, "first"));
    file_vfs_fail(FILE_WRITE, "-wal", 0, 1, codes[i]);
    for (guint j = 0; j < 20 && code == EDGECORE_OK; j++) {
      g_autofree char *key = g_strdup_printf("%u%s", j, large);
      code = insert(self, key);
    }
    check_int_eq(code, EDGECORE_IO);
    check_int_eq(file_vfs_failed(), 1);
    check_fails(insert(self, "next"), EDGECORE_IO, "the transaction has ended");
    check_fails(insert(self, "and the next"), EDGECORE_IO, "the transaction has ended");
    check_fails(database_commit(self, &failure), EDGECORE_IO, "cannot commit");
    check_rows(path, "SELECT key FROM meta", "before");
    require_ok(insert(self, "after"));
    require_ok(database_commit(self, &failure));
    check_rows(path, "SELECT key FROM meta ORDER BY key", "after\nbefore");
  }
}

/* A sync that failed once may succeed the second time without a byte on the disk. */
TEST_CASE(Database, a_sync_that_fails_makes_it_open_the_file_anew) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(connections, 2);
  require_ok(insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta WHERE key = 'b'", "1");
}

TEST_CASE(Database, a_file_that_cannot_be_opened_again_is_tried_at_each_use) {
  g_autofree char *path = fixture_database();
  g_autofree char *away = g_strconcat(path, ".away", NULL);
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  require_int_eq(g_rename(path, away), 0);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "cannot open"), 1);
  check_fails(insert(self, "b"), EDGECORE_IO, "cannot open");
  check_null(database_statement(self, COUNT, &failure));
  database_checkpoint(self);
  database_rollback(self);
  require_int_eq(g_rename(away, path), 0);
  require_ok(insert(self, "c"));
  require_ok(database_commit(self, &failure));
}

static int32_t count_setup(sqlite3 *connection, void *data, struct edgecore_error *error) {
  guint *calls = data;

  check_not_null(connection);
  (*calls)++;
  return *calls == 3 ? error_set(error, EDGECORE_NO_MEMORY, "the third one fails") : EDGECORE_OK;
}

TEST_CASE(Database, each_connection_is_set_up_and_one_that_cannot_be_is_not_used) {
  g_autofree char *path = fixture_database();
  const struct database_statements statements = {.sql = sql, .count = G_N_ELEMENTS(sql)};
  guint calls = 0;
  database *self = NULL;

  file_vfs_install();
  require_ok(database_open(path, statements, count_setup, &calls, fixture_log, NULL, &self, &failure));
  check_int_eq(calls, 1);
  require_ok(insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(calls, 2);
  database_close(self);

  self = NULL;
  check_fails(database_open(path, statements, count_setup, &calls, fixture_log, NULL, &self, &failure),
              EDGECORE_NO_MEMORY, "the third one fails");
  check_null(self);
}

TEST_CASE(Database, a_checkpoint_moves_the_wal_to_the_file) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  check_int_ge(database_wal_pages(self), 1);
  file_vfs_install();
  database_checkpoint(self);
  check_int_eq(database_wal_pages(self), 0);
  check_int_ge(file_vfs_count(FILE_WRITE, ".db"), 1);
  check_int_eq(file_vfs_count(FILE_SYNC, ".db"), 1);
  check_int_eq(number(self, COUNT), 1);
}

/* As it grows when a new opening follows each few commits: nothing starts it anew then. */
TEST_CASE(Database, a_checkpoint_cuts_a_long_wal) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autoptr(database) self = opened(path);
  struct stat status;

  for (guint i = 0; i < 2500; i++) {
    g_autofree char *key = g_strdup_printf("%05u%03900u", i, 0);
    require_ok(insert(self, key));
  }
  require_ok(database_commit(self, &failure));
  require_int_eq(stat(wal, &status), 0);
  check_int_ge(status.st_size, 2000 * 4096);
  database_checkpoint(self);
  require_int_eq(stat(wal, &status), 0);
  check_int_eq(status.st_size, 0);
  check_int_eq(database_wal_pages(self), 0);
  require_ok(insert(self, "after"));
  require_ok(database_commit(self, &failure));
  check_int_eq(number(self, COUNT), 2501);
}

/* SQLite would do so by itself after 1,000 pages. */
TEST_CASE(Database, no_commit_moves_the_wal_by_itself) {
  g_autofree char *path = fixture_database();
  g_autofree char *value = g_strnfill(5000000, 'v');
  g_autoptr(database) self = opened(path);

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
  g_autoptr(database) self = opened(path);

  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autofree char *key = g_strdup_printf("key-%u", i);
    test_note("fault %u", i);
    fixture_log_clear();
    require_ok(insert(self, key));
    require_ok(database_commit(self, &failure));
    file_vfs_fail(faults[i].call, ".db", 0, 1, faults[i].code);
    database_checkpoint(self);
    check_int_eq(file_vfs_failed(), 1);
    file_vfs_heal();
    check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "cannot checkpoint"), 1);
    check_int_eq(number(self, COUNT), i + 1);
  }
  database_checkpoint(self);
  check_int_eq(database_wal_pages(self), 0);
  check_int_eq(number(self, COUNT), G_N_ELEMENTS(faults));
}

TEST_CASE(Database, a_checkpoint_waits_for_the_end_of_the_transaction) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_ok(insert(self, "b"));
  file_vfs_install();
  database_checkpoint(self);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta", "2");
}

TEST_CASE(Database, leaves_no_file_open_and_the_wal_where_it_is) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  database *self = opened(path);

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  check_int_ge(model_count_open(path), 2);
  file_vfs_install();
  database_close(self);
  check_int_eq(model_count_open(path), 0);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  check_true(g_file_test(wal, G_FILE_TEST_EXISTS));
  check_rows(path, "SELECT key FROM meta", "a");
  database_close(NULL);
}

TEST_CASE(Database, what_was_not_committed_is_gone_after_close) {
  g_autofree char *path = fixture_database();
  database *self = opened(path);

  require_ok(insert(self, "a"));
  database_close(self);
  check_rows(path, "SELECT count(*) FROM meta", "0");
}

TEST_CASE(Database, another_writer_makes_it_say_busy) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);
  sqlite3 *other = NULL;

  require_int_eq(sqlite3_open(path, &other), SQLITE_OK);
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_fails(insert(self, "a"), EDGECORE_IO, "locked");
  require_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
}

/* How often it asks for locks before it gives up. */
static guint64 lock_calls(database *self) {
  const guint64 before = fault_vfs_calls(FAULT_LOCK);

  check_fails(insert(self, "b"), EDGECORE_IO, "locked");
  return fault_vfs_calls(FAULT_LOCK) - before;
}

/* A turn has up to 256 messages: a second for each would be minutes without an answer to anybody. */
TEST_CASE(Database, a_lock_that_lasts_is_waited_for_twice_and_then_no_more) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = opened(path);
  sqlite3 *other = NULL;

  require_ok(insert(self, "a"));
  require_ok(database_commit(self, &failure));
  require_int_eq(sqlite3_open(path, &other), SQLITE_OK);
  sqlite3_db_config(other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_int_ge(lock_calls(self), 10);
  check_int_ge(lock_calls(self), 10);
  check_int_le(lock_calls(self), 5);
  check_int_le(lock_calls(self), 5);
  require_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  require_ok(insert(self, "c"));
  require_ok(database_commit(self, &failure));
  require_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  check_int_ge(lock_calls(self), 10);
  sqlite3_close(other);
}
