#include "scene.h"

#include "fault_vfs.h"
#include "test.h"

#include <sqlite3.h>
#include <string.h>

/* What is kept while the link is down, and what is not. */

TEST_CASE(Keep, nothing_before_the_link_is_said_to_be_down) {
  struct scene scene = scene_begin(NULL);

  scene_say(&scene, "edged", "update", "default/nodestatus/n", "1");
  g_autofree char *before = scene_heard(&scene, "websocket");
  check_str_eq(before, "update default/nodestatus/n 1\n");

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "2");
  g_autofree char *after = scene_heard(&scene, "websocket");
  check_str_eq(after, "");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 1);
  g_autofree char *edged = scene_heard(&scene, "edged");
  check_str_eq(edged, "response default/nodestatus/n \"OK\"\nresponse default/nodestatus/n \"OK\"\n");
  scene_end(&scene);
}

TEST_CASE(Keep, nothing_ever_on_an_edge_site) {
  static const char *const settings[] = {"metamanager.edgesite", "true", NULL};
  struct scene scene = scene_begin(settings);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "1");
  scene_say(&scene, "edged", "response", "default/x/y", "2");
  g_autofree char *heard = scene_heard(&scene, "websocket");
  check_str_eq(heard, "update default/nodestatus/n 1\nresponse default/x/y 2\n");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

TEST_CASE(Keep, the_latest_update_of_each_resource_and_all_else_in_order) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "1");
  scene_say(&scene, "edgefunction", "action_result", "default/action/a", "2");
  scene_say(&scene, "edged", "update", "default/other/o", "3");
  scene_say(&scene, "edged", "response", "default/action/a", "4");
  scene_say(&scene, "edgefunction", "action_result", "default/action/a", "5");
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "6");
  scene_say(&scene, "edgecontroller", "insert", "default/configmap/c", "7");
  scene_run(&scene);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 6);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "action_result default/action/a 2\n"
                      "update default/other/o 3\n"
                      "response default/action/a 4\n"
                      "action_result default/action/a 5\n"
                      "update default/nodestatus/n 6\n"
                      "response default/configmap/c \"OK\"\n");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
}

static guint count_of(const char *text, const char *part) {
  guint count = 0;

  for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
    count++;
  return count;
}

TEST_CASE(Keep, no_pod_status_but_all_of_them_at_each_connection) {
  struct scene scene = scene_begin(NULL);

  scene_say(&scene, "edgecontroller", "insert", "default/pod/p", "{}");
  scene_run(&scene);
  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/podstatus/p", "1");
  scene_say(&scene, "edged", "update", "default/podstatus/p", "2");
  scene_run(&scene);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  g_autofree char *before = scene_cloud(&scene);
  check_int_eq(count_of(before, "podstatus"), 0);
  for (guint i = 0; i < 3; i++) {
    scene_link(&scene, TRUE);
    g_autofree char *heard = scene_cloud(&scene);
    check_str_eq(heard, "update default/podstatus [2]\n");
    /* Said again, it is no change. */
    scene_link(&scene, TRUE);
    g_autofree char *again = scene_cloud(&scene);
    check_str_eq(again, "");
    scene_link(&scene, FALSE);
  }
  scene_end(&scene);
}

TEST_CASE(Keep, no_query) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "query", "default/secret/s", "");
  scene_say(&scene, "edged", "query", "default/node/n", "");
  g_autofree char *edged = scene_heard(&scene, "edged");
  check_int_eq(count_of(edged, "response default/"), 2);
  scene_link(&scene, TRUE);
  g_autofree char *cloud = scene_cloud(&scene);
  check_str_eq(cloud, "");
  scene_end(&scene);
}

