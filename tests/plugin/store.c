#include "store.h"

#include "file_vfs.h"
#include "fixture.h"

#include <string.h>

#define ALL "SELECT key, type, value FROM meta ORDER BY rowid"

static gint64 changed;

static int32_t save(store *rows, const char *key, const char *type, const char *value) {
  const struct store_row row = fixture_row(key, type, value);

  return store_save(rows, &row, &failure);
}

static int32_t insert_or_update(store *rows, const char *key, const char *type, const char *value) {
  const struct store_row row = fixture_row(key, type, value);

  return store_insert_or_update(rows, &row, &failure);
}

/* Commits and counts what that wrote to the WAL. */
static guint writes_of_commit(store *rows) {
  fixture_commit(rows);
  return file_vfs_count(FILE_WRITE, "-wal");
}

/* ------------------------------------------------------------------------------------------- the eight table operations */

TEST_CASE(Store, save_adds_a_row) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{\"a\":1}"));
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|pod|{\"a\":1}");
}

/* Upstream kept the old value until v1.14. */
TEST_CASE(Store, save_of_a_key_that_is_there_takes_the_new_value_in_the_same_place) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "old"));
  require_ok(save(rows, "default/pod/b", "pod", "{}"));
  require_ok(save(rows, "default/pod/a", "podlist", "new"));
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|podlist|new\ndefault/pod/b|pod|{}");
}

TEST_CASE(Store, delete_by_key_removes_just_that_row) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  require_ok(save(rows, "default/pod/ab", "pod", "{}"));
  require_ok(store_delete_by_key(rows, "default/pod/a", "pod", &failure));
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/ab|pod|{}");
}

TEST_CASE(Store, delete_by_key_of_an_absent_key_is_fine) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  require_ok(store_delete_by_key(rows, "default/pod/%", "pod", &failure));
  require_ok(store_delete_by_key(rows, "", "pod", &failure));
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|pod|{}");
}

TEST_CASE(Store, update_changes_type_and_value) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  const struct store_row row = fixture_row("default/pod/a", "other", "new");

  require_ok(save(rows, "default/pod/a", "pod", "old"));
  require_ok(store_update(rows, &row, &changed, &failure));
  check_int_eq(changed, 1);
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|other|new");
}

TEST_CASE(Store, update_of_an_absent_key_changes_and_adds_nothing) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  const struct store_row row = fixture_row("default/pod/a", "pod", "new");

  require_ok(store_update(rows, &row, &changed, &failure));
  check_int_eq(changed, 0);
  fixture_commit(rows);
  check_rows(path, ALL, "");
}

TEST_CASE(Store, insert_or_update_does_either) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(insert_or_update(rows, "default/pod/a", "pod", "one"));
  require_ok(insert_or_update(rows, "default/pod/b", "pod", "two"));
  require_ok(insert_or_update(rows, "default/pod/a", "pod", "three"));
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|pod|three\ndefault/pod/b|pod|two");
}

TEST_CASE(Store, insert_or_update_of_the_same_again_writes_no_page) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(insert_or_update(rows, "default/pod/a", "pod", "the same"));
  check_int_ge(writes_of_commit(rows), 1);
  file_vfs_install();
  require_ok(insert_or_update(rows, "default/pod/a", "pod", "the same"));
  check_int_eq(writes_of_commit(rows), 0);
  check_int_eq(file_vfs_count(FILE_SYNC, "-wal"), 0);
  require_ok(insert_or_update(rows, "default/pod/a", "pod", "another"));
  check_int_ge(writes_of_commit(rows), 1);
  file_vfs_install();
  require_ok(insert_or_update(rows, "default/pod/a", "other", "another"));
  check_int_ge(writes_of_commit(rows), 1);
}

TEST_CASE(Store, update_field_changes_one_column) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  require_ok(store_update_field(rows, "default/pod/a", "value", "new", &changed, &failure));
  check_int_eq(changed, 1);
  require_ok(store_update_field(rows, "default/pod/a", "type", "other", &changed, &failure));
  check_int_eq(changed, 1);
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|other|new");
  require_ok(store_update_field(rows, "default/pod/a", "key", "default/pod/b", &changed, &failure));
  check_int_eq(changed, 1);
  require_ok(store_update_field(rows, "default/pod/a", "value", "late", &changed, &failure));
  check_int_eq(changed, 0);
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/b|other|new");
}

TEST_CASE(Store, update_fields_changes_several_columns) {
  static const struct store_field fields[] = {{"value", "new"}, {"type", ""}, {"key", "default/pod/b"}};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  struct store_json answer;

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  require_ok(store_update_fields(rows, "default/pod/a", fields, 3, &changed, &failure));
  check_int_eq(changed, 1);
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/b||new");
  /* Its checksum went with it. */
  require_ok(store_answer_key(rows, "default/pod/b", &answer, &failure));
  check_str_eq(answer.text, "[\"new\"]");
}

