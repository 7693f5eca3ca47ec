/* What a module at rest does about damage. */
#include "fake_core.h"
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define SECOND G_USEC_PER_SEC

static void connect_cloud(fake_core *core, module *metamanager) {
  fake_core_push(core, fake_message(.source = "websocket", .operation = "publish", .resource = "node/connection",
                                    .raw = "\"cloud_connected\""));
  fake_core_run(core, metamanager);
}

static void insert_wanted(const char *path, guint count) {
  g_autofree char *sql = g_strdup_printf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
                                         " INSERT INTO metamanager_wanted SELECT printf('a/secret/%%03d', i) FROM n",
                                         count);

  fixture_run(path, sql);
}

/* The first ones are not answered; the others get their turn all the same. */
TEST_CASE(ModuleDamage, keys_that_nobody_answers_for_do_not_hold_up_the_others) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

  insert_wanted(fake_core_database(core), 40);
  module *metamanager = fake_core_start(core, NULL);
  connect_cloud(core, metamanager);
  fake_core_run_for(core, metamanager, 5 * SECOND);
  g_autoptr(GPtrArray) sent = fake_core_take(core, "websocket");
  for (guint i = 0; i < sent->len; i++)
    g_hash_table_add(asked, g_strdup(message_read(fake_sent_at(sent, i)->message)->resource));
  check_true(g_hash_table_contains(asked, "a/secret/040"));
  check_int_ge(g_hash_table_size(asked), 40);
  fake_core_end(core, metamanager);
}

TEST_CASE(ModuleDamage, a_refusal_of_the_cloud_ends_the_asking) {
  g_autoptr(fake_core) core = fake_core_new(NULL);

  insert_wanted(fake_core_database(core), 1);
  module *metamanager = fake_core_start(core, NULL);
  connect_cloud(core, metamanager);
  fake_core_run_for(core, metamanager, SECOND / 2);
  g_autoptr(GPtrArray) sent = fake_core_take(core, "websocket");
  for (guint i = 0; i < sent->len; i++) {
    const struct edgecore_message *message = fake_sent_at(sent, i)->message;
    if (g_str_equal(message_read(message)->operation, "query"))
      fake_core_complete(core, message, EDGECORE_OK,
                         fake_reply(message, "edgecontroller", "{\"kind\":\"Status\",\"status\":\"Failure\"}"));
  }
  fake_core_run_for(core, metamanager, SECOND / 2);
  check_rows(fake_core_database(core), "SELECT count(*) FROM metamanager_wanted", "0");
  check_rows(fake_core_database(core), "SELECT count(*) FROM meta", "0");
  fake_core_end(core, metamanager);
}

/* The page of the table says that it has one row fewer; the indexes still know it. */
static void hide_row(const char *path) {
  g_autofree char *root = fixture_rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'meta'");
  long at = 4096 * (long)(g_ascii_strtoull(root, NULL, 10) - 1) + 4;
  FILE *file = fopen(path, "r+");

  check_int_eq(fseek(file, at, SEEK_SET), 0);
  int rows = fgetc(file);
  check_int_eq(fseek(file, at, SEEK_SET), 0);
  check_int_eq(fputc(rows - 1, file), rows - 1);
  fclose(file);
}

/* A module that has been at rest for some time, with rows of upstream in its database file. */
static module *start_at_rest(fake_core *core) {
  fixture_run(fake_core_database(core), "INSERT INTO meta(key, type, value) VALUES('a/secret/1', 'secret', '{}'),"
                                        " ('a/secret/2', 'secret', '{}'), ('a/pod/3', 'pod', '{}')");
  module *metamanager = fake_core_start(core, NULL);
  fake_core_run_for(core, metamanager, 5 * SECOND);
  /* Its first commit of all was checkpointed before the next one. */
  fixture_run(fake_core_database(core), "PRAGMA wal_checkpoint");
  return metamanager;
}

TEST_CASE(ModuleDamage, rows_that_only_the_indexes_know_are_missed) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  const char *path = fake_core_database(core);
  module *metamanager = start_at_rest(core);

  check_rows(path, "SELECT count(*), count(sum) FROM meta", "3|3");
  hide_row(path);
  /* Another program's commit makes SQLite forget what it has read. */
  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
  fake_core_run_for(core, metamanager, 25 * 3600 * (gint64)SECOND);
  check_contains(fake_core_log(core), "lost the row a/pod/3");
  check_contains(fake_core_log(core), "has been mended");
  check_rows(path, "SELECT count(*), count(sum) FROM meta", "2|2");
  check_rows(path, "PRAGMA integrity_check", "ok");
  fake_core_end(core, metamanager);
}

/* The index of the keys has another name for the row. */
static void misname_in_index(const char *path) {
  g_autofree char *root =
      fixture_rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_meta_1'");
  long start = 4096 * (long)(g_ascii_strtoull(root, NULL, 10) - 1);
  char page[4096];
  FILE *file = fopen(path, "r+");

  check_int_eq(fseek(file, start, SEEK_SET), 0);
  require_int_eq(fread(page, sizeof page, 1, file), 1);
  const char *name = memmem(page, sizeof page, "a/pod/3", strlen("a/pod/3"));
  require_not_null(name);
  check_int_eq(fseek(file, start + (name - page) + 6, SEEK_SET), 0);
  check_int_eq(fputc('2', file), '2');
  fclose(file);
}

/* Found while the row is still hidden; else it would be back in the next list, and the pod with it. */
TEST_CASE(ModuleDamage, a_row_that_an_index_hides_is_deleted_all_the_same) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  const char *path = fake_core_database(core);
  module *metamanager = start_at_rest(core);

  misname_in_index(path);
  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
  fake_core_push(core, fake_message(.source = "edgecontroller", .operation = "delete", .resource = "a/pod/3"));
  fake_core_run(core, metamanager);
  check_contains(fake_core_log(core), "the index of keys lacks a/pod/3");
  check_contains(fake_core_log(core), "has been mended");
  check_rows(path, "SELECT key FROM meta", "a/secret/1\na/secret/2");
  check_rows(path, "PRAGMA integrity_check", "ok");
  fake_core_end(core, metamanager);
}

/* Upstream's rows that a repair saved have no checksum yet. */
TEST_CASE(ModuleDamage, after_a_repair_all_rows_are_summed) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  const char *path = fake_core_database(core);
  module *metamanager = start_at_rest(core);

  fixture_run(path, "UPDATE meta SET sum = NULL; PRAGMA wal_checkpoint");
  hide_row(path);
  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
  fake_core_run_for(core, metamanager, 25 * 3600 * (gint64)SECOND);
  check_contains(fake_core_log(core), "has been mended");
  check_rows(path, "SELECT count(*), count(sum) FROM meta", "2|2");
  fake_core_end(core, metamanager);
}
