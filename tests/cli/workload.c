/* A node's whole workload, against what KubeEdge itself made of it. */
#include "cli.h"
#include "test.h"

#include <json-glib/json-glib.h>
#include <sqlite3.h>
#include <string.h>

/* key -> "type\nvalue" */
static GHashTable *table_read(const char *path) {
  GHashTable *rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  sqlite3 *database = NULL;
  sqlite3_stmt *statement = NULL;
  check_int_eq(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  check_int_eq(sqlite3_prepare_v2(database, "SELECT key, type || char(10) || value FROM meta", -1, &statement, NULL),
               SQLITE_OK);
  while (sqlite3_step(statement) == SQLITE_ROW)
    g_hash_table_insert(rows, g_strdup((const char *)sqlite3_column_text(statement, 0)),
                        g_strdup((const char *)sqlite3_column_text(statement, 1)));
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return rows;
}

/* Values count as JSON: KubeEdge wrote list elements again in its own spelling. */
static gboolean rows_equal(const char *a, const char *b) {
  const char *value_a = strchr(a, '\n') + 1, *value_b = strchr(b, '\n') + 1;
  if (value_a - a != value_b - b || strncmp(a, b, (gsize)(value_a - a)) != 0)
    return FALSE;
  g_autoptr(JsonNode) node_a = json_from_string(value_a, NULL);
  g_autoptr(JsonNode) node_b = json_from_string(value_b, NULL);
  return node_a != NULL && node_b != NULL && json_node_equal(node_a, node_b);
}

static char *workload_read(void) {
  g_autoptr(GError) error = NULL;
  char *text = NULL;
  check_true(g_file_get_contents(TESTS_SOURCE_DIR "/workload/edge-node.jsonl", &text, NULL, &error));
  check_no_error(error);
  return text;
}

TEST_CASE(Workload, leaves_the_table_that_kubeedge_left) {
  g_autofree char *input = workload_read();
  g_auto(outcome) end = cli_feed(NULL, input, -1);
  check_int_eq(end.status, 0);
  check_str_eq(end.error, "");
  check_int_eq(count_of(end.output, "{\"to\":\"websocket\""), 260);
  check_int_eq(count_of(end.output, "{\"to\":\"edged\""), 257);
  check_int_eq(count_of(end.output, "{\"to\":\"edgemesh\""), 3);

  g_autofree char *fixture_bytes = NULL;
  gsize fixture_size = 0;
  require_true(
      g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &fixture_bytes, &fixture_size, NULL));
  g_autofree char *fixture = test_file("kubeedge.db", fixture_bytes, (gssize)fixture_size);
  g_autofree char *database = test_path("edge.db");
  g_autoptr(GHashTable) want = table_read(fixture);
  g_autoptr(GHashTable) got = table_read(database);
  check_int_eq(g_hash_table_size(want), 458);
  check_int_eq(g_hash_table_size(got), 458);
  GHashTableIter each;
  gpointer key, value;
  g_hash_table_iter_init(&each, want);
  while (g_hash_table_iter_next(&each, &key, &value)) {
    const char *row = g_hash_table_lookup(got, key);
    if (row == NULL || !rows_equal(value, row))
      check_fail("%s: want %.200s, got %.200s", (char *)key, (char *)value, row != NULL ? row : "no row");
  }
}

TEST_CASE(Workload, a_second_time_changes_nothing) {
  g_autofree char *input = workload_read();
  g_auto(outcome) first = cli_feed(NULL, input, -1);
  check_int_eq(first.status, 0);
  g_autofree char *database = test_path("edge.db");
  g_autoptr(GHashTable) before = table_read(database);
  g_auto(outcome) second = cli_feed(NULL, input, -1);
  check_int_eq(second.status, 0);
  g_autoptr(GHashTable) after = table_read(database);
  check_int_eq(g_hash_table_size(after), g_hash_table_size(before));
  GHashTableIter each;
  gpointer key, value;
  g_hash_table_iter_init(&each, before);
  while (g_hash_table_iter_next(&each, &key, &value))
    check_str_eq(g_hash_table_lookup(after, key), value);
}
