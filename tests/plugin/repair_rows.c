/* What a repair takes over and what it does not: on files that SQLite itself made. */
#include "repair.h"

#include "fixture.h"
#include "database_file.h"
#include "secret.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096
#define PODS 100

/* Everything in the file itself: pods and secrets with checksums. */
static char *database_of_pods(void) {
  char *path = fixture_database();
  store *rows = fixture_store(path);

  for (guint i = 0; i < PODS; i++) {
    g_autofree char *key = g_strdup_printf("a/%s/%u", i % 2 == 0 ? "pod" : "secret", i);
    g_autofree char *value = g_strdup_printf("{\"padding\":\"" SECRET "%0176u\"}", i);
    const struct store_row row = fixture_row(key, i % 2 == 0 ? "pod" : "secret", value);
    if (store_save(rows, &row, &failure) != EDGECORE_OK)
      g_error("%s", failure.text);
  }
  fixture_commit(rows);
  database_checkpoint(store_database(rows));
  store_close(rows);
  fixture_run(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  return path;
}

static int32_t repair(const char *path) {
  return repair_database(path, TRUE, "the reason", fixture_log, NULL, &failure);
}

static void overwrite(const char *path, gsize at, const void *bytes, gsize size) {
  FILE *file = fopen(path, "r+");

  g_assert(file != NULL && fseek(file, (long)at, SEEK_SET) == 0 && fwrite(bytes, 1, size, file) == size);
  fclose(file);
}

static void zero_page(const char *path, guint number) {
  static const char zeros[PAGE];
  overwrite(path, (number - 1) * PAGE, zeros, PAGE);
}

#define ALL "SELECT rowid, key, type, value, sum FROM meta ORDER BY rowid"

TEST_CASE(RepairRows, of_a_whole_database_keeps_all_of_it) {
  g_autofree char *path = database_of_pods();
  g_autofree char *before = fixture_rows(path, ALL);

  require_ok(repair(path));
  check_rows(path, ALL, before);
  check_rows(path, "PRAGMA integrity_check", "ok");
  check_rows(path, "SELECT user_version FROM pragma_user_version", "5");
  check_rows(path, "SELECT printf('%x', application_id) FROM pragma_application_id", "4b456d6d");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "saved 100 rows and 0 messages for the cloud, lost 0 rows"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "(the reason)"), 1);
  check_int_eq(database_file_count_open(path), 0);
}

TEST_CASE(RepairRows, of_upstreams_database_keeps_all_of_it) {
  g_autofree char *path = fixture_upstream_database();
  g_autofree char *before = fixture_rows(path, ALL);

  require_ok(repair(path));
  check_rows(path, ALL, before);
  check_rows(path, "SELECT count(*) FROM meta", "458");
}

TEST_CASE(RepairRows, without_the_first_page_finds_the_rows_all_the_same) {
  g_autofree char *path = database_of_pods();
  g_autofree char *before = fixture_rows(path, ALL);

  zero_page(path, 1);
  require_ok(repair(path));
  check_rows(path, ALL, before);
}

TEST_CASE(RepairRows, names_what_is_lost_and_notes_what_the_cloud_can_be_asked_for) {
  g_autofree char *path = database_of_pods();

  fixture_run(path, "UPDATE meta SET value = 'damaged' WHERE key IN ('a/pod/4', 'a/secret/5')");
  require_ok(repair(path));
  check_rows(path, "SELECT count(*) FROM meta", "98");
  check_rows(path, "SELECT count(*) FROM meta WHERE value = 'damaged'", "0");
  check_rows(path, "SELECT key FROM metamanager_wanted", "a/secret/5");
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row a/pod/4"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "lost the row a/secret/5; the cloud will be asked for it"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "lost 2 rows"), 1);
}

