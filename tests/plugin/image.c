#include "image.h"

#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#define PAGE 4096

/* Rows that fill some pages. */
static void add_rows(const char *path, guint from, guint count) {
  g_autofree char *sql =
      g_strdup_printf("WITH RECURSIVE n(i) AS (VALUES(%u) UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
                      " INSERT INTO meta(key, type, value) SELECT 'a/pod/' || i, 'pod', hex(randomblob(500)) FROM n",
                      from, from + count - 1);

  fixture_run(path, sql);
}

static char *in_wal_mode(void) {
  char *path = fixture_database();

  fixture_run(path, "PRAGMA journal_mode=WAL");
  return path;
}

static image *open_image(const char *path, gboolean with_wal) {
  image *self = NULL;

  if (image_open(path, with_wal, &self, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

/* Each page of the image, one behind the other. */
static GByteArray *pages_of(const image *self) {
  GByteArray *all = g_byte_array_new();

  for (guint32 i = 1; i <= image_page_count(self); i++) {
    const guint8 *page = image_page(self, i);
    if (!check_not_null(page))
      break;
    g_byte_array_append(all, page, image_page_size(self));
  }
  return all;
}

static void check_is(const image *self, const char *path) {
  g_autoptr(GByteArray) pages = pages_of(self);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  g_assert(g_file_get_contents(path, &bytes, &size, NULL));
  check_mem_eq(pages->data, pages->len, bytes, size);
}

/* The same database with all of the WAL in the file. */
static char *checkpointed(const char *path) {
  g_autofree char *target = g_strconcat(path, ".copy.db", NULL);
  static const char *const suffixes[] = {"", "-wal"};

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *from = g_strconcat(path, suffixes[i], NULL);
    g_autofree char *to = g_strconcat(target, suffixes[i], NULL);
    g_autofree char *bytes = NULL;
    gsize size = 0;
    g_assert(g_file_get_contents(from, &bytes, &size, NULL) && g_file_set_contents(to, bytes, (gssize)size, NULL));
  }
  fixture_run(target, "PRAGMA wal_checkpoint(TRUNCATE)");
  return g_steal_pointer(&target);
}

TEST_CASE(Image, of_a_file_alone_is_the_file) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(image) self = open_image(path, TRUE);

  check_true(image_has_header(self));
  check_int_eq(image_page_size(self), PAGE);
  check_false(image_wal_of(self)->is_whole);
  check_is(self, path);
  check_null(image_page(self, 0));
  check_null(image_page(self, image_page_count(self) + 1));
  check_null(image_page(self, G_MAXUINT32));
}

TEST_CASE(Image, has_what_the_wal_holds) {
  g_autofree char *path = in_wal_mode();

  add_rows(path, 1, 50);
  fixture_run(path, "PRAGMA wal_checkpoint");
  add_rows(path, 51, 50);
  fixture_run(path, "DELETE FROM meta WHERE key = 'a/pod/3'");
  g_autofree char *whole = checkpointed(path);
  g_autoptr(image) self = open_image(path, TRUE);
  check_true(image_wal_of(self)->is_whole);
  check_int_ge(image_wal_of(self)->frames, 10);
  check_is(self, whole);

  g_autoptr(image) without = open_image(path, FALSE);
  check_int_eq(image_wal_of(without)->frames, 0);
  check_is(without, path);
}

/* It ends as the WAL of a power cut may. */
TEST_CASE(Image, ends_with_the_last_transaction_that_is_whole) {
  g_autofree char *path = in_wal_mode();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  add_rows(path, 1, 20);
  g_autofree char *first = checkpointed(path);
  require_true(g_file_get_contents(wal, &bytes, &size, NULL));
  const gsize first_size = size;
  g_clear_pointer(&bytes, g_free);
  add_rows(path, 21, 20);
  require_true(g_file_get_contents(wal, &bytes, &size, NULL));
  require_int_ge(size, first_size + 2 * PAGE);

  for (gsize cut = first_size; cut < size; cut += 1021) {
    test_note("%zu of %zu bytes", cut, size);
    require_true(g_file_set_contents(wal, bytes, (gssize)cut, NULL));
    g_autoptr(image) self = open_image(path, TRUE);
    check_is(self, first);
  }
  for (gsize at = first_size; at < size; at += 997) {
    test_note("the bit at %zu of %zu bytes", at, size);
    bytes[at] ^= 1;
    require_true(g_file_set_contents(wal, bytes, (gssize)size, NULL));
    bytes[at] ^= 1;
    g_autoptr(image) self = open_image(path, TRUE);
    check_is(self, first);
  }
}

TEST_CASE(Image, of_a_wal_that_is_none_is_the_file) {
  g_autofree char *path = in_wal_mode();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  add_rows(path, 1, 5);
  require_true(g_file_get_contents(wal, &bytes, &size, NULL));
  for (gsize at = 0; at < 32; at++) {
    test_note("byte %zu of the header", at);
    bytes[at] ^= 0x10;
    require_true(g_file_set_contents(wal, bytes, (gssize)size, NULL));
    bytes[at] ^= 0x10;
    g_autoptr(image) self = open_image(path, TRUE);
    check_false(image_wal_of(self)->is_whole);
    check_is(self, path);
  }
}

TEST_CASE(Image, of_what_is_no_database_says_so) {
  g_autofree char *noise = g_strnfill(3 * PAGE + 100, 'x');
  g_autofree char *text = test_file("text.db", noise, -1);
  g_autofree char *empty = test_file("empty.db", "", 0);
  g_autofree char *none = test_path("none.db");
  g_autoptr(image) letters = open_image(text, TRUE);
  g_autoptr(image) nothing = open_image(empty, TRUE);
  image *missing = NULL;

  check_false(image_has_header(letters));
  check_int_eq(image_page_count(letters), 3);
  check_false(image_has_header(nothing));
  check_int_eq(image_page_count(nothing), 0);
  check_null(image_page(nothing, 1));
  check_fails(image_open(none, TRUE, &missing, &failure), EDGECORE_NOT_FOUND, "none.db");
  check_null(missing);
}

TEST_CASE(Image, of_a_file_whose_end_is_gone_has_fewer_pages) {
  g_autofree char *path = fixture_upstream_database();
  g_autofree char *bytes = NULL;
  gsize size = 0;

  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  require_true(g_file_set_contents(path, bytes, 5 * PAGE - 1, NULL));
  g_autoptr(image) self = open_image(path, TRUE);
  check_int_eq(image_page_count(self), 4);
  check_not_null(image_page(self, 4));
  check_null(image_page(self, 5));
}
