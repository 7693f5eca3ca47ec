/* What becomes of messages for the cloud while the hub is full, and who else finds room in its queue. */
#include "scene.h"

#include "fault_vfs.h"
#include "test.h"

#include <string.h>

/* Without the sync of each interval, which would hide what the cloud was not told. */
static const char *const seldom[] = {"meta.sync.podstatus.interval", "86400", NULL};

static void say_answers(struct scene *scene, guint count) {
  for (guint i = 0; i < count; i++)
    scene_say(scene, "edged", "response", "default/x/y", "1");
}

static void say_status(struct scene *scene) {
  scene_say(scene, "edgecontroller", "insert", "default/pod/p", "{}");
  scene_run(scene);
  scene_say(scene, "edged", "update", "default/podstatus/p", "{\"a\":1}");
  scene_run(scene);
}

/* All that the hub passes on within an hour. */
static char *an_hour_of(struct scene *scene) {
  g_autofree char *first = scene_cloud(scene);

  scene_run_for(scene, G_TIME_SPAN_HOUR);
  g_autofree char *rest = scene_cloud(scene);
  return g_strconcat(first, rest, NULL);
}

/* The sync has to wait for room, and is not kept: the table has the statuses, but nobody would look there for a day. */
TEST_CASE(Hub, pod_statuses_of_a_new_connection_reach_the_cloud_through_a_full_one) {
  struct scene scene = scene_begin(seldom);

  fake_core_set_capacity(scene.core, "websocket", 1);
  scene_link(&scene, FALSE);
  say_status(&scene);
  say_answers(&scene, 20);
  scene_run(&scene);
  scene_link(&scene, TRUE);
  say_answers(&scene, 1);
  g_autofree char *heard = an_hour_of(&scene);
  check_contains(heard, "update default/podstatus [{\"a\":1}]");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

TEST_CASE(Hub, a_pod_status_that_changes_while_it_is_full_reaches_the_cloud) {
  struct scene scene = scene_begin(seldom);

  fake_core_set_capacity(scene.core, "websocket", 16);
  scene_link(&scene, FALSE);
  say_answers(&scene, 200);
  scene_run(&scene);
  scene_link(&scene, TRUE);
  fake_core_set_capacity(scene.core, "websocket", fake_core_queued(scene.core, "websocket"));
  say_status(&scene);
  say_answers(&scene, 1);
  scene_run_for(&scene, 100000);
  fake_core_set_capacity(scene.core, "websocket", 16);
  g_autofree char *heard = an_hour_of(&scene);
  check_contains(heard, "default/podstatus");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

/* Before it is told of any link it passes on what the hub takes; one version must not leave to the next what that never touches. */
TEST_CASE(Hub, what_a_stuck_one_left_is_passed_on_by_the_next_version_too) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "websocket", 4);
  say_answers(&scene, 5000);
  scene_run_for(&scene, 200 * G_USEC_PER_SEC);
  check_int_ge(scene_count(&scene, SCENE_OUTBOX), 1);
  scene_swap(&scene);
  fake_core_set_capacity(scene.core, "websocket", 10000);
  scene_run_for(&scene, G_TIME_SPAN_MINUTE);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 5000);
  scene_end(&scene);
}

TEST_CASE(Hub, an_edge_site_made_by_a_swap_sends_what_is_kept_before_what_is_new) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/x/y", "old");
  say_answers(&scene, 3);
  scene_run(&scene);
  fake_core_set(scene.core, "metamanager.edgesite", "true");
  scene_swap(&scene);
  scene_say(&scene, "edged", "update", "default/x/y", "new");
  module_run_inbox(scene.module);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 1\nresponse default/x/y 1\nresponse default/x/y 1\n"
                      "update default/x/y new\n");
  scene_end(&scene);
}

/* Other modules have filled it, and it passes on one message at a time. */
TEST_CASE(Hub, a_busy_one_is_not_filled) {
  struct scene scene = scene_begin(NULL);
  guint times_full = 0;

  scene_link(&scene, FALSE);
  say_answers(&scene, 1000);
  scene_run(&scene);
  fake_core_set_capacity(scene.core, "websocket", 64);
  const struct edgecore_core *table = fake_core_table(scene.core);
  for (guint i = 0; i < 64; i++) {
    struct edgecore_message *message = fake_message(.source = "eventbus", .operation = "x", .resource = "a/b/c");
    require_int_eq(table->send(table, "websocket", message, NULL), EDGECORE_OK);
    table->message_unref(message);
  }
  scene_link(&scene, TRUE);
  for (guint i = 0; i < 300; i++) {
    g_ptr_array_unref(fake_core_take_some(scene.core, "websocket", 1));
    scene_run_for(&scene, 6000);
    times_full += fake_core_queued(scene.core, "websocket") == 64;
  }
  check_int_le(times_full, 1);
  check_int_le(scene_count(&scene, SCENE_OUTBOX), 999);
  scene_end(&scene);
}

/* Neither the hub nor the disk takes anything: that is said, but not at each attempt to deliver. */
TEST_CASE(Hub, a_full_one_and_a_full_disk_do_not_fill_the_log) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);
  guint lines = 0;

  fake_core_set_capacity(scene.core, "websocket", 0);
  /* A bare OK is passed on, and not stored. */
  for (guint i = 0; i < 6000; i++)
    scene_say(&scene, "edged", "response", "default/x/y", "OK");
  fault_vfs_set_full(TRUE);
  /* Until as much waits in memory as may. */
  scene_run_for(&scene, 200 * G_USEC_PER_SEC);
  fake_core_clear_log(scene.core);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_contains(fake_core_log(scene.core), "messages for the cloud wait in memory");
  for (const char *at = fake_core_log(scene.core); (at = strchr(at, '\n')) != NULL; at++)
    lines++;
  check_int_le(lines, 11);
  fault_vfs_set_full(FALSE);
  scene_end(&scene);
  fault_vfs_remove();
}
