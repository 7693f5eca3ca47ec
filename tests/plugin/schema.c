#include "schema.h"

#include "fixture.h"

/* One text for all rows of upstream's columns, so that any difference shows. */
#define ALL_ROWS "SELECT rowid, key, type, value FROM meta ORDER BY rowid"

TEST_CASE(Schema, steps_are_numbered_from_one_without_a_gap) {
  check_int_eq(schema_model.size, sizeof schema_model);
  check_str_eq(schema_model.table, "meta");
  for (guint i = 0; i < schema_model.step_count; i++) {
    check_int_eq(schema_model.steps[i].size, sizeof(struct edgecore_model_step));
    check_int_eq(schema_model.steps[i].version, i + 1);
  }
}

TEST_CASE(Schema, a_new_database_has_the_tables_the_indexes_and_our_name) {
  g_autofree char *path = fixture_database();

  check_rows(path, "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('meta')",
             "key|varchar(256)|1|NULL|1\ntype|varchar(32)|1|''|0\nvalue|TEXT|0|NULL|0\nsum|INTEGER|0|NULL|0");
  check_rows(
      path, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
      "meta\nmeta_type\nmetamanager_outbox\nmetamanager_outbox_answer\nmetamanager_outbox_latest\nmetamanager_wanted");
  check_rows(path, "SELECT user_version, printf('%x', application_id) FROM pragma_user_version, pragma_application_id",
             "5|4b456d6d");
}

TEST_CASE(Schema, it_has_no_trigger_and_no_view) {
  g_autofree char *path = fixture_database();

  check_rows(path, "SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')", "0");
}

TEST_CASE(Schema, a_list_by_type_reads_the_index_and_is_not_sorted) {
  g_autofree char *path = fixture_database();

  g_autofree char *plan =
      fixture_rows(path, "EXPLAIN QUERY PLAN SELECT value FROM meta WHERE type = 'pod' ORDER BY rowid");
  check_contains(plan, "SEARCH meta USING INDEX meta_type (type=?)");
  check_lacks(plan, "B-TREE");
}

TEST_CASE(Schema, upstreams_database_keeps_its_rows_and_gains_what_we_add) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL));
  g_autofree char *original = test_file("upstream.db", bytes, (gssize)size);
  g_autofree char *before = fixture_rows(original, ALL_ROWS);
  g_autofree char *path = fixture_upstream_database();

  check_rows(path, "SELECT count(*) FROM meta", "458");
  g_autofree char *after = fixture_rows(path, ALL_ROWS);
  check_true(g_str_equal(before, after));
  check_rows(path, "SELECT count(*) FROM meta WHERE sum IS NOT NULL", "0");
  check_rows(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta_type'", "1");
  check_rows(path, "SELECT user_version FROM pragma_user_version", "5");
  check_rows(path, "PRAGMA integrity_check", "ok");
}

TEST_CASE(Schema, upstreams_database_is_in_wal_mode_once_the_store_has_opened_it) {
  g_autofree char *path = fixture_upstream_database();
  g_autoptr(store) rows = fixture_store(path);
  check_not_null(rows);

  check_rows(path, "PRAGMA journal_mode", "wal");
  check_rows(path, "SELECT count(*) FROM meta", "458");
}

/* An older version's own statements on a database that has grown. */
TEST_CASE(Schema, upstream_can_still_read_and_write_what_we_leave) {
  g_autofree char *path = fixture_upstream_database();

  fixture_run(path, "INSERT OR REPLACE INTO meta(key, type, value) VALUES('default/pod/old', 'pod', '{}')");
  check_rows(path, "SELECT key, type, value FROM meta WHERE key = 'default/pod/old'", "default/pod/old|pod|{}");
  g_autoptr(store) rows = fixture_store(path);
  struct store_json answer;
  require_ok(store_answer_key(rows, "default/pod/old", &answer, &failure));
  check_str_eq(answer.text, "[\"{}\"]");
}
