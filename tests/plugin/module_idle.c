/* What waits for a quiet moment: checkpoints, checksums, the check of all rows, and asking again for what was lost. */
#include "fake_core.h"
#include "file_vfs.h"
#include "fixture.h"
#include "scene.h"

#include <stdio.h>
#include <string.h>

#define DAY (24 * G_TIME_SPAN_HOUR)

/* Rows of one value, whatever the number of messages for it. */
static void insert(struct scene *scene, const char *resource, gsize size) {
  g_autofree char *value = g_strnfill(size, 'v');

  scene_say(scene, "edgecontroller", "insert", resource, value);
  scene_run(scene);
  g_ptr_array_unref(fake_core_take(scene->core, "edged"));
  g_ptr_array_unref(fake_core_take(scene->core, "websocket"));
}

static void damage(struct scene *scene, const char *resource) {
  g_autofree char *sql = g_strdup_printf("UPDATE meta SET value = 'damaged' WHERE key = '%s'", resource);

  fixture_run(fake_core_database(scene->core), sql);
}

static void check_heard(struct scene *scene, const char *name, const char *want) {
  g_autofree char *heard = scene_heard(scene, name);

  check_str_eq(heard, want);
}

/* ---------------------------------------------------------------------------------------------------------- checkpoints */

TEST_CASE(ModuleIdle, moves_a_large_wal_to_the_file_once_nothing_happens) {
  struct scene scene = scene_begin(NULL);

  insert(&scene, "a/pod/1", 400000);
  file_vfs_install();
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_ge(file_vfs_count(FILE_WRITE, ".db"), 64);
  scene_end(&scene);
}

TEST_CASE(ModuleIdle, leaves_a_small_wal_where_it_is) {
  struct scene scene = scene_begin(NULL);

  insert(&scene, "a/pod/0", 100);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  insert(&scene, "a/pod/1", 100);
  file_vfs_install();
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_eq(file_vfs_count(FILE_WRITE, ".db"), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleIdle, under_load_the_wal_is_bounded_all_the_same) {
  struct scene scene = scene_begin(NULL);
  g_autofree char *wal = g_strconcat(fake_core_database(scene.core), "-wal", NULL);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  for (guint i = 0; i < 60; i++) {
    g_autofree char *resource = g_strdup_printf("a/pod/%u", i);
    insert(&scene, resource, 500000);
  }
  require_true(g_file_get_contents(wal, &bytes, &size, NULL));
  check_int_le(size, 8 << 20);
  scene_end(&scene);
}

/* ------------------------------------------------------------------------------------------------ damage and the cloud */

TEST_CASE(ModuleIdle, a_damaged_row_of_a_type_that_the_cloud_has_is_asked_for_again) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  insert(&scene, "a/configmap/c", 10);
  insert(&scene, "a/pod/1", 10);
  damage(&scene, "a/configmap/c");
  damage(&scene, "a/pod/1");
  scene_say(&scene, "edged", "query", "a/pod/1", NULL);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  g_autoptr(GPtrArray) asked = fake_core_take(scene.core, "websocket");
  require_int_ge(asked->len, 1);
  const struct edgecore_message_fields *fields = message_read(fake_sent_at(asked, 0)->message);
  check_str_eq(fields->operation, "query");
  check_str_eq(fields->resource, "a/configmap/c");
  check_str_eq(fields->source, "metaManager");
  for (guint i = 0; i < asked->len; i++)
    check_str_eq(message_read(fake_sent_at(asked, i)->message)->resource, "a/configmap/c");
  check_contains(fake_core_log(scene.core), "error the row a/configmap/c is damaged");
  check_contains(fake_core_log(scene.core), "error the row a/pod/1 is damaged");
  scene_end(&scene);
}

/* The one request that the hub has got. */
static struct edgecore_message *take_request(struct scene *scene) {
  g_autoptr(GPtrArray) sent = fake_core_take(scene->core, "websocket");

  if (sent->len == 0)
    g_error("nothing was asked of the cloud");
  return message_ref(fake_sent_at(sent, sent->len - 1)->message);
}

TEST_CASE(ModuleIdle, what_the_cloud_sends_is_stored_and_nobody_is_told) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  insert(&scene, "a/secret/s", 10);
  damage(&scene, "a/secret/s");
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  struct edgecore_message *request = take_request(&scene);
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "again")));
  message_unref(request);
  check_heard(&scene, "edged", "");
  check_rows(fake_core_database(scene.core), "SELECT value FROM meta WHERE key = 'a/secret/s'", "again");
  scene_run_for(&scene, G_TIME_SPAN_HOUR);
  check_rows(fake_core_database(scene.core), "SELECT count(*) FROM metamanager_wanted", "0");
  check_int_eq(fake_core_requests(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleIdle, what_was_lost_without_a_link_is_asked_for_when_there_is_one) {
  struct scene scene = scene_begin(NULL);

  insert(&scene, "a/secret/s", 10);
  damage(&scene, "a/secret/s");
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_heard(&scene, "websocket", "");
  scene_swap(&scene);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_heard(&scene, "websocket", "");
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 2 * G_USEC_PER_SEC);
  check_heard(&scene, "websocket", "query a/secret/s \n");
  scene_end(&scene);
}

TEST_CASE(ModuleIdle, a_row_that_nobody_reads_is_checked_once_a_day) {
  struct scene scene = scene_begin(NULL);

  insert(&scene, "a/pod/1", 10);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  damage(&scene, "a/pod/1");
  scene_run_for(&scene, DAY - G_TIME_SPAN_HOUR);
  check_lacks(fake_core_log(scene.core), "is damaged");
  insert(&scene, "a/pod/2", 10);
  scene_run_for(&scene, 2 * G_TIME_SPAN_HOUR);
  insert(&scene, "a/pod/3", 10);
  scene_run_for(&scene, G_TIME_SPAN_HOUR);
  check_contains(fake_core_log(scene.core), "error the row a/pod/1 is damaged");
  scene_end(&scene);
}

/* ------------------------------------------------------------------------------------------------ what was lost, in numbers */

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
TEST_CASE(ModuleIdle, keys_that_nobody_answers_for_do_not_hold_up_the_others) {
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

TEST_CASE(ModuleIdle, a_refusal_of_the_cloud_ends_the_asking) {
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

TEST_CASE(ModuleIdle, rows_that_only_the_indexes_know_are_missed) {
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

/* Upstream's rows that a repair saved have no checksum yet. */
TEST_CASE(ModuleIdle, after_a_repair_all_rows_are_summed) {
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