TEST_CASE(Store, update_fields_cannot_take_the_key_of_another_row) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  require_ok(save(rows, "default/pod/b", "pod", "{}"));
  check_fails(store_update_field(rows, "default/pod/a", "key", "default/pod/b", &changed, &failure), EDGECORE_INVALID,
              "UNIQUE");
  check_int_eq(changed, 0);
  fixture_commit(rows);
  check_rows(path, ALL, "default/pod/a|pod|{}\ndefault/pod/b|pod|{}");
}

static void add_value(const char *value, gsize size, void *data) {
  GString *all = data;

  g_string_append_len(all, value, (gssize)size);
  g_string_append_c(all, '\n');
}

static void add_row(const struct store_row *row, void *data) {
  GString *all = data;

  g_string_append_printf(all, "%s|%s|", row->key, row->type);
  add_value(row->value, row->value_size, all);
}

static void check_query(store *rows, const char *column, const char *condition, const char *values,
                        const char *whole_rows) {
  GString *all = g_string_new(NULL);

  check_ok(store_query(rows, column, condition, add_value, all, &failure));
  check_str_eq(all->str, values);
  g_string_truncate(all, 0);
  check_ok(store_query_all(rows, column, condition, add_row, all, &failure));
  check_str_eq(all->str, whole_rows);
  g_string_free(all, TRUE);
}

TEST_CASE(Store, query_gives_values_and_query_all_gives_rows_by_any_column) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/z", "pod", "same"));
  require_ok(save(rows, "default/node/n", "node", "same"));
  require_ok(save(rows, "default/pod/a", "pod", "other"));
  check_query(rows, "key", "default/pod/z", "same\n", "default/pod/z|pod|same\n");
  check_query(rows, "type", "pod", "same\nother\n", "default/pod/z|pod|same\ndefault/pod/a|pod|other\n");
  check_query(rows, "value", "same", "same\nsame\n", "default/pod/z|pod|same\ndefault/node/n|node|same\n");
  check_query(rows, "key", "default/pod/%", "", "");
}

/* ------------------------------------------------------------------------------------------------- hostile arguments */

TEST_CASE(Store, a_column_that_does_not_exist_is_an_error_and_not_sql) {
  static const char *const columns[] = {"",      "KEY",    "keys",         "sum",
                                        "rowid", "*",      "key\n",        "value = '",
                                        "1 = 1", "key, x", "key) OR (1=1", "key; DROP TABLE meta; --"};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  GString *all = g_string_new(NULL);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
    const struct store_field fields[] = {{"value", "changed"}, {columns[i], "changed"}};
    test_note("%s", columns[i]);
    check_fails(store_query(rows, columns[i], "pod", add_value, all, &failure), EDGECORE_INVALID, "has no column");
    check_fails(store_query_all(rows, columns[i], "pod", add_row, all, &failure), EDGECORE_INVALID, columns[i]);
    check_fails(store_update_field(rows, "default/pod/a", columns[i], "x", &changed, &failure), EDGECORE_INVALID,
                "has no column");
    check_fails(store_update_fields(rows, "default/pod/a", fields, 2, &changed, &failure), EDGECORE_INVALID,
                "it has key, type and value");
  }
  fixture_commit(rows);
  check_str_eq(all->str, "");
  check_rows(path, ALL, "default/pod/a|pod|{}");
  g_string_free(all, TRUE);
}

TEST_CASE(Store, what_is_looked_for_is_never_sql) {
  static const char *const texts[] = {"' OR '1'='1", "pod' --", "x'); DROP TABLE meta; --", "\"key\"", "?1",
                                      "%",           "NULL"};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "default/pod/a", "pod", "{}"));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    test_note("%s", texts[i]);
    check_query(rows, "type", texts[i], "", "");
    check_ok(store_delete_by_key(rows, texts[i], "pod", &failure));
    check_ok(store_update_field(rows, texts[i], "value", "changed", &changed, &failure));
    check_int_eq(changed, 0);
    check_ok(save(rows, texts[i], texts[i], texts[i]));
    g_autofree char *value = g_strdup_printf("%s\n", texts[i]);
    g_autofree char *row = g_strdup_printf("%s|%s|%s\n", texts[i], texts[i], texts[i]);
    check_query(rows, "type", texts[i], value, row);
  }
  fixture_commit(rows);
  check_rows(path, "SELECT count(*) FROM meta", "8");
}

/* ------------------------------------------------------------------------------------------------------- any bytes */

static void check_value_is(const char *value, gsize size, void *data) {
  const struct store_row *want = data;

  check_mem_eq(value, size, want->value, want->value_size);
}

