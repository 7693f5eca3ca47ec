/* The life of the one connection: what is opened and what is refused, what makes it open the file anew, and what it leaves. */
#include "database_rig.h"

#include "database_file.h"

#include <glib/gstdio.h>

static int32_t count_setup(sqlite3 *connection, void *data, struct edgecore_error *error) {
  guint *calls = data;

  check_not_null(connection);
  (*calls)++;
  return *calls == 3 ? error_set(error, EDGECORE_NO_MEMORY, "the third one fails") : EDGECORE_OK;
}

TEST_CASE(DatabaseConnection, is_durable_and_careful) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) self = db_opened(path);
  gboolean row;

  sqlite3_stmt *mode = database_statement(self, JOURNAL_MODE, &failure);
  require_ok(database_step(self, mode, &row, &failure));
  check_str_eq((const char *)sqlite3_column_text(mode, 0), "wal");
  sqlite3_reset(mode);
  check_int_eq(db_number(self, SYNCHRONOUS), 2);
  check_int_eq(db_number(self, CHECKPOINT_PAGES), 0);
  check_int_eq(db_number(self, TRUSTED), 0);
  check_int_eq(db_number(self, CELL_CHECK), 1);
  check_int_eq(db_number(self, TEMP_STORE), 2);
}

TEST_CASE(DatabaseConnection, does_not_make_a_file) {
  g_autofree char *path = test_path("none.db");
  database *self = NULL;

  check_fails(db_open(path, &self), EDGECORE_IO, "none.db");
  check_null(self);
  check_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST_CASE(DatabaseConnection, refuses_what_is_no_database) {
  g_autofree char *noise = g_strnfill(8192, 'x');
  g_autofree char *path = test_file("text.db", noise, -1);
  database *self = NULL;

  check_fails(db_open(path, &self), EDGECORE_DAMAGED, "not a database");
  check_null(self);
  check_int_eq(database_file_count_open(path), 0);
}

/* Without shared memory there is no WAL: SQLite says so in the answer, and goes on with another journal. */
TEST_CASE(DatabaseConnection, refuses_a_file_that_cannot_have_a_wal) {
  g_autofree char *path = fixture_database();
  sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
  database *self = NULL;

  require_not_null(sqlite3_vfs_find("unix-dotfile"));
  sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), TRUE);
  int32_t code = database_open(path, db_statements(), NULL, NULL, fixture_log, NULL, &self, &failure);
  sqlite3_vfs_register(usual, TRUE);
  check_int_eq(code, EDGECORE_IO);
  check_contains(failure.text, "there can be no WAL on its file system");
  check_contains(failure.text, path);
  check_null(self);
  check_int_eq(database_file_count_open(path), 0);
}

/* The disk may only have been gone for a moment: who asks opens it anew and asks again. */
TEST_CASE(DatabaseConnection, what_the_disk_cannot_read_is_damage) {
  static const int codes[] = {SQLITE_IOERR_READ, SQLITE_IOERR_CORRUPTFS};
  g_autofree char *path = fixture_database();
  gboolean row;

  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
    test_note("fault %u", i);
    g_autoptr(database) self = db_opened(path);
    file_vfs_fail(FILE_READ, ".db", 0, 1, codes[i]);
    sqlite3_stmt *statement = database_statement(self, COUNT, &failure);
    check_true(statement == NULL || database_step(self, statement, &row, &failure) != EDGECORE_OK);
    check_int_eq(failure.code, EDGECORE_DAMAGED);
    check_int_eq(file_vfs_failed(), 1);
    database_reopen(self);
    check_int_eq(db_number(self, COUNT), 0);

    database *none = NULL;
    file_vfs_fail(FILE_READ, ".db", 0, 1, codes[i]);
    check_fails(database_open(path, db_statements(), NULL, NULL, fixture_log, NULL, &none, &failure), EDGECORE_DAMAGED,
                "disk I/O error");
    check_null(none);
  }
}

