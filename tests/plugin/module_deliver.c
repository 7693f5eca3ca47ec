/* What comes after the commit: deliveries, full neighbours, and a link that comes and goes. */
#include "fake_core.h"
#include "fixture.h"
#include "scene.h"

#include <string.h>

static void check_heard(struct scene *scene, const char *name, const char *want) {
  g_autofree char *heard = scene_heard(scene, name);

  check_str_eq(heard, want);
}

static void say_sync(struct scene *scene, const char *id, const char *operation, const char *resource) {
  fake_core_push(scene->core,
                 fake_message(.id = id, .source = "edged", .operation = operation, .resource = resource, .sync = TRUE));
}

/* ------------------------------------------------------------------------------------------------- full neighbours */

TEST_CASE(ModuleDeliver, what_a_full_neighbour_does_not_take_is_offered_again_in_order) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 2);
  for (guint i = 1; i <= 6; i++) {
    g_autofree char *value = g_strdup_printf("%u", i);
    scene_say(&scene, "edgecontroller", "insert", "a/pod/1", value);
  }
  module_run_inbox(scene.module);
  check_int_eq(fake_core_held(scene.core), 4);
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/1 2\n");
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "insert a/pod/1 3\ninsert a/pod/1 4\n");
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "insert a/pod/1 5\ninsert a/pod/1 6\n");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

/* It makes room while it is being served. */
TEST_CASE(ModuleDeliver, what_a_neighbour_refused_is_not_overtaken_when_it_has_room_again) {
  struct scene scene = scene_begin(NULL);

  scene_say(&scene, "edgecontroller", "update", "a/pod/1", "1");
  scene_say(&scene, "edgecontroller", "update", "a/pod/1", "2");
  fake_core_fail_nth(scene.core, "send", 1, EDGECORE_AGAIN);
  module_run_inbox(scene.module);
  check_int_eq(fake_core_queued(scene.core, "edged"), 0);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 2);
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "update a/pod/1 1\nupdate a/pod/1 2\n");
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_full_neighbour_does_not_hold_up_the_others) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_say(&scene, "edgecontroller", "insert", "a/service/s", "2");
  scene_say(&scene, "edgecontroller", "action", "a/function/f", "3");
  say_sync(&scene, "q1", "query", "a/pod/1");
  module_run_inbox(scene.module);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 2);
  check_int_eq(fake_core_queued(scene.core, "edgemesh"), 1);
  check_int_eq(fake_core_queued(scene.core, "edgefunction"), 1);
  check_int_eq(fake_core_queued(scene.core, FAKE_CALLERS), 1);
  check_int_eq(fake_core_held(scene.core), 1);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, nothing_overtakes_what_waits_for_the_same_neighbour) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "2");
  scene_say(&scene, "edged", "query", "a/pod/1", NULL);
  module_run_inbox(scene.module);
  fake_core_set_capacity(scene.core, "edged", 1);
  GString *all = g_string_new(NULL);
  for (guint i = 0; i < 3; i++) {
    scene_run_for(&scene, 20000);
    g_autofree char *heard = scene_heard(&scene, "edged");
    g_string_append(all, heard);
  }
  check_str_eq(all->str, "insert a/pod/1 1\ncreatevolume a/volume/v 2\nresponse a/pod/1 [\"1\"]\n");
  g_string_free(all, TRUE);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_full_neighbour_is_asked_less_and_less_often) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  module_run_inbox(scene.module);
  for (gint64 wait = 1000; wait <= 64000; wait *= 2) {
    test_note("%d", (int)wait);
    check_int_eq(module_due(scene.module), fake_core_now(scene.core) + MIN(wait, 16000));
    fake_core_advance(scene.core, MIN(wait, 16000));
    module_run_due(scene.module);
  }
  scene_end(&scene);
}