TEST_CASE(Keep, what_the_hub_had_no_room_for_when_the_link_went_down) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  fake_core_set_capacity(scene.core, "websocket", 2);
  for (char digit = '1'; digit <= '6'; digit++)
    scene_say(&scene, "edged", "response", "default/x/y", (char[]){digit, '\0'});
  scene_run(&scene);
  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "7");
  scene_run_for(&scene, 20000);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 5);
  scene_kill(&scene);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 3\nresponse default/x/y 4\nresponse default/x/y 5\n"
                      "response default/x/y 6\nresponse default/x/y 7\n");
  scene_end(&scene);
}

/* It waited in memory while the disk was full; what came after it must not overtake it. */
TEST_CASE(Keep, what_could_not_be_kept_goes_first_when_it_can) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_say(&scene, "edged", "response", "default/x/y", "1");
  scene_run(&scene);
  fault_vfs_set_full(TRUE);
  scene_link(&scene, FALSE);
  scene_run_for(&scene, 20000);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  fault_vfs_set_full(FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "2");
  scene_run_for(&scene, 20000);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 2);
  fake_core_set_capacity(scene.core, "websocket", 100);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 1\nresponse default/x/y 2\n");
  scene_end(&scene);
  fault_vfs_remove();
}

TEST_CASE(Keep, survives_kills_and_swaps) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "1");
  scene_run(&scene);
  scene_kill(&scene);
  /* Nobody has told the new process of the link; but it may not overtake what the old one kept. */
  scene_say(&scene, "edged", "response", "default/x/y", "2");
  g_autofree char *early = scene_heard(&scene, "websocket");
  check_str_eq(early, "");
  scene_link(&scene, FALSE);
  scene_swap(&scene);
  scene_say(&scene, "edged", "response", "default/x/y", "3");
  scene_run(&scene);
  scene_swap(&scene);
  g_autofree char *still = scene_heard(&scene, "websocket");
  check_str_eq(still, "");
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 1\nresponse default/x/y 2\nresponse default/x/y 3\n");
  scene_end(&scene);
}

/* Content of the size that makes a kept message just over 250 bytes, with the SECRET. */
static void say_big(struct scene *scene, const char *operation, guint number) {
  g_autofree char *content = g_strdup_printf("%0170u", number);

  scene_say(scene, "edged", operation, "default/x/y", content);
}

TEST_CASE(Keep, bounded_the_oldest_answers_go_first_then_the_oldest_others) {
  static const char *const settings[] = {"metamanager.outbox-max-bytes", "1500", NULL};
  struct scene scene = scene_begin(settings);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edgefunction", "action_result", "default/action/a", "first");
  for (guint i = 1; i <= 3; i++)
    say_big(&scene, "response", i);
  scene_run(&scene);
  check_lacks(fake_core_log(scene.core), "outbox-max-bytes");
  for (guint i = 4; i <= 6; i++) {
    g_autofree char *content = g_strdup_printf("%0170u", i);
    scene_say(&scene, "edgefunction", "action_result", "default/action/a", content);
  }
  scene_run(&scene);
  check_contains(fake_core_log(scene.core), "metamanager.outbox-max-bytes");
  check_int_le(scene_count(&scene, "SELECT sum(bytes) FROM metamanager_outbox"), 1500);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX " WHERE answer = 1"), 2);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX " WHERE answer = 0"), 4);
  for (guint i = 7; i <= 9; i++) {
    g_autofree char *content = g_strdup_printf("%0170u", i);
    scene_say(&scene, "edgefunction", "action_result", "default/action/a", content);
  }
  scene_run(&scene);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX " WHERE answer = 1"), 0);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_lacks(heard, "first");
  check_contains(heard, "00009\n");
  scene_end(&scene);
}

TEST_CASE(Keep, a_message_over_the_bound_throws_nothing_else_out) {
  static const char *const settings[] = {"metamanager.outbox-max-bytes", "1500", NULL};
  struct scene scene = scene_begin(settings);
  g_autofree char *huge = g_strnfill(2000, 'x');

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "1");
  scene_say(&scene, "edged", "response", "default/x/y", huge);
  scene_say(&scene, "edged", "response", "default/x/y", "2");
  scene_run(&scene);
  check_contains(fake_core_log(scene.core), "metamanager.outbox-max-bytes");
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 1\nresponse default/x/y 2\n");
  scene_end(&scene);
}