/* A sync that failed once may succeed the second time without a byte on the disk. */
TEST_CASE(DatabaseConnection, a_sync_that_fails_makes_it_open_the_file_anew) {
  g_autofree char *path = fixture_database();
  guint connections = 0;
  database *opened = NULL;

  file_vfs_install();
  require_ok(database_open(path, db_statements(), count_setup, &connections, fixture_log, NULL, &opened, &failure));
  g_autoptr(database) self = opened;
  require_ok(db_insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(connections, 2);
  require_ok(db_insert(self, "b"));
  require_ok(database_commit(self, &failure));
  check_rows(path, "SELECT count(*) FROM meta WHERE key = 'b'", "1");
}

TEST_CASE(DatabaseConnection, a_file_that_cannot_be_opened_again_is_tried_at_each_use) {
  g_autofree char *path = fixture_database();
  g_autofree char *away = g_strconcat(path, ".away", NULL);
  g_autoptr(database) self = db_opened(path);

  require_ok(db_insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  require_int_eq(g_rename(path, away), 0);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "cannot open"), 1);
  check_fails(db_insert(self, "b"), EDGECORE_IO, "cannot open");
  check_null(database_statement(self, COUNT, &failure));
  database_checkpoint(self);
  database_rollback(self);
  require_int_eq(g_rename(away, path), 0);
  require_ok(db_insert(self, "c"));
  require_ok(database_commit(self, &failure));
}

TEST_CASE(DatabaseConnection, each_connection_is_set_up_and_one_that_cannot_be_is_not_used) {
  g_autofree char *path = fixture_database();
  guint calls = 0;
  database *self = NULL;

  file_vfs_install();
  require_ok(database_open(path, db_statements(), count_setup, &calls, fixture_log, NULL, &self, &failure));
  check_int_eq(calls, 1);
  require_ok(db_insert(self, "a"));
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  check_fails(database_commit(self, &failure), EDGECORE_IO, "disk I/O error");
  check_int_eq(calls, 2);
  database_close(self);

  self = NULL;
  check_fails(database_open(path, db_statements(), count_setup, &calls, fixture_log, NULL, &self, &failure),
              EDGECORE_NO_MEMORY, "the third one fails");
  check_null(self);
}

TEST_CASE(DatabaseConnection, leaves_no_file_open_and_the_wal_where_it_is) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  database *self = db_opened(path);

  require_ok(db_insert(self, "a"));
  require_ok(database_commit(self, &failure));
  check_int_ge(database_file_count_open(path), 2);
  file_vfs_install();
  database_close(self);
  check_int_eq(database_file_count_open(path), 0);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  check_true(g_file_test(wal, G_FILE_TEST_EXISTS));
  check_rows(path, "SELECT key FROM meta", "a");
  database_close(NULL);
}

TEST_CASE(DatabaseConnection, what_was_not_committed_is_gone_after_close) {
  g_autofree char *path = fixture_database();
  database *self = db_opened(path);

  require_ok(db_insert(self, "a"));
  database_close(self);
  check_rows(path, "SELECT count(*) FROM meta", "0");
}

/* A reader of the database as it was before holds up each checkpoint, without an error. */
TEST_CASE(DatabaseConnection, what_was_found_in_the_wal_is_synced_though_another_program_reads) {
  g_autofree char *path = fixture_database();
  g_autoptr(database) killed = db_opened(path);
  sqlite3 *reader;
  require_ok(db_insert(killed, "a"));
  require_ok(database_commit(killed, &failure));
  database_checkpoint(killed);
  require_int_eq(sqlite3_open(path, &reader), SQLITE_OK);
  sqlite3_db_config(reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  check_int_eq(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM meta", NULL, NULL, NULL), SQLITE_OK);
  require_ok(db_insert(killed, "b"));
  require_ok(database_commit(killed, &failure));
  g_clear_pointer(&killed, database_close);

  file_vfs_install();
  g_autoptr(database) self = db_opened(path);
  require_ok(database_settle(self, &failure));
  check_int_ge(file_vfs_count(FILE_SYNC, "-wal"), 1);
  sqlite3_close(reader);
}
