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

/* ------------------------------------------------------------------------------------- a WAL of some pages, byte by byte */

static void save(store *rows, const char *key, gsize size) {
  g_autofree char *value = g_strnfill(size, 'v');
  const struct store_row row = fixture_row(key, "pod", value);

  if (store_save(rows, &row, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  fixture_commit(rows);
}

/* A database whose connection ended without a word, with this much in its WAL. */
static char *abandoned(gsize size) {
  char *path = fixture_database();
  store *rows = fixture_store(path);

  save(rows, "a/pod/1", size);
  save(rows, "a/pod/2", size);
  store_close(rows);
  return path;
}

static char *read_file(const char *path, const char *suffix, gsize *size) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  char *bytes = NULL;

  if (!g_file_get_contents(name, &bytes, size, NULL))
    g_error("%s cannot be read", name);
  return bytes;
}

static void write_file(const char *path, const char *suffix, const char *bytes, gsize size) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);

  if (!g_file_set_contents(name, bytes, (gssize)size, NULL))
    g_error("%s cannot be written", name);
}

TEST_CASE(WalMark, it_fits_after_checkpoints_and_new_beginnings) {
  g_autofree char *path = fixture_database();

  for (guint i = 0; i < 4; i++) {
    store *rows = fixture_store(path);
    test_note("round %u", i);
    for (guint j = 0; j < 3; j++) {
      g_autofree char *key = g_strdup_printf("a/pod/%u-%u", i, j);
      save(rows, key, 3000);
      database_checkpoint(store_database(rows));
    }
    save(rows, "a/pod/last", 100 + i);
    store_close(rows);
    check_state(path, WAL_FITS, NULL);
  }
}

TEST_CASE(WalMark, a_wal_that_was_cut_is_found_at_any_length) {
  g_autofree char *path = abandoned(5000);
  gsize size = 0;
  g_autofree char *bytes = read_file(path, "-wal", &size);

  for (gsize cut = 32; cut < size; cut += 1777) {
    test_note("%zu of %zu bytes", cut, size);
    write_file(path, "-wal", bytes, cut);
    check_state(path, WAL_IS_SHORT, "of at least");
  }
  write_file(path, "-wal", bytes, size);
  check_state(path, WAL_FITS, NULL);
}

TEST_CASE(WalMark, a_wal_that_does_not_begin_as_one_is_strange) {
  g_autofree char *path = abandoned(5000);
  gsize size = 0;
  g_autofree char *bytes = read_file(path, "-wal", &size);

  memset(bytes, 0, 32);
  write_file(path, "-wal", bytes, size);
  check_state(path, WAL_IS_STRANGE, "does not begin as one");
}

TEST_CASE(WalMark, a_wal_of_an_earlier_time_is_strange) {
  g_autofree char *path = abandoned(5000);
  gsize size = 0;
  g_autofree char *bytes = read_file(path, "-wal", &size);
  store *rows = fixture_store(path);

  database_checkpoint(store_database(rows));
  save(rows, "a/pod/3", 100);
  store_close(rows);
  check_state(path, WAL_FITS, NULL);
  write_file(path, "-wal", bytes, size);
  check_state(path, WAL_IS_STRANGE, "of another database or of an earlier time");
}

TEST_CASE(WalMark, without_a_mark_or_with_one_that_is_none_nothing_is_said) {
  g_autofree char *path = abandoned(5000);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  gsize size = 0;
  g_autofree char *mark = read_file(path, "-mark", &size);

  require_int_eq(g_unlink(wal), 0);
  for (gsize at = 0; at < size; at++) {
    test_note("byte %zu of the mark", at);
    mark[at] ^= 1;
    write_file(path, "-mark", mark, size);
    mark[at] ^= 1;
    check_state(path, WAL_FITS, NULL);
  }
  write_file(path, "-mark", mark, size / 2);
  check_state(path, WAL_FITS, NULL);
  wal_mark_remove(path);
  check_state(path, WAL_FITS, NULL);
  wal_mark_remove(path);
}

TEST_CASE(WalMark, is_private) {
  g_autofree char *path = abandoned(100);
  g_autofree char *mark = g_strconcat(path, "-mark", NULL);
  GStatBuf status;

  require_int_eq(g_stat(mark, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
}