/* Two neighbours that are full of each other's messages: one message at a time gets them both going. */
TEST_CASE(ModuleDeliver, while_a_neighbour_stands_still_messages_trickle_in) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 0);
  for (guint i = 0; i < 10; i++)
    scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  module_run_inbox(scene.module);
  check_int_eq(fake_core_inbox_length(scene.core), 0);
  for (guint i = 0; i < 5; i++)
    scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "2");
  for (guint left = 5; left > 0; left--) {
    /* Not through the inbox ... */
    module_run_inbox(scene.module);
    check_int_eq(fake_core_inbox_length(scene.core), left);
    /* ... but one with each attempt. */
    fake_core_advance(scene.core, module_due(scene.module) - fake_core_now(scene.core));
    module_run_due(scene.module);
    check_int_eq(fake_core_inbox_length(scene.core), left - 1);
  }
  fake_core_set_capacity(scene.core, "edged", 100);
  scene_run_for(&scene, 20000);
  check_int_eq(fake_core_queued(scene.core, "edged"), 15);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, what_waits_in_memory_is_bounded) {
  static const char *const settings[] = {"metamanager.edgesite", "true", NULL};
  struct scene scene = scene_begin(settings);

  fake_core_set_capacity(scene.core, "edged", 0);
  fake_core_set_capacity(scene.core, "websocket", 100000);
  for (guint i = 0; i < 5000; i++)
    scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_run_for(&scene, 100 * G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 4096);
  check_int_eq(fake_core_inbox_length(scene.core) + 4096, 5000 + 1);
  fake_core_set_capacity(scene.core, "edged", 100000);
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 0);
  check_int_eq(fake_core_queued(scene.core, "edged"), 5000);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, what_waits_in_memory_is_bounded_in_bytes) {
  struct scene scene = scene_begin(NULL);
  g_autofree char *megabyte = g_strnfill(1 << 20, 'm');

  fake_core_set_capacity(scene.core, "edged", 0);
  for (guint i = 0; i < 40; i++)
    scene_say(&scene, "edgecontroller", "insert", "a/configmap/1", megabyte);
  scene_run_for(&scene, 100 * G_USEC_PER_SEC);
  check_int_ge(fake_core_inbox_length(scene.core), 40 - 16);
  fake_core_set_capacity(scene.core, "edged", 100);
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 0);
  check_int_eq(fake_core_queued(scene.core, "edged"), 40);
  scene_end(&scene);
}

/* What two greater than half of the bound may still bring; only what is beyond the greatest one counts. */
TEST_CASE(ModuleDeliver, one_great_message_that_waits_keeps_no_other_out) {
  struct scene scene = scene_begin(NULL);
  g_autofree char *great = g_strnfill(17 << 20, 'm');

  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  g_free(scene_heard(&scene, "edged"));
  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/configmap/great", great);
  scene_run_for(&scene, G_USEC_PER_SEC);
  say_sync(&scene, "q1", "query", "a/pod/1");
  scene_say(&scene, "edgecontroller", "insert", "a/service/s", "2");
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_inbox_length(scene.core), 0);
  check_int_eq(fake_core_queued(scene.core, FAKE_CALLERS), 1);
  check_int_eq(fake_core_queued(scene.core, "edgemesh"), 1);
  fake_core_set_capacity(scene.core, "edged", 100);
  scene_end(&scene);
}

/* The outbox is bounded, so what only waits for a slow hub is not put there. */
static void check_slow_hub_gets_all(guint count, gsize size) {
  struct scene scene = scene_begin(NULL);
  g_autofree char *great = g_strnfill(size, 'm');

  scene_link(&scene, TRUE);
  g_free(scene_heard(&scene, "websocket"));
  fake_core_set_capacity(scene.core, "websocket", 0);
  for (guint i = 0; i < count; i++) {
    g_autofree char *resource = g_strdup_printf("a/function/%u", i);
    scene_say(&scene, "edgefunction", "action_result", resource, great);
  }
  scene_run_for(&scene, G_USEC_PER_SEC);
  fake_core_set_capacity(scene.core, "websocket", 100);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_eq(fake_core_queued(scene.core, "websocket"), count);
  check_lacks(fake_core_log(scene.core), "dropped");
  fake_core_set_capacity(scene.core, "edgefunction", 100);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_hub_that_is_slow_for_a_while_gets_all) {
  check_slow_hub_gets_all(20, 1 << 20);
  check_slow_hub_gets_all(1, 17 << 20);
}

