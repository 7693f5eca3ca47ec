/* What waits for a quiet moment: checkpoints, checksums, the check of all rows, and asking again for what was lost. */
#include "file_vfs.h"
#include "fixture.h"
#include "scene.h"

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

/* A status every second, around the clock. */
TEST_CASE(ModuleIdle, on_a_node_that_is_never_at_rest_damage_is_found_all_the_same) {
  struct scene scene = scene_begin(NULL);

  insert(&scene, "a/configmap/c", 10);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  damage(&scene, "a/configmap/c");
  fixture_run(fake_core_database(scene.core), "INSERT INTO meta VALUES('a/pod/upstreams', 'pod', '{}', NULL)");
  scene_swap(&scene);
  for (guint second = 0; second < 600; second++) {
    g_autofree char *status = g_strdup_printf("%u", second);
    scene_say(&scene, "edged", "update", "a/node/n", status);
    scene_run_for(&scene, G_USEC_PER_SEC);
    g_ptr_array_unref(fake_core_take(scene.core, "edged"));
    g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  }
  check_contains(fake_core_log(scene.core), "a/configmap/c is damaged");
  check_int_eq(scene_count(&scene, "SELECT count(*) FROM meta WHERE sum IS NULL"), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleIdle, a_wanted_key_that_is_no_text_does_not_hold_up_the_others) {
  struct scene scene = scene_begin(NULL);

  fixture_run(fake_core_database(scene.core),
              "INSERT INTO metamanager_wanted VALUES(CAST(x'61ff2f736563726574' AS TEXT)), ('b/secret/s')");
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  g_autofree char *heard = scene_heard(&scene, "websocket");
  check_contains(heard, "query b/secret/s");
  check_int_eq(scene_count(&scene, "SELECT count(*) FROM metamanager_wanted WHERE key < 'b'"), 0);
  scene_end(&scene);
}

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

TEST_CASE(ModuleIdle, a_row_that_is_damaged_once_more_is_asked_for_once_more) {
  struct scene scene = scene_begin(NULL);

  for (guint i = 0; i < 2; i++) {
    insert(&scene, "a/configmap/c", 10 + i);
    damage(&scene, "a/configmap/c");
    test_note("damage %u", i + 1);
    scene_say(&scene, "edged", "query", "a/configmap/c", NULL);
    scene_run_for(&scene, 10 * G_USEC_PER_SEC);
    check_contains(fake_core_log(scene.core), "the row a/configmap/c is damaged");
    check_int_eq(scene_count(&scene, "SELECT count(*) FROM metamanager_wanted"), 1);
    fake_core_clear_log(scene.core);
    fixture_run(fake_core_database(scene.core), "DELETE FROM metamanager_wanted");
  }
  scene_end(&scene);
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