TEST_CASE(RepairRows, saves_no_row_that_was_never_there) {
  g_autofree char *original = database_of_pods();
  g_autofree char *before = fixture_rows(original, ALL);
  g_autofree char *bytes = NULL;
  gsize size = 0;
  g_autoptr(GRand) random = g_rand_new_with_seed(11);

  require_true(g_file_get_contents(original, &bytes, &size, NULL));
  for (guint round = 0; round < 60; round++) {
    g_autofree char *name = g_strdup_printf("noise-%u.db", round);
    g_autofree char *path = test_file(name, bytes, (gssize)size);
    test_note("round %u", round);
    for (guint i = 0; i < 40; i++) {
      const char byte = (char)g_rand_int(random);
      overwrite(path, (gsize)g_rand_int_range(random, 100, (gint32)size), &byte, 1);
    }
    fixture_log_clear();
    if (!check_ok(repair(path)))
      continue;
    g_autofree char *after = fixture_rows(path, "SELECT key, type, value, sum FROM meta");
    g_auto(GStrv) rows = g_strsplit(after, "\n", -1);
    for (guint i = 0; rows[i] != NULL; i++)
      check_contains(before, rows[i]);
    check_int_ge(g_strv_length(rows), PODS / 2);
    check_rows(path, "PRAGMA integrity_check", "ok");
  }
}

/* Upstream's SQLite leaves what it deletes on pages that are free then: pods and Secrets that would be back. */
TEST_CASE(RepairRows, leaves_deleted_what_upstream_deleted) {
  g_autofree char *path = fixture_database();

  fixture_run(
      path,
      "PRAGMA secure_delete=OFF;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
      " INSERT INTO meta(key, type, value) SELECT 'a/pod/' || i, 'pod', '{\"x\":\"' || hex(zeroblob(400)) || '\"}'"
      " FROM n; DELETE FROM meta WHERE rowid > 100");
  /* The list has a second trunk. */
  check_rows(path, "SELECT freelist_count > 1022 FROM pragma_freelist_count", "1");
  require_ok(repair(path));
  check_rows(path, "SELECT count(*), max(rowid) FROM meta", "100|100");
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "lost the row"), 0);
}

/* A list of free pages that goes in a circle, or leads nowhere. */
TEST_CASE(RepairRows, follows_a_damaged_list_of_free_pages_as_far_as_it_goes) {
  static const guint8 ends[][4] = {{0, 0, 0, 2}, {0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0xff, 0xff}};

  for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *path = database_of_pods();
    g_autofree char *before = fixture_rows(path, "SELECT count(*) FROM meta");
    test_note("list %u", i);
    /* Page 2 is a trunk that names itself. */
    overwrite(path, 32, ends[0], 4);
    overwrite(path, PAGE, ends[i], 4);
    require_ok(repair(path));
    check_rows(path, "SELECT count(*) FROM meta", before);
  }
}

TEST_CASE(RepairRows, makes_a_private_file) {
  g_autofree char *path = database_of_pods();
  GStatBuf status;

  require_int_eq(g_chmod(path, 0644), 0);
  require_ok(repair(path));
  require_int_eq(g_stat(path, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
}

TEST_CASE(RepairRows, is_needed_for_an_empty_file_beside_a_wal) {
  g_autofree char *path = test_file("edge.db", "", 0);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  check_false(repair_is_needed(path));
  require_true(g_file_set_contents(wal, "x", 1, NULL));
  check_true(repair_is_needed(path));
  require_true(g_file_set_contents(path, "x", 1, NULL));
  check_false(repair_is_needed(path));
}

TEST_CASE(RepairRows, that_was_interrupted_is_finished_with_a_line_in_the_log) {
  g_autofree char *path = database_of_pods();
  g_autofree char *whole = g_strconcat(path, ".repaired", NULL);

  require_ok(repair_finish(path, fixture_log, NULL, &failure));
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "interrupted"), 0);
  require_int_eq(g_rename(path, whole), 0);
  require_true(g_file_set_contents(path, "damaged", -1, NULL));
  require_ok(repair_finish(path, fixture_log, NULL, &failure));
  check_rows(path, "SELECT count(*) FROM meta", "100");
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "finished an interrupted repair"), 1);
}
