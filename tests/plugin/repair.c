#include "repair.h"

#include "bad_sector.h"
#include "file_vfs.h"
#include "outbox_rig.h"
#include "secret.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *kept_name(void) {
  g_autoptr(GDir) dir = g_dir_open(test_directory(), 0, NULL);

  for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
    if (strstr(name, ".damaged-") != NULL && !g_str_has_suffix(name, "-wal"))
      return test_path(name);
  return NULL;
}

static int32_t repair(const char *path) {
  return repair_database(path, TRUE, "a test", fixture_log, NULL, &failure);
}

static void save(const char *path, const char *key, const char *type, const char *value) {
  g_autoptr(store) rows = fixture_store(path);
  const struct store_row row = fixture_row(key, type, value);

  require_ok(store_save(rows, &row, &failure));
  fixture_commit(rows);
}

TEST_CASE(Repair, keeps_what_is_whole_and_names_what_is_not) {
  g_autofree char *path = fixture_database();

  save(path, "a/pod/1", "pod", SECRET);
  save(path, "a/pod/2", "pod", "two");
  save(path, "a/secret/3", "secret", "three");
  fixture_run(path, "UPDATE meta SET value = '" SECRET "' WHERE rowid > 1");
  require_ok(repair(path));
  check_rows(path, "SELECT rowid, key, type, value FROM meta", "1|a/pod/1|pod|" SECRET);
  check_rows(path, "SELECT key FROM metamanager_wanted", "a/secret/3");
  check_rows(path, "PRAGMA integrity_check", "ok");
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row a/pod/2"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row a/secret/3; the cloud will be asked for it"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "saved 1 rows and 0 messages for the cloud, lost 2 rows"), 1);
}

TEST_CASE(Repair, keeps_the_damaged_file_private) {
  g_autofree char *path = fixture_database();
  struct stat status;

  save(path, "a/pod/1", "pod", SECRET);
  g_chmod(path, 0644);
  require_ok(repair(path));
  g_autofree char *kept = kept_name();
  require_not_null(kept);
  check_int_eq(stat(kept, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
  check_int_eq(stat(path, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
  check_rows(kept, "SELECT value FROM meta", SECRET);
}

/* An update whose index entry was damaged has stored the key once more. */
TEST_CASE(Repair, of_two_rows_with_a_key_the_later_one_counts) {
  g_autofree char *path = fixture_database();

  save(path, "a/pod/1", "pod", "earlier");
  fixture_run(path, "CREATE TABLE hidden AS SELECT * FROM meta");
  save(path, "a/pod/1", "pod", "later, and whole");
  fixture_run(path, "UPDATE meta SET rowid = 7");
  require_ok(repair(path));
  check_rows(path, "SELECT rowid, value FROM meta", "7|later, and whole");
}

TEST_CASE(Repair, two_rows_with_one_rowid_are_both_kept) {
  g_autofree char *path = fixture_database();

  save(path, "a/pod/1", "pod", SECRET);
  fixture_run(path, "CREATE TABLE moved AS SELECT * FROM meta; DELETE FROM meta");
  save(path, "a/pod/2", "pod", "two");
  require_ok(repair(path));
  check_rows(path, "SELECT key, value FROM meta ORDER BY key", "a/pod/1|" SECRET "\na/pod/2|two");
}

TEST_CASE(Repair, messages_for_the_cloud_are_kept_by_their_checksum) {
  g_autofree char *path = fixture_database();
  {
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(outbox) kept = box_open(rows, BOUND);
    box_put_latest(kept, "a/node/n", "{}");
    box_put(kept, "update", "{}");
    box_commit(rows, kept);
  }
  fixture_run(path, "UPDATE metamanager_outbox SET msg_id = 'n' WHERE id = 2");
  require_ok(repair(path));
  check_rows(path, "SELECT id, latest, operation, CAST(content AS TEXT) FROM metamanager_outbox",
             "1|a/node/n|update|{}");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "saved 0 rows and 1 messages for the cloud, lost 0 rows whose keys"
                                                  " are known and at least 1 messages"),
               1);
  /* The index on what is replaced names the resource, too. */
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row"), 0);
}

/* Its repair makes the table as this version knows it. */
TEST_CASE(Repair, messages_with_the_columns_of_a_later_version_are_kept) {
  g_autofree char *path = fixture_database();
  fixture_run(path, "ALTER TABLE metamanager_outbox ADD COLUMN later TEXT DEFAULT 'x';"
                    "ALTER TABLE metamanager_outbox ADD COLUMN still_later TEXT DEFAULT 'y'");
  {
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(outbox) kept = box_open(rows, BOUND);
    box_put(kept, "response", "{}");
    box_commit(rows, kept);
  }
  require_ok(repair(path));
  check_rows(path, "SELECT id, msg_id, CAST(content AS TEXT) FROM metamanager_outbox", "1|id|{}");
}

TEST_CASE(Repair, what_was_wanted_stays_wanted) {
  g_autofree char *path = fixture_database();

  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/1'), ('a/secret/2')");
  save(path, "a/secret/2", "secret", "here again");
  require_ok(repair(path));
  check_rows(path, "SELECT key FROM metamanager_wanted", "a/secret/1");
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row"), 0);
}

TEST_CASE(Repair, upstreams_rows_are_kept_when_they_are_plausible) {
  g_autofree char *path = fixture_database();

  fixture_run(path, "INSERT INTO meta(key, type, value) VALUES('a/pod/1', 'pod', '{}'), ('a/pod/2', 'pos', '{}'),"
                    " ('a/pod/3', 'pod', '{]')");
  require_ok(repair(path));
  check_rows(path, "SELECT key, sum IS NULL FROM meta", "a/pod/1|1");
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row a/pod/"), 2);
}

/* Rolled back into the fresh file, it would damage that. */
TEST_CASE(Repair, an_old_journal_does_not_stay) {
  g_autofree char *path = fixture_database();
  g_autofree char *journal = g_strconcat(path, "-journal", NULL);

  save(path, "a/pod/1", "pod", SECRET);
  check_true(g_file_set_contents(journal, "a hot journal", -1, NULL));
  require_ok(repair(path));
  check_false(g_file_test(journal, G_FILE_TEST_EXISTS));
  check_rows(path, "SELECT value FROM meta", SECRET);
}

TEST_CASE(Repair, what_is_no_database_is_left_as_it_is) {
  g_autofree char *path = test_file("edge.db", "these are my notes, and nothing else", -1);
  g_autofree char *bytes = NULL;

  fixture_log_clear();
  check_fails(repair(path), EDGECORE_IO, "is not an SQLite database");
  check_true(g_file_get_contents(path, &bytes, NULL, NULL));
  check_str_eq(bytes, "these are my notes, and nothing else");
  check_null(kept_name());
}

/* What a power cut makes of a file whose blocks were never written. */
TEST_CASE(Repair, zeros_where_a_database_was_are_kept_and_a_fresh_one_takes_their_place) {
  g_autofree char *zeros = g_malloc0(8 * 4096);
  g_autofree char *path = test_file("edge.db", zeros, 8 * 4096);

  require_ok(repair(path));
  g_autofree char *kept = kept_name();
  require_not_null(kept);
  check_rows(path, "SELECT count(*) FROM meta", "0");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "saved 0 rows"), 1);
}

