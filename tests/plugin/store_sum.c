/* The checksum of each row: what was changed behind the store's back is not there, is counted, and is named in the log. */
#include "fixture.h"
#include "secret.h"

#include <string.h>

static gint64 changed;

static store *store_with_pods(const char *path) {
  store *rows = fixture_store(path);
  const struct store_row pods[] = {fixture_row("a/pod/1", "pod", "one"), fixture_row("a/pod/2", "pod", SECRET),
                                   fixture_row("a/pod/3", "pod", "three")};

  for (guint i = 0; i < G_N_ELEMENTS(pods); i++)
    if (store_save(rows, &pods[i], &failure) != EDGECORE_OK)
      g_error("%s", failure.text);
  fixture_commit(rows);
  return rows;
}

static void count_value(const char *value, gsize size, void *data) {
  (void)value;
  (void)size;
  (*(guint *)data)++;
}

/* No way to read shows it. */
static void check_is_missing(store *rows, const char *key, const char *value) {
  struct store_json answer;
  gboolean has;
  guint count = 0;

  check_ok(store_has(rows, key, &has, &failure));
  check_false(has);
  check_ok(store_has_value(rows, key, value, strlen(value), &has, &failure));
  check_false(has);
  check_ok(store_answer_key(rows, key, &answer, &failure));
  check_int_eq(answer.rows, 0);
  check_str_eq(answer.text, "[]");
  check_ok(store_query(rows, "key", key, count_value, &count, &failure));
  check_ok(store_query(rows, "value", value, count_value, &count, &failure));
  check_int_eq(count, 0);
}

TEST_CASE(StoreSum, a_row_changed_behind_the_stores_back_is_missing_counted_and_logged_by_key) {
  static const struct {
    const char *sql;
    const char *key;
    const char *value;
  } damages[] = {
      {"UPDATE meta SET value = 'twp' WHERE key = 'a/pod/2'", "a/pod/2", "twp"},
      {"UPDATE meta SET value = NULL WHERE key = 'a/pod/2'", "a/pod/2", ""},
      {"UPDATE meta SET type = 'pof' WHERE key = 'a/pod/2'", "a/pod/2", SECRET},
      {"UPDATE meta SET key = 'a/pod/22' WHERE key = 'a/pod/2'", "a/pod/22", SECRET},
      {"UPDATE meta SET sum = sum + 1 WHERE key = 'a/pod/2'", "a/pod/2", SECRET},
      {"UPDATE meta SET sum = 'text' WHERE key = 'a/pod/2'", "a/pod/2", SECRET},
  };

  for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
    g_autofree char *path = fixture_database();
    test_note("%s", damages[i].sql);
    g_autoptr(store) rows = store_with_pods(path);
    fixture_run(path, damages[i].sql);
    check_int_eq(store_damaged(rows), 0);
    check_is_missing(rows, damages[i].key, damages[i].value);
    check_int_ge(store_damaged(rows), 1);
    g_autofree char *line = g_strdup_printf("the row %s is damaged", damages[i].key);
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, line), store_damaged(rows));
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, SECRET), 0);
  }
}

TEST_CASE(StoreSum, the_other_rows_of_a_list_are_there) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);
  struct store_json answer;

  fixture_run(path, "UPDATE meta SET value = 'twp' WHERE key = 'a/pod/2'");
  require_ok(store_answer_type(rows, "pod", &answer, &failure));
  check_str_eq(answer.text, "[\"one\",\"three\"]");
  check_int_eq(answer.rows, 2);
  check_int_eq(store_damaged(rows), 1);
}

TEST_CASE(StoreSum, its_key_is_told_once_however_often_it_is_read) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);

  fixture_run(path, "UPDATE meta SET sum = 5 WHERE key = 'a/pod/2'");
  for (int i = 0; i < 3; i++)
    check_is_missing(rows, "a/pod/2", SECRET);
  g_autofree char *first = store_take_damaged(rows);
  g_autofree char *second = store_take_damaged(rows);
  check_str_eq(first, "a/pod/2");
  check_str_eq(second, NULL);
}

TEST_CASE(StoreSum, writing_it_again_heals_it) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);
  const struct store_row row = fixture_row("a/pod/2", "pod", SECRET);
  struct store_json answer;

  fixture_run(path, "UPDATE meta SET sum = 5 WHERE key = 'a/pod/2'");
  check_is_missing(rows, "a/pod/2", SECRET);
  require_ok(store_insert_or_update(rows, &row, &failure));
  fixture_commit(rows);
  require_ok(store_answer_key(rows, "a/pod/2", &answer, &failure));
  check_str_eq(answer.text, "[\"" SECRET "\"]");
}

