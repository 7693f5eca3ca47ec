#include "image.h"

#include "bad_sector.h"
#include "fixture.h"
#include "salvage.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static GByteArray *pages_of(image *self) {
  GByteArray *all = g_byte_array_new();
  guint8 page[PAGE];

  g_assert(image_page_size(self) == PAGE);
  for (guint32 i = 1; i <= image_page_count(self); i++) {
    check_int_eq(image_next(self, i - 1), i);
    if (!check_true(image_read(self, i, page)))
      break;
    g_byte_array_append(all, page, PAGE);
  }
  check_int_eq(image_next(self, image_page_count(self)), 0);
  check_int_eq(image_unreadable(self), 0);
  return all;
}

static gboolean has_page(image *self, guint32 number) {
  guint8 page[PAGE];

  return image_read(self, number, page);
}

static void check_is(image *self, const char *path) {
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
  check_false(has_page(self, 0));
  check_false(has_page(self, image_page_count(self) + 1));
  check_false(has_page(self, G_MAXUINT32));
  check_int_eq(image_next(self, G_MAXUINT32), 0);
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
  check_false(has_page(nothing, 1));
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
  check_true(has_page(self, 4));
  check_false(has_page(self, 5));
}

/* As a map of the file would not stand it. */
TEST_CASE(Image, of_a_file_that_is_cut_off_while_it_is_read_lacks_the_rest) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(image) self = open_image(path, TRUE);
  const guint32 pages = image_page_count(self);

  require_int_ge(pages, 10);
  require_int_eq(truncate(path, 5 * PAGE + 100), 0);
  check_int_eq(image_page_count(self), pages);
  check_true(has_page(self, 5));
  check_false(has_page(self, 6));
  check_false(has_page(self, pages));
}

/* --------------------------------------------------------------------------------------------- sectors that are bad */

TEST_CASE(Image, of_a_file_with_a_bad_sector_lacks_one_page) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(image) self = open_image(path, TRUE);
  const guint32 pages = image_page_count(self);

  /* Neither at the beginning nor at the end of it. */
  bad_sector_set(path, 6 * PAGE + 1024, 512, BAD_FOR_EVER);
  for (guint32 i = 1; i <= pages; i++) {
    test_note("page %u", i);
    check_int_eq(has_page(self, i), i != 7);
  }
  check_int_eq(image_unreadable(self), 1);
  check_false(image_recover(self));
  guint tried = bad_sector_tried();
  check_false(has_page(self, 7));
  check_int_eq(bad_sector_tried(), tried);
  bad_sector_heal();
  check_true(image_recover(self));
  check_int_eq(image_unreadable(self), 0);
  check_true(has_page(self, 7));
}

TEST_CASE(Image, a_read_that_fails_once_is_repeated) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(image) self = open_image(path, TRUE);

  bad_sector_set(path, 6 * PAGE, PAGE, 1);
  (void)has_page(self, 7);
  check_int_eq(bad_sector_tried(), 1);
  check_is(self, path);
}

TEST_CASE(Image, without_the_first_page_the_others_are_there) {
  g_autofree char *path = fixture_upstream_database();

  bad_sector_set(path, 0, 512, BAD_FOR_EVER);
  g_autoptr(image) self = open_image(path, TRUE);
  check_false(image_has_header(self));
  check_false(has_page(self, 1));
  check_true(has_page(self, 2));
  check_true(has_page(self, image_page_count(self)));
  bad_sector_heal();
}

/* The frames of a WAL depend each on the one before. */
TEST_CASE(Image, a_wal_with_a_bad_sector_ends_before_it) {
  g_autofree char *path = in_wal_mode();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat status;

  add_rows(path, 1, 20);
  g_autofree char *first = checkpointed(path);
  require_int_eq(stat(wal, &status), 0);
  add_rows(path, 21, 20);
  bad_sector_set(wal, status.st_size + PAGE, 512, BAD_FOR_EVER);
  g_autoptr(image) self = open_image(path, TRUE);
  check_is(self, first);

  bad_sector_set(wal, 0, 512, BAD_FOR_EVER);
  g_autoptr(image) without = open_image(path, TRUE);
  check_false(image_wal_of(without)->is_whole);
  bad_sector_heal();
  check_is(without, path);
}

