#include "scene.h"

#include "fault_vfs.h"
#include "test.h"

#include <stdlib.h>

/* Passing on what was kept: at the hub's pace, while everybody else is served, and nothing twice. */

#define KEPT 10000

static void keep_many(struct scene *scene, guint count) {
  scene_link(scene, FALSE);
  for (guint i = 1; i <= count; i++) {
    g_autofree char *content = g_strdup_printf("%u", i);
    scene_say(scene, "edged", "response", "default/x/y", content);
    if (i % 1000 == 0)
      scene_run(scene);
  }
  scene_run(scene);
  g_ptr_array_unref(fake_core_take(scene->core, "edged"));
}

/* The numbers that came, which must go on from *last in steps of 1. */
static void check_numbers(const GPtrArray *sent, guint *last) {
  for (guint i = 0; i < sent->len; i++) {
    g_autofree char *content = fake_content(fake_sent_at(sent, i)->message);
    check_int_eq(strtoul(content, NULL, 10), *last + 1);
    ++*last;
  }
}

TEST_CASE(Flush, leaves_room_and_answers_others_meanwhile) {
  fault_vfs_install();
  fault_vfs_set_syncing(FALSE);
  struct scene scene = scene_begin(NULL);
  guint last = 0;
  guint rounds = 0;

  keep_many(&scene, KEPT);
  fake_core_set_capacity(scene.core, "websocket", 64);
  scene_say(&scene, "edgecontroller", "insert", "default/pod/p", "{}");
  scene_run(&scene);
  scene_link(&scene, TRUE);
  for (; last < KEPT && rounds < KEPT; rounds++) {
    scene_say(&scene, "edged", "query", "default/pod/p", "");
    /* One pass over what is there, and no more. */
    module_run_inbox(scene.module);
    g_autoptr(GPtrArray) edged = fake_core_take(scene.core, "edged");
    check_int_ge(edged->len, 1);
    scene_run_for(&scene, 10000);
    g_autoptr(GPtrArray) cloud = fake_core_take_some(scene.core, "websocket", 50);
    check_numbers(cloud, &last);
    if (last == KEPT)
      break;
  }
  check_int_eq(last, KEPT);
  check_int_le(rounds, KEPT / 25);
  check_int_le(fake_core_longest(scene.core, "websocket"), 63);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX " WHERE answer = 1 AND source = 'edged'"), 0);
  scene_end(&scene);
  fault_vfs_remove();
}

TEST_CASE(Flush, reaches_a_hub_that_takes_one_message_at_a_time) {
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  fake_core_set_capacity(scene.core, "websocket", 1);
  keep_many(&scene, 10);
  scene_link(&scene, TRUE);
  /* It is not filled before it is known to be one. */
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  for (guint i = 0; i < 10; i++) {
    g_autoptr(GPtrArray) cloud = fake_core_take(scene.core, "websocket");
    check_int_eq(cloud->len, 1);
    check_numbers(cloud, &last);
    scene_run_for(&scene, 200000);
  }
  check_int_eq(last, 10);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

/* Somebody who holds the line and takes nothing must not keep the board awake. */
TEST_CASE(Flush, asks_a_full_hub_ever_more_seldom) {
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  keep_many(&scene, 10);
  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  fake_core_set_capacity(scene.core, "websocket", 64);
  scene_run_for(&scene, 20000);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 0);
  scene_run_for(&scene, 160000);
  g_autoptr(GPtrArray) cloud = fake_core_take(scene.core, "websocket");
  check_numbers(cloud, &last);
  check_int_eq(last, 10);
  scene_end(&scene);
}

TEST_CASE(Flush, stops_at_once_when_the_link_goes_down) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "websocket", 16);
  keep_many(&scene, 100);
  scene_link(&scene, TRUE);
  scene_link(&scene, FALSE);
  guint sent = fake_core_queued(scene.core, "websocket");
  check_int_le(sent, 15);
  scene_run_for(&scene, G_TIME_SPAN_HOUR);
  check_int_eq(fake_core_queued(scene.core, "websocket"), sent);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 100 - sent);
  scene_end(&scene);
}

