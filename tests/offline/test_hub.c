/* What becomes of messages for the cloud while the hub is full, and who else finds room in its queue. */
#include "scene.h"

#include "failure.h"
#include "test.h"

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