/* What was read when it was opened, and not again: the older page of the file would be wrong. */
TEST_CASE(Image, a_page_of_the_wal_that_cannot_be_read_any_more_is_not_there) {
  g_autofree char *path = in_wal_mode();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  add_rows(path, 1, 20);
  fixture_run(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  add_rows(path, 21, 1);
  g_autoptr(image) self = open_image(path, TRUE);
  const guint frames = image_wal_of(self)->frames;
  require_int_ge(frames, 1);
  bad_sector_set(wal, 0, G_MAXINT32, BAD_FOR_EVER);
  for (guint32 i = 1; i <= image_page_count(self); i++)
    (void)has_page(self, i);
  check_int_eq(image_unreadable(self), frames);
  bad_sector_heal();
}

/* --------------------------------------------------------------------------------------- a WAL that claims too much */

static void put32(guint8 *bytes, guint32 number) {
  for (int i = 0; i < 4; i++)
    bytes[i] = (guint8)(number >> (24 - 8 * i));
}

/* As SQLite sums it, in the big-endian form. */
static void add_sum(const guint8 *bytes, gsize size, guint32 sum[2]) {
  for (gsize i = 0; i < size; i += 8) {
    guint32 words[2];
    memcpy(words, bytes + i, sizeof words);
    sum[0] += GUINT32_FROM_BE(words[0]) + sum[1];
    sum[1] += GUINT32_FROM_BE(words[1]) + sum[0];
  }
}

static void add_frame(GByteArray *wal, guint32 number, guint32 page_count, guint8 fill, guint32 sum[2]) {
  guint8 frame[24 + PAGE];

  memset(frame, fill, sizeof frame);
  put32(frame, number);
  put32(frame + 4, page_count);
  memcpy(frame + 8, wal->data + 16, 8);
  add_sum(frame, 8, sum);
  add_sum(frame + 24, PAGE, sum);
  put32(frame + 16, sum[0]);
  put32(frame + 20, sum[1]);
  g_byte_array_append(wal, frame, sizeof frame);
}

/* A WAL of whole frames, each a transaction: `numbers` ends with 0; its pages are filled with 1, 2, 3, ... */
static void write_wal(const char *path, const guint32 *numbers, guint32 page_count) {
  g_autofree char *name = g_strconcat(path, "-wal", NULL);
  g_autoptr(GByteArray) wal = g_byte_array_new();
  guint8 header[32] = {0x37, 0x7f, 0x06, 0x83};
  guint32 sum[2] = {0, 0};

  put32(header + 4, 3007000);
  put32(header + 8, PAGE);
  put32(header + 16, 7);
  add_sum(header, 24, sum);
  put32(header + 24, sum[0]);
  put32(header + 28, sum[1]);
  g_byte_array_append(wal, header, sizeof header);
  for (guint i = 0; numbers[i] != 0; i++)
    add_frame(wal, numbers[i], page_count, (guint8)(i + 1), sum);
  g_assert(g_file_set_contents(name, (const char *)wal->data, wal->len, NULL));
}

static void count_record(const struct salvage_record *record, void *data) {
  ++*(guint *)data;
  check_int_ge(record->column_count, 1);
}

/* Not four billion of them, one by one: the test would not end. */
TEST_CASE(Image, of_a_wal_that_claims_the_highest_pages_has_those_that_are_there) {
  static const guint32 numbers[] = {0xfffffffe, 2, 0x80000000, 0xfffffff0, 0};
  static const struct {
    guint32 page_count;
    guint beyond; /* so many of the pages above are needed and not in the file */
  } claims[] = {{0xffffffff, 3}, {0xfffffffe, 3}, {0xfffffff0, 2}, {0x80000000, 1}, {0x7fffffff, 0}};
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(image) whole = open_image(path, FALSE);
  guint8 page[PAGE];
  guint records = 0;

  check_int_ge(salvage_each(whole, count_record, &records), 10);
  for (guint i = 0; i < G_N_ELEMENTS(claims); i++) {
    const guint32 count = claims[i].page_count;
    guint found = 0;
    test_note("a count of %u", count);
    write_wal(path, numbers, count);
    g_autoptr(image) self = open_image(path, TRUE);
    check_int_eq(image_wal_of(self)->frames, 4);
    check_int_eq(image_page_count(self), image_page_count(whole) + claims[i].beyond);
    check_true(image_read(self, 2, page) && page[0] == 2);
    check_int_eq(image_read(self, 0x80000000, page), count >= 0x80000000);
    check_int_eq(image_read(self, 0xfffffffe, page), count >= 0xfffffffe);
    check_false(image_read(self, 0xfffffffd, page));
    check_false(image_read(self, 0xffffffff, page));
    check_int_ge(salvage_each(self, count_record, &found), 10);
    check_int_le(found, records);
    check_int_ge(found, records / 2);
  }
}

/* The next number after the highest is no page. */
TEST_CASE(Image, a_frame_of_no_page_ends_the_wal) {
  static const guint32 numbers[] = {2, 0xffffffff, 3, 0};
  g_autofree char *path = fixture_upstream_database();

  write_wal(path, numbers, 0xffffffff);
  g_autoptr(image) self = open_image(path, TRUE);
  check_int_eq(image_wal_of(self)->frames, 1);
}
