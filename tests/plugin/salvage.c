#include "salvage.h"

#include "fixture.h"

#include <string.h>

#define PAGE 4096

struct found {
  GHashTable *rows; /* key -> value, of records of meta */
  guint index_entries;
  guint others;
};

static void take(const struct salvage_record *record, void *data) {
  struct found *found = data;
  const struct salvage_column *columns = record->columns;

  check_int_ge(record->column_count, 1);
  check_int_le(record->column_count, SALVAGE_COLUMNS_MAX);
  if (record->in_index)
    found->index_entries++;
  else if ((record->column_count == 3 || record->column_count == 4) && columns[0].kind == SALVAGE_TEXT &&
           columns[2].kind == SALVAGE_TEXT)
    g_hash_table_insert(found->rows, g_strndup(columns[0].bytes, columns[0].size),
                        g_strndup(columns[2].bytes, columns[2].size));
  else
    found->others++;
}

static struct found salvage(const char *path) {
  struct found found = {.rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
  image *pages = NULL;

  if (image_open(path, TRUE, &pages, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  salvage_each(pages, take, &found);
  image_close(pages);
  return found;
}

/* How many of the rows that there were came back; a value that was never there is a failure. */
static guint count_true(const struct found *found, GHashTable *rows) {
  GHashTableIter iter;
  gpointer key, value;
  guint count = 0;

  g_hash_table_iter_init(&iter, found->rows);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    const char *was = g_hash_table_lookup(rows, key);
    count += was != NULL && strcmp(was, value) == 0;
  }
  return count;
}

TEST_CASE(Salvage, finds_all_rows_and_index_entries_of_a_whole_database) {
  g_autofree char *path = fixture_upstream_database();
  struct found found = salvage(path);

  check_int_eq(g_hash_table_size(found.rows), 458);
  /* The key of each in one index, the type in another. */
  check_int_eq(found.index_entries, 2 * 458);
  g_autofree char *keys = fixture_rows(path, "SELECT key FROM meta");
  g_auto(GStrv) each = g_strsplit(keys, "\n", -1);
  for (guint i = 0; each[i] != NULL; i++) {
    g_autofree char *sql = g_strdup_printf("SELECT value FROM meta WHERE key = '%s'", each[i]);
    test_note("%s", each[i]);
    check_rows(path, sql, g_hash_table_lookup(found.rows, each[i]));
  }
  g_hash_table_unref(found.rows);
}

TEST_CASE(Salvage, puts_long_values_together) {
  static const guint sizes[] = {0, 1, 3000, 4050, 4061, 4062, 4100, 8000, 100000, 1400000};
  g_autofree char *path = fixture_database();

  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *sql = g_strdup_printf("INSERT INTO meta(key, type, value) VALUES('k%u', 'pod',"
                                           " substr(hex(randomblob(%u)), 1, %u))",
                                           i, sizes[i], sizes[i]);
    fixture_run(path, sql);
  }
  struct found found = salvage(path);
  check_int_eq(g_hash_table_size(found.rows), G_N_ELEMENTS(sizes));
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *key = g_strdup_printf("k%u", i);
    g_autofree char *sql = g_strdup_printf("SELECT value FROM meta WHERE key = 'k%u'", i);
    test_note("%u bytes", sizes[i]);
    check_rows(path, sql, g_hash_table_lookup(found.rows, key));
  }
  g_hash_table_unref(found.rows);
}

/* The value is the text of the number. */
static void check_number(const struct salvage_record *record, void *data) {
  if (record->in_index || record->column_count != 4)
    return;
  g_autofree char *text = g_strndup(record->columns[2].bytes, record->columns[2].size);
  g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, record->columns[3].integer);
  check_int_eq(record->columns[3].kind, SALVAGE_INTEGER);
  check_str_eq(number, text);
  ++*(guint *)data;
}

TEST_CASE(Salvage, reads_numbers_of_every_size_as_sqlite_does) {
  static const char *const numbers[] = {"0",
                                        "1",
                                        "-1",
                                        "127",
                                        "-128",
                                        "128",
                                        "32767",
                                        "-32768",
                                        "8388607",
                                        "-8388608",
                                        "2147483647",
                                        "-2147483648",
                                        "2147483648",
                                        "140737488355327",
                                        "-140737488355328",
                                        "9223372036854775807",
                                        "-9223372036854775808"};
  g_autofree char *path = fixture_database();
  image *pages = NULL;
  guint checked = 0;

  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    g_autofree char *sql = g_strdup_printf("INSERT INTO meta(key, type, value, sum) VALUES('k%u', 'pod', '%s', %s)", i,
                                           numbers[i], numbers[i]);
    fixture_run(path, sql);
  }
  require_ok(image_open(path, TRUE, &pages, &failure));
  salvage_each(pages, check_number, &checked);
  image_close(pages);
  check_int_eq(checked, G_N_ELEMENTS(numbers));
}

/* The tree above the rows is not needed. */
TEST_CASE(Salvage, a_page_of_zeros_costs_what_was_on_it) {
  g_autofree char *path = fixture_upstream_database();
  struct found all = salvage(path);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  for (gsize page = 0; page < size / PAGE; page++) {
    g_autofree char *damaged = g_memdup2(bytes, size);
    test_note("page %zu", page + 1);
    memset(damaged + page * PAGE, 0, PAGE);
    g_autofree char *other = test_file("damaged.db", damaged, (gssize)size);
    struct found found = salvage(other);
    /* One value may lie across the page: what is found is unchecked. */
    check_int_ge(count_true(&found, all.rows), g_hash_table_size(found.rows) - 1);
    check_int_ge(g_hash_table_size(found.rows), 458 - 40);
    g_hash_table_unref(found.rows);
  }
  g_hash_table_unref(all.rows);
}

TEST_CASE(Salvage, survives_pages_of_noise) {
  g_autofree char *path = fixture_upstream_database();
  g_autofree char *bytes = NULL;
  gsize size = 0;
  g_autoptr(GRand) random = g_rand_new_with_seed(7);

  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  for (guint round = 0; round < 100; round++) {
    g_autofree char *damaged = g_memdup2(bytes, size);
    test_note("round %u", round);
    for (guint i = 0; i < 2000; i++)
      damaged[g_rand_int_range(random, 0, (gint32)size)] = (char)g_rand_int(random);
    g_autofree char *other = test_file("noise.db", damaged, (gssize)size);
    struct found found = salvage(other);
    g_hash_table_unref(found.rows);
  }
}

TEST_CASE(Salvage, leaves_out_a_record_with_a_part_missing) {
  g_autofree char *path = fixture_database();
  g_autofree char *bytes = NULL;
  gsize size = 0;

  fixture_run(path, "INSERT INTO meta(key, type, value) VALUES('a/pod/1', 'pod', hex(zeroblob(50000))),"
                    " ('a/pod/2', 'pod', 'two')");
  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  /* In the middle of the long value: the chain of its pages ends there. */
  memset(bytes + size - 6 * PAGE, 0, PAGE);
  require_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
  struct found found = salvage(path);
  check_false(g_hash_table_contains(found.rows, "a/pod/1"));
  check_true(g_hash_table_contains(found.rows, "a/pod/2"));
  g_hash_table_unref(found.rows);
}