/* ------------------------------------------------------------------------------------------------ nobody there */

TEST_CASE(ModuleDeliver, what_has_no_receiver_is_logged_and_the_rest_goes_on) {
  const guint before = message_count_live();
  struct scene scene = scene_begin(NULL);

  fake_core_set_present(scene.core, "edged", FALSE);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  check_heard(&scene, "websocket", "response a/pod/1 \"OK\"\n");
  check_contains(fake_core_log(scene.core), "warning no module edged");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(ModuleDeliver, a_caller_that_has_given_up_is_no_news) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_present(scene.core, FAKE_CALLERS, FALSE);
  say_sync(&scene, "q1", "query", "a/pod/1");
  scene_run(&scene);
  check_lacks(fake_core_log(scene.core), "warning");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_volume_request_without_edged_fails_at_once) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_present(scene.core, "edged", FALSE);
  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "1");
  g_autofree char *heard = scene_heard(&scene, "websocket");
  check_contains(heard,
                 "error a/volume/v \"Error to process volume: createvolume of a/volume/v: there is no module edged");
  scene_end(&scene);
}

static int32_t no_requests(const char *call, void *data) {
  (void)data;
  return strcmp(call, "send_sync") == 0 ? EDGECORE_NO_MEMORY : EDGECORE_OK;
}

TEST_CASE(ModuleDeliver, a_volume_request_that_the_host_cannot_send_fails_and_holds_up_nobody) {
  struct scene scene = scene_begin(NULL);

  fake_core_set_fault(scene.core, no_requests, NULL);
  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "1");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  g_autofree char *heard = scene_heard(&scene, "websocket");
  check_contains(
      heard, "error a/volume/v \"Error to process volume: createvolume of a/volume/v: the host could not pass it on");
  check_contains(heard, "response a/pod/1 \"OK\"\n");
  check_int_eq(fake_core_held(scene.core), 0);
  fake_core_set_fault(scene.core, NULL, NULL);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_volume_request_has_the_time_that_is_set_and_holds_up_nobody) {
  static const char *const settings[] = {"metamanager.volume-timeout", "7", NULL};
  struct scene scene = scene_begin(settings);

  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "1");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  check_heard(&scene, "websocket", "response a/pod/1 \"OK\"\n");
  scene_run_for(&scene, 6999999);
  check_heard(&scene, "websocket", "");
  scene_run_for(&scene, 1);
  g_autofree char *heard = scene_heard(&scene, "websocket");
  check_contains(heard, "edged did not answer in time");
  scene_end(&scene);
}

static int32_t no_sends(const char *call, void *data) {
  return *(const gboolean *)data && strncmp(call, "send", 4) == 0 ? EDGECORE_NO_MEMORY : EDGECORE_OK;
}

TEST_CASE(ModuleDeliver, without_memory_everything_waits_in_order) {
  struct scene scene = scene_begin(NULL);
  gboolean is_short = TRUE;

  fake_core_set_fault(scene.core, no_sends, &is_short);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/2", "2");
  module_run_inbox(scene.module);
  check_int_eq(fake_core_held(scene.core), 4);
  is_short = FALSE;
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/2 2\n");
  check_heard(&scene, "websocket", "response a/pod/1 \"OK\"\nresponse a/pod/2 \"OK\"\n");
  scene_end(&scene);
}

/* --------------------------------------------------------------------------------------------- queries and the link */

