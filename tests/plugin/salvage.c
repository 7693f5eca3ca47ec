#include "salvage.h"

#include "fixture.h"

#include <string.h>

struct found {
  GString *rows;
  guint entries;
};

static void note(const struct salvage_record *record, void *data) {
  struct found *found = data;

  if (record->in_index) {
    found->entries++;
    return;
  }
  if (record->column_count != 4 || record->columns[0].kind != SALVAGE_TEXT)
    return;
  const struct salvage_column *value = &record->columns[2];
  g_string_append_printf(found->rows, "%" G_GINT64_FORMAT " %.*s %" G_GSIZE_FORMAT " %d\n", record->rowid,
                         (int)record->columns[0].size, record->columns[0].bytes, value->size, value->kind);
}

static void salvage(const char *path, struct found *found) {
  g_autoptr(image) pages = NULL;

  require_ok(image_open(path, TRUE, &pages, &failure));
  check_int_ge(salvage_each(pages, note, found), 1);
}

TEST_CASE(Salvage, finds_each_record_whatever_its_size) {
  g_autofree char *path = fixture_database();
  g_autoptr(GString) rows = g_string_new(NULL);
  struct found found = {.rows = rows};

  fixture_run(path, "INSERT INTO meta VALUES('a/pod/1', 'pod', 'one', -1), ('a/pod/2', 'pod', NULL, 300),"
                    " ('a/pod/3', 'pod', hex(zeroblob(50000)), 1)");
  salvage(path, &found);
  check_str_eq(rows->str, "1 a/pod/1 3 2\n2 a/pod/2 0 0\n3 a/pod/3 100000 2\n");
  check_int_eq(found.entries, 6);
}

static void zero_page(const char *path, guint number) {
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents(path, &bytes, &size, NULL) || size < 4096 * number)
    g_error("%s has no page %u", path, number);
  memset(bytes + 4096 * (number - 1), 0, 4096);
  if (!g_file_set_contents(path, bytes, (gssize)size, NULL))
    g_error("cannot write %s", path);
}

TEST_CASE(Salvage, needs_neither_header_nor_schema) {
  g_autofree char *path = fixture_database();
  g_autoptr(GString) rows = g_string_new(NULL);
  struct found found = {.rows = rows};

  fixture_run(path, "INSERT INTO meta VALUES('a/pod/1', 'pod', 'one', 1)");
  zero_page(path, 1);
  salvage(path, &found);
  check_str_eq(rows->str, "1 a/pod/1 3 2\n");
}

TEST_CASE(Salvage, leaves_out_a_record_with_a_part_missing) {
  g_autofree char *path = fixture_database();
  g_autoptr(GString) rows = g_string_new(NULL);
  struct found found = {.rows = rows};
  g_autofree char *pages = NULL;

  fixture_run(path, "INSERT INTO meta VALUES('a/pod/1', 'pod', hex(zeroblob(50000)), 1), ('a/pod/2', 'pod', 'two', 2)");
  pages = fixture_rows(path, "PRAGMA page_count");
  /* One in the middle of the long value: the chain of its pages ends there. */
  zero_page(path, (guint)g_ascii_strtoull(pages, NULL, 10) - 5);
  salvage(path, &found);
  check_str_eq(rows->str, "2 a/pod/2 3 2\n");
}