TEST_CASE(Store, a_value_is_kept_byte_for_byte) {
  g_autofree char *large = g_malloc(1400000);
  for (gsize i = 0; i < 1400000; i++)
    large[i] = (char)(i * 7 + i / 251);
  const struct store_row values[] = {
      {"a/secret/empty", "secret", "", 0},
      {"a/secret/null", "secret", NULL, 0},
      {"a/secret/nul", "secret", "a\0b\0", 4},
      {"a/secret/bytes", "secret", "\xff\xfe\x80\xc3(", 5},
      {"a/secret/surrogate", "secret", "\xed\xa0\x80", 3},
      {"a/secret/large", "secret", large, 1400000},
  };
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  gboolean same;

  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    struct store_row want = values[i];
    test_note("%s", values[i].key);
    require_ok(store_save(rows, &values[i], &failure));
    fixture_commit(rows);
    check_ok(store_query(rows, "key", values[i].key, check_value_is, &want, &failure));
    check_ok(store_has_value(rows, values[i].key, values[i].value, values[i].value_size, &same, &failure));
    check_true(same);
    check_ok(store_has_value(rows, values[i].key, "a", 1, &same, &failure));
    check_false(same);
  }
  check_rows(path, "SELECT count(*) FROM meta WHERE value IS NOT NULL", "6");
  check_int_eq(store_damaged(rows), 0);
}

TEST_CASE(Store, keys_over_256_characters_are_keys) {
  g_autofree char *name = g_strnfill(5000, 'k');
  g_autofree char *key = g_strconcat("default/pod/", name, NULL);
  g_autofree char *longer = g_strconcat(key, "x", NULL);
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  gboolean has;

  require_ok(save(rows, key, "pod", "one"));
  require_ok(save(rows, longer, "pod", "two"));
  require_ok(store_delete_by_key(rows, longer, "pod", &failure));
  require_ok(store_has(rows, key, &has, &failure));
  check_true(has);
  require_ok(store_has(rows, longer, &has, &failure));
  check_false(has);
}

/* ----------------------------------------------------------------------------------------------------------- answers */

static void check_answer(store *rows, const char *key, const char *want) {
  struct store_json answer;

  check_ok(store_answer_key(rows, key, &answer, &failure));
  check_mem_eq(answer.text, answer.size, want, strlen(want));
  check_int_eq(answer.rows, strcmp(want, "[]") != 0);
}

TEST_CASE(Store, an_answer_is_a_json_array_of_strings) {
  const struct store_row nul = {"a/secret/nul", "secret", "a\0b", 3};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save(rows, "a/pod/a", "pod", "{\"text\": \"a\\\"b\"}"));
  require_ok(save(rows, "a/pod/number", "pod", "007"));
  require_ok(save(rows, "a/pod/empty", "pod", ""));
  require_ok(save(rows, "a/pod/control", "pod", "\x01\t\n\r\b\f\\\x7f"));
  require_ok(store_save(rows, &nul, &failure));
  check_answer(rows, "a/pod/a", "[\"{\\\"text\\\": \\\"a\\\\\\\"b\\\"}\"]");
  check_answer(rows, "a/pod/number", "[\"007\"]");
  check_answer(rows, "a/pod/empty", "[\"\"]");
  check_answer(rows, "a/pod/control", "[\"\\u0001\\t\\n\\r\\b\\f\\\\\x7f\"]");
  check_answer(rows, "a/secret/nul", "[\"a\\u0000b\"]");
  check_answer(rows, "a/pod/absent", "[]");
}

TEST_CASE(Store, a_value_that_is_null_in_the_table_answers_as_an_empty_one) {
  g_autofree char *path = fixture_database();
  fixture_run(path, "INSERT INTO meta(key, type, value) VALUES('a/pod/a', 'pod', NULL)");
  g_autoptr(store) rows = fixture_store(path);

  check_answer(rows, "a/pod/a", "[\"\"]");
  check_query(rows, "key", "a/pod/a", "\n", "a/pod/a|pod|\n");
}

TEST_CASE(Store, the_answer_for_a_type_has_all_its_rows_oldest_first) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  GString *want = g_string_new("[");
  struct store_json answer;

  for (guint i = 0; i < 1000; i++) {
    g_autofree char *key = g_strdup_printf("ns-%u/pod/%u", i * 37 % 10, i * 7919 % 1000);
    g_autofree char *value = g_strdup_printf("%u", i);
    require_ok(save(rows, key, i % 5 == 0 ? "node" : "pod", value));
    if (i % 5 != 0)
      g_string_append_printf(want, "%s\"%u\"", want->len > 1 ? "," : "", i);
  }
  g_string_append_c(want, ']');
  require_ok(store_answer_type(rows, "pod", &answer, &failure));
  check_int_eq(answer.rows, 800);
  check_str_eq(answer.text, want->str);
  require_ok(store_answer_type(rows, "absent", &answer, &failure));
  check_int_eq(answer.rows, 0);
  check_str_eq(answer.text, "[]");
  g_string_free(want, TRUE);
}