/* A commit that failed in its sync comes back with the next opening of the database. */
TEST_CASE(Keep, an_update_whose_successor_failed_is_not_lost) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "1");
  scene_run(&scene);
  fault_vfs_fail_nth(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "2");
  scene_run(&scene);
  scene_say(&scene, "edged", "response", "default/x/y", "3");
  scene_run(&scene);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_int_eq(count_of(heard, "update default/nodestatus/n"), 1);
  check_contains(heard, "response default/x/y 3\n");
  scene_end(&scene);
  fault_vfs_remove();
}

TEST_CASE(Keep, what_was_refused_is_not_sent_and_hides_nothing) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "1");
  scene_run(&scene);
  fault_vfs_fail_nth(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
  scene_say(&scene, "edged", "response", "default/x/y", "2");
  g_autofree char *edged = scene_heard(&scene, "edged");
  check_contains(edged, "error default/x/y");
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_str_eq(heard, "response default/x/y 1\n");
  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "3");
  scene_run(&scene);
  scene_link(&scene, TRUE);
  g_autofree char *later = scene_cloud(&scene);
  check_str_eq(later, "response default/x/y 3\n");
  scene_end(&scene);
  fault_vfs_remove();
}

/* The update that failed and came back must not be sent after a newer one. */
TEST_CASE(Keep, an_update_that_failed_does_not_come_back_late) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  fault_vfs_fail_nth(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "1");
  scene_run(&scene);
  scene_link(&scene, TRUE);
  scene_say(&scene, "edged", "update", "default/nodestatus/n", "2");
  g_autofree char *heard = scene_cloud(&scene);
  check_contains(heard, "update default/nodestatus/n 2\n");
  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "response", "default/x/y", "3");
  scene_run(&scene);
  scene_link(&scene, TRUE);
  g_autofree char *later = scene_cloud(&scene);
  check_str_eq(later, "response default/x/y 3\n");
  scene_end(&scene);
  fault_vfs_remove();
}

/* The database is opened anew with the first write after that; what is kept then must not pass for the remains of a failed commit. */
TEST_CASE(Keep, what_is_kept_after_a_failed_checkpoint_stays) {
  fault_vfs_install();
  struct scene scene = scene_begin(NULL);
  g_autofree char *padding = g_strnfill(3000, 'x');

  scene_link(&scene, FALSE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  for (guint i = 0; i < 100; i++)
    scene_say(&scene, "edged", "response", "default/x/y", padding);
  scene_run(&scene);
  fault_vfs_fail_nth(FAULT_WRITE, 1, SQLITE_IOERR_WRITE);
  scene_run_for(&scene, 2100000);
  check_contains(fake_core_log(scene.core), "cannot checkpoint");
  /* A bare OK is not stored, so that the outbox is the first to write. */
  for (guint i = 0; i < 3; i++)
    scene_say(&scene, "edged", "response", "default/x/y", "OK");
  scene_run(&scene);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 103);
  scene_end(&scene);
  fault_vfs_remove();
}

static int refuse_writes(enum fault_op op, const char *path, void *data) {
  return op == FAULT_WRITE && *(const gboolean *)data && g_str_has_suffix(path, "-wal") ? SQLITE_FULL : SQLITE_OK;
}

static struct scene scene_with_a_pod(gboolean *is_full) {
  fault_vfs_install();
  fault_vfs_set_hook(refuse_writes, is_full);
  struct scene scene = scene_begin(NULL);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_link(&scene, TRUE);
  scene_link(&scene, FALSE);
  g_free(scene_heard(&scene, "edged"));
  g_free(scene_heard(&scene, "websocket"));
  return scene;
}

static void check_edged_is_answered(struct scene *scene) {
  scene_say(scene, "edged", "query", "a/pod/1", NULL);
  g_autofree char *heard = scene_heard(scene, "edged");
  check_contains(heard, "response a/pod/1");
  check_int_eq(fake_core_inbox_length(scene->core), 0);
}