static void check_caller(struct scene *scene, const char *const *parents, const char *operation) {
  g_autoptr(GPtrArray) sent = fake_core_take(scene->core, FAKE_CALLERS);

  check_int_eq(sent->len, g_strv_length((char **)parents));
  for (guint i = 0; i < sent->len && parents[i] != NULL; i++) {
    const struct edgecore_message_fields *fields = message_read(fake_sent_at(sent, i)->message);
    check_str_eq(fields->parent_id, parents[i]);
    check_str_eq(fields->operation, operation);
  }
}

TEST_CASE(ModuleDeliver, callers_that_wait_for_the_cloud_are_answered_the_moment_the_link_is_lost) {
  static const char *const parents[] = {"q1", "q2", NULL};
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  say_sync(&scene, "q1", "query", "a/secret/s");
  say_sync(&scene, "q2", "query", "a/secret/s");
  scene_run(&scene);
  check_int_eq(fake_core_requests(scene.core), 1);
  const gint64 then = fake_core_now(scene.core);
  scene_link(&scene, FALSE);
  check_int_eq(fake_core_now(scene.core), then);
  check_caller(&scene, parents, "error");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_reply_in_the_same_turn_as_the_loss_of_the_link_answers_once) {
  static const char *const parents[] = {"q1", NULL};
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  say_sync(&scene, "q1", "query", "a/secret/s");
  scene_run(&scene);
  g_autoptr(GPtrArray) asked = fake_core_take(scene.core, "websocket");
  struct edgecore_message *request = fake_sent_at(asked, 0)->message;
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "{}")));
  scene_link(&scene, FALSE);
  check_caller(&scene, parents, "response");
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_query_in_the_same_turn_as_the_loss_of_the_link_is_answered) {
  static const char *const parents[] = {"q1", "q2", NULL};
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  say_sync(&scene, "q1", "query", "a/secret/s");
  fake_core_push(scene.core, fake_message(.operation = "publish", .raw = "cloud_disconnected"));
  say_sync(&scene, "q2", "query", "a/pod/1");
  scene_run(&scene);
  g_autoptr(GPtrArray) sent = fake_core_take(scene.core, FAKE_CALLERS);
  check_int_eq(sent->len, 2);
  for (guint i = 0; i < sent->len; i++)
    check_true(g_strv_contains(parents, message_read(fake_sent_at(sent, i)->message)->parent_id));
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, a_shared_reply_is_given_to_each_in_the_way_that_it_asked) {
  static const char *const parents[] = {"q1", NULL};
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  say_sync(&scene, "q1", "query", "a/endpoints/e");
  scene_say(&scene, "edged", "query", "a/endpoints/e", NULL);
  scene_run(&scene);
  g_autoptr(GPtrArray) asked = fake_core_take(scene.core, "websocket");
  check_int_eq(asked->len, 1);
  struct edgecore_message *request = fake_sent_at(asked, 0)->message;
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "{}")));
  check_heard(&scene, "edgemesh", "response a/endpoints/e {}\n");
  check_heard(&scene, "edged", "");
  check_caller(&scene, parents, "response");
  scene_end(&scene);
}

TEST_CASE(ModuleDeliver, the_link_changes_are_logged) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  check_contains(fake_core_log(scene.core), "info the cloud is connected");
  scene_link(&scene, FALSE);
  check_contains(fake_core_log(scene.core), "info the cloud is disconnected");
  scene_end(&scene);
}

/* Names of the configuration. */
TEST_CASE(ModuleDeliver, the_cloud_is_where_the_configuration_says) {
  static const char *const settings[] = {"metamanager.context-send-group", "mesh", "metamanager.context-send-module",
                                         "edgefunction", NULL};
  struct scene scene = scene_begin(settings);

  scene_link(&scene, TRUE);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  check_heard(&scene, "edgemesh", "response a/pod/1 \"OK\"\n");
  scene_say(&scene, "edged", "query", "a/secret/s", NULL);
  check_heard(&scene, "edgefunction", "query a/secret/s \n");
  scene_end(&scene);
}