TEST_CASE(Repair, noise_beside_a_wal_is_kept_and_a_fresh_one_takes_its_place) {
  g_autofree char *path = test_file("edge.db", "noise, as a flash that dies gives it back", -1);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  check_true(g_file_set_contents(wal, "", 0, NULL));
  require_ok(repair(path));
  g_autofree char *kept = kept_name();
  require_not_null(kept);
  check_rows(path, "SELECT count(*) FROM meta", "0");
}

/* Enough for SQLite to write before the end, and so to take its tables back when it cannot. */
#define ROWS_BEYOND_THE_CACHE 3000

TEST_CASE(Repair, without_room_it_tells_that_and_of_no_loss) {
  g_autofree char *path = fixture_database();

  file_vfs_install();
  fixture_run(path, "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < " G_STRINGIFY(
                        ROWS_BEYOND_THE_CACHE) ") INSERT INTO meta(key, type, value) SELECT 'a/pod/' || i, 'pod', "
                                               "json_quote(hex(zeroblob(1000))) FROM n");
  file_vfs_fail(FILE_WRITE, ".repair", 20, G_MAXUINT, SQLITE_FULL);
  check_fails(repair(path), EDGECORE_IO, "database or disk is full");
  file_vfs_heal();
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost"), 0);
  check_null(kept_name());
  require_ok(repair(path));
  check_rows(path, "SELECT count(*) FROM meta", G_STRINGIFY(ROWS_BEYOND_THE_CACHE));
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost"), 0);
}

TEST_CASE(Repair, that_cannot_put_its_file_in_place_leaves_all_as_it_was) {
  g_autofree char *path = fixture_database();
  g_autofree char *whole = g_strconcat(path, ".repaired", NULL);

  save(path, "a/pod/1", "pod", SECRET);
  /* The fresh file cannot take this name, because a directory has it. */
  check_int_eq(g_mkdir(whole, 0700), 0);
  check_fails(repair(path), EDGECORE_IO, "cannot rename");
  check_rows(path, "SELECT value FROM meta", SECRET);
  check_null(kept_name());
  g_rmdir(whole);
}

/* A disk that is gone for a moment, just then. */
TEST_CASE(Repair, what_cannot_be_read_at_first_is_read_again) {
  g_autofree char *path = fixture_upstream_database();
  g_autofree char *rows = fixture_rows(path, "SELECT key, type, value FROM meta ORDER BY key");

  fixture_log_clear();
  bad_sector_set(path, 4096, 20 * 4096, 10);
  require_ok(repair(path));
  check_int_eq(bad_sector_tried(), 10);
  check_rows(path, "SELECT key, type, value FROM meta ORDER BY key", rows);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row"), 0);
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "cannot read"), 0);
}