TEST_CASE(Flush, what_is_new_comes_after_what_was_kept) {
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  fake_core_set_capacity(scene.core, "websocket", 8);
  keep_many(&scene, 20);
  scene_link(&scene, TRUE);
  for (guint i = 21; i <= 60; i++) {
    g_autofree char *content = g_strdup_printf("%u", i);
    scene_say(&scene, "edged", "response", "default/x/y", content);
    scene_run_for(&scene, 6000);
    g_autoptr(GPtrArray) cloud = fake_core_take_some(scene.core, "websocket", 2);
    check_numbers(cloud, &last);
  }
  for (guint i = 0; i < 100 && last < 60; i++) {
    scene_run_for(&scene, 6000);
    g_autoptr(GPtrArray) cloud = fake_core_take(scene.core, "websocket");
    check_numbers(cloud, &last);
  }
  check_int_eq(last, 60);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

/* The hub has taken them, but they cannot be deleted: they are not sent twice for that, not even by another version. */
TEST_CASE(Flush, repeats_nothing_while_it_cannot_delete) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  keep_many(&scene, 30);
  fault_vfs_set_full(TRUE);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 30);
  check_contains(fake_core_log(scene.core), "cannot pass on what was kept");
  scene_swap(&scene);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  fault_vfs_set_full(FALSE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  g_autoptr(GPtrArray) cloud = fake_core_take(scene.core, "websocket");
  check_numbers(cloud, &last);
  check_int_eq(last, 30);
  scene_end(&scene);
  fault_vfs_remove();
}

TEST_CASE(Flush, goes_on_in_the_next_process) {
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  fake_core_set_capacity(scene.core, "websocket", 21);
  keep_many(&scene, 100);
  scene_link(&scene, TRUE);
  g_autoptr(GPtrArray) before = fake_core_take(scene.core, "websocket");
  check_numbers(before, &last);
  check_int_eq(last, 20);
  scene_kill(&scene);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, G_USEC_PER_SEC);
  g_autoptr(GPtrArray) after = fake_core_take(scene.core, "websocket");
  check_numbers(after, &last);
  check_int_eq(last, 100);
  scene_end(&scene);
}

static void say_status(struct scene *scene, guint pod, guint number) {
  g_autofree char *resource = g_strdup_printf("default/podstatus/p%u", pod);
  g_autofree char *padding = g_strnfill(1400, 'x');
  g_autofree char *content = g_strdup_printf("{\"n\":%u,\"pad\":\"%s\"}", number, padding);

  scene_say(scene, "edged", "update", resource, content);
}

/* 110 pods, each with a change of status a minute, and the node's own status every 10 s. */
TEST_CASE(Flush, an_hour_offline_is_small_on_the_disk_and_nothing_in_memory) {
  fault_vfs_install();
  fault_vfs_set_syncing(FALSE);
  struct scene scene = scene_begin(NULL);
  guint messages = 0;
  guint number = 0;

  scene_link(&scene, FALSE);
  for (guint second = 0; second < 3600; second += 10) {
    scene_say(&scene, "edged", "update", "default/nodestatus/node", second % 20 == 0 ? "{\"a\":1}" : "{\"a\":2}");
    for (guint pod = second % 60 / 10; pod < 110; pod += 6)
      say_status(&scene, pod, ++number);
    scene_run_for(&scene, 10 * G_USEC_PER_SEC);
    g_autoptr(GPtrArray) edged = fake_core_take(scene.core, "edged");
    check_int_eq(fake_core_inbox_length(scene.core), 0);
    g_ptr_array_set_size(edged, 0);
    if (second == 600)
      messages = message_count_live();
  }
  check_int_eq(message_count_live(), messages);
  check_int_eq(fake_core_held(scene.core), 0);
  check_int_eq(number, 6600);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 1);
  check_int_le(scene_count(&scene, "SELECT sum(bytes) FROM metamanager_outbox"), 1 << 20);
  check_int_le(scene_count(&scene, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"), 1 << 20);
  scene_end(&scene);
  fault_vfs_remove();
}

/* The link was never there, so nobody said that it is down; the hub takes nothing, and the node works all the same. */
TEST_CASE(Flush, a_hub_that_stands_still_does_not_stop_the_node) {
  fault_vfs_install();
  fault_vfs_set_syncing(FALSE);
  struct scene scene = scene_begin(NULL);
  guint last = 0;

  fake_core_set_capacity(scene.core, "websocket", 10);
  for (guint i = 1; i <= 6000; i++) {
    g_autofree char *content = g_strdup_printf("%u", i);
    scene_say(&scene, "edged", "response", "default/x/y", content);
  }
  scene_run_for(&scene, 10 * G_TIME_SPAN_MINUTE);
  check_int_eq(fake_core_inbox_length(scene.core), 0);
  check_int_ge(scene_count(&scene, SCENE_OUTBOX), 4096);
  scene_say(&scene, "edged", "query", "default/pod/p", "");
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_queued(scene.core, "edged"), 1);

  for (guint i = 0; i < 10000 && last < 6000; i++) {
    g_autoptr(GPtrArray) cloud = fake_core_take(scene.core, "websocket");
    check_numbers(cloud, &last);
    scene_run_for(&scene, 10000);
  }
  check_int_eq(last, 6000);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
  fault_vfs_remove();
}