TEST_CASE(Keep, without_link_and_room_on_the_disk_nobody_waits_for_an_answer_that_cannot_be_kept) {
  gboolean is_full = FALSE;
  struct scene scene = scene_with_a_pod(&is_full);

  is_full = TRUE;
  scene_say(&scene, "edgefunction", "action_result", "a/function/f", "1");
  scene_run(&scene);
  check_edged_is_answered(&scene);
  is_full = FALSE;
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 1);
  scene_link(&scene, TRUE);
  g_autofree char *cloud = scene_cloud(&scene);
  check_contains(cloud, "error a/function/f");
  scene_end(&scene);
  fault_vfs_remove();
}

TEST_CASE(Keep, what_was_sent_and_cannot_be_deleted_holds_up_no_answer) {
  gboolean is_full = FALSE;
  struct scene scene = scene_with_a_pod(&is_full);

  scene_say(&scene, "edgefunction", "action_result", "a/function/f", "1");
  scene_run(&scene);
  is_full = TRUE;
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/2", "2");
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_edged_is_answered(&scene);
  g_autofree char *cloud = scene_heard(&scene, "websocket");
  check_contains(cloud, "action_result a/function/f");
  check_contains(cloud, "error a/pod/2");
  is_full = FALSE;
  scene_end(&scene);
  fault_vfs_remove();
}

/* The cloud asks for volumes while it is there, and edged has made them when neither it nor the disk is. */
static void make_volumes(struct scene *scene, guint count, const char *reply, gboolean *is_full) {
  scene_link(scene, TRUE);
  g_free(scene_heard(scene, "websocket"));
  for (guint i = 0; i < count; i++) {
    g_autofree char *resource = g_strdup_printf("a/volume/%u", i);
    scene_say(scene, "edgecontroller", "createvolume", resource, "1");
  }
  scene_run(scene);
  g_autoptr(GPtrArray) asked = fake_core_take(scene->core, "edged");
  require_int_ge(asked->len, count);
  scene_link(scene, FALSE);
  *is_full = TRUE;
  for (guint i = asked->len - count; i < asked->len; i++) {
    struct edgecore_message *request = fake_sent_at(asked, i)->message;
    check_true(fake_core_complete(scene->core, request, EDGECORE_OK, fake_reply(request, "edged", reply)));
    scene_run(scene);
  }
}

TEST_CASE(Keep, a_success_that_cannot_be_kept_for_a_moment_is_not_told_as_a_failure) {
  gboolean is_full = FALSE;
  struct scene scene = scene_with_a_pod(&is_full);

  make_volumes(&scene, 1, "\"created\"", &is_full);
  is_full = FALSE;
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  scene_link(&scene, TRUE);
  g_autofree char *cloud = scene_cloud(&scene);
  check_contains(cloud, "response a/volume/0");
  check_lacks(cloud, "error a/volume/0");
  scene_end(&scene);
  fault_vfs_remove();
}

/* Each reply is a megabyte, of which 16 may wait. */
TEST_CASE(Keep, without_link_and_room_on_the_disk_the_oldest_go_and_edged_is_still_answered) {
  gboolean is_full = FALSE;
  struct scene scene = scene_with_a_pod(&is_full);
  g_autofree char *megabyte = g_strnfill(1 << 20, 'm');
  g_autofree char *reply = g_strdup_printf("\"%s\"", megabyte);

  make_volumes(&scene, 20, reply, &is_full);
  check_edged_is_answered(&scene);
  check_contains(fake_core_log(scene.core), "messages for the cloud, the oldest");
  is_full = FALSE;
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  scene_link(&scene, TRUE);
  g_autofree char *cloud = scene_cloud(&scene);
  check_lacks(cloud, "response a/volume/0 ");
  check_contains(cloud, "response a/volume/19 ");
  scene_end(&scene);
  fault_vfs_remove();
}