/* The new sum would be made of what is wrong. */
TEST_CASE(StoreSum, a_list_that_writes_it_again_heals_it_and_the_next_damage_is_news) {
  static const char list[] = "[{\"metadata\":{\"name\":\"e\",\"namespace\":\"a\"}}]";
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  for (guint i = 1; i <= 2; i++) {
    struct store_json answer;
    check_ok(store_save_list(rows, "endpoints", list, strlen(list), &failure));
    fixture_commit(rows);
    check_int_eq(store_damaged(rows), 0);
    fixture_run(path, "UPDATE meta SET value = '{}'");
    check_ok(store_answer_key(rows, "a/endpoints/e", &answer, &failure));
    check_int_eq(answer.rows, 0);
    g_autofree char *key = store_take_damaged(rows);
    check_str_eq(key, "a/endpoints/e");
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "the row a/endpoints/e is damaged"), i);
  }
}

TEST_CASE(StoreSum, updating_one_field_does_not_bless_the_others) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);

  fixture_run(path, "UPDATE meta SET value = 'twp' WHERE key = 'a/pod/2'");
  require_ok(store_update_field(rows, "a/pod/2", "type", "other", &changed, &failure));
  check_int_eq(changed, 0);
  fixture_commit(rows);
  check_is_missing(rows, "a/pod/2", "twp");
}

TEST_CASE(StoreSum, a_damaged_status_is_not_synced_and_a_damaged_pod_still_counts_as_a_pod) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);
  const struct store_row status = fixture_row("a/podstatus/1", "podstatus", "{}");
  gint64 deleted;

  require_ok(store_save(rows, &status, &failure));
  fixture_commit(rows);
  fixture_run(path, "UPDATE meta SET value = 'x' WHERE key = 'a/pod/1'");
  require_ok(store_delete_orphaned_podstatus(rows, &deleted, &failure));
  check_int_eq(deleted, 0);
  fixture_commit(rows);
  check_rows(path, "SELECT count(*) FROM meta WHERE type = 'podstatus'", "1");
}

TEST_CASE(StoreSum, the_log_survives_a_key_that_is_no_text) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);
  struct store_json answer;

  fixture_run(path, "UPDATE meta SET key = CAST(x'ff00fe' AS TEXT) WHERE key = 'a/pod/2'");
  require_ok(store_answer_type(rows, "pod", &answer, &failure));
  check_int_eq(answer.rows, 2);
  check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "is damaged"), 1);
}

/* --------------------------------------------------------------------------------------------------- upstream's rows */

TEST_CASE(StoreSum, upstreams_rows_are_read_before_they_have_one) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(store) rows = fixture_store(path);
  guint pods = 0;

  require_ok(store_query(rows, "type", "pod", count_value, &pods, &failure));
  g_autofree char *count = g_strdup_printf("%u", pods);
  check_rows(path, "SELECT count(*) FROM meta WHERE type = 'pod'", count);
  check_int_ge(pods, 1);
  check_int_eq(store_damaged(rows), 0);
}

TEST_CASE(StoreSum, upstreams_rows_get_theirs_some_at_a_time) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autofree char *before = fixture_rows(path, "SELECT rowid, key, type, value FROM meta ORDER BY rowid");
  gint64 after = G_MININT64;
  guint sums = 0, steps = 0, done;

  do {
    require_ok(store_sum_rows(rows, 100, &after, &done, &failure));
    fixture_commit(rows);
    check_int_le(done, 100);
    sums += done;
    steps++;
  } while (done > 0);
  check_int_eq(sums, 458);
  check_int_eq(steps, 6);
  check_rows(path, "SELECT count(*), count(sum) FROM meta", "458|458");
  g_autofree char *rest = fixture_rows(path, "SELECT rowid, key, type, value FROM meta ORDER BY rowid");
  check_true(g_str_equal(before, rest));

  g_autofree char *keys = fixture_rows(path, "SELECT key FROM meta");
  g_auto(GStrv) each = g_strsplit(keys, "\n", -1);
  for (guint i = 0; each[i] != NULL; i++) {
    gboolean has;
    test_note("%s", each[i]);
    check_ok(store_has(rows, each[i], &has, &failure));
    check_true(has);
  }
  check_int_eq(store_damaged(rows), 0);
}

TEST_CASE(StoreSum, a_row_that_has_one_keeps_it) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = store_with_pods(path);
  gint64 after = G_MININT64;
  guint done;

  fixture_run(path, "UPDATE meta SET value = 'twp' WHERE key = 'a/pod/2'");
  require_ok(store_sum_rows(rows, 100, &after, &done, &failure));
  check_int_eq(done, 0);
  fixture_commit(rows);
  check_is_missing(rows, "a/pod/2", "twp");
}
