#include "wal_mark.h"

#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static store *write_some(const char *path, guint count) {
  store *rows = fixture_store(path);

  for (guint i = 0; i < count; i++) {
    g_autofree char *key = g_strdup_printf("a/pod/%u", i);
    const struct store_row row = fixture_row(key, "pod", "{}");
    check_ok(store_save(rows, &row, &failure));
    fixture_commit(rows);
  }
  return rows;
}

static void change_wal(const char *path, gsize size, guint at) {
  g_autofree char *name = g_strconcat(path, "-wal", NULL);
  g_autofree char *bytes = NULL;
  gsize whole;

  if (!g_file_get_contents(name, &bytes, &whole, NULL))
    g_error("no %s", name);
  bytes[at] ^= 1;
  if (!g_file_set_contents(name, bytes, (gssize)MIN(size, whole), NULL))
    g_error("cannot write %s", name);
}

static void check_state(const char *path, enum wal_state want, const char *part) {
  g_autofree char *text = NULL;

  check_int_eq(wal_mark_check(path, &text), want);
  if (part != NULL)
    check_contains(text != NULL ? text : "", part);
  else
    check_null(text);
}

TEST_CASE(WalMark, a_wal_that_was_left_here_fits) {
  g_autofree char *path = fixture_database();

  check_state(path, WAL_FITS, NULL);
  store_close(write_some(path, 3));
  check_state(path, WAL_FITS, NULL);
}

TEST_CASE(WalMark, one_that_is_gone_is_missed) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  store_close(write_some(path, 3));
  check_int_eq(g_unlink(wal), 0);
  check_state(path, WAL_GONE, "is gone");
  wal_mark_remove(path);
  check_state(path, WAL_FITS, NULL);
}

TEST_CASE(WalMark, one_that_is_gone_is_not_missed_when_all_was_moved) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  store *rows = write_some(path, 3);

  database_checkpoint(store_database(rows));
  store_close(rows);
  check_int_eq(g_unlink(wal), 0);
  check_state(path, WAL_FITS, NULL);
}

TEST_CASE(WalMark, one_that_is_cut_or_changed_is_short) {
  g_autofree char *path = fixture_database();

  store_close(write_some(path, 5));
  change_wal(path, G_MAXSIZE, 32 + 3 * 4120 + 100);
  check_state(path, WAL_IS_SHORT, "at least");
  change_wal(path, 32 + 4120, 32 + 100);
  check_state(path, WAL_IS_SHORT, "has only 0");
}

/* Its old pages would come to lie over newer ones. */
TEST_CASE(WalMark, one_that_is_short_of_what_was_moved_must_not_be_used) {
  g_autofree char *path = fixture_database();
  store *rows = write_some(path, 5);

  database_checkpoint(store_database(rows));
  store_close(rows);
  change_wal(path, G_MAXSIZE, 32 + 3 * 4120 + 100);
  check_state(path, WAL_IS_STRANGE, "at least");
}

TEST_CASE(WalMark, one_of_another_database_is_strange) {
  g_autofree char *path = fixture_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *before = NULL;
  gsize size;

  store_close(write_some(path, 3));
  check_true(g_file_get_contents(wal, &before, &size, NULL));
  for (int i = 0; i < 2; i++) {
    store *rows = write_some(path, 4 + (guint)i);
    database_checkpoint(store_database(rows));
    store_close(rows);
  }
  fixture_run(path, "DELETE FROM meta");
  check_true(g_file_set_contents(wal, before, (gssize)size, NULL));
  check_state(path, WAL_IS_STRANGE, "of another database or of an earlier time");
}

TEST_CASE(WalMark, one_that_began_anew_after_the_mark_fits) {
  g_autofree char *path = fixture_database();
  store *rows = write_some(path, 3);

  database_checkpoint(store_database(rows));
  store_close(rows);
  /* Another program's commit, which no mark is made of. */
  fixture_run(path, "DELETE FROM meta");
  check_state(path, WAL_FITS, NULL);
}

TEST_CASE(WalMark, a_database_that_shrank_is_noticed) {
  g_autofree char *path = fixture_database();
  g_autofree char *bytes = NULL;
  gsize size;
  store *rows = write_some(path, 3);

  database_checkpoint(store_database(rows));
  store_close(rows);
  check_true(g_file_get_contents(path, &bytes, &size, NULL));
  check_true(g_file_set_contents(path, bytes, (gssize)size - 4096, NULL));
  check_state(path, WAL_IS_SHORT, "bytes");
}
