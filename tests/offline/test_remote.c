#include "scene.h"

#include "test.h"

#include <string.h>

/* Queries that the cloud answers, or does not. */

#define SECRET "default/secret/s"
#define STORED "[\"stored\"]"

static struct scene begin_connected(gboolean is_stored) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, TRUE);
  if (is_stored)
    scene_say(&scene, "edgecontroller", "insert", "default/node/n", "stored");
  scene_run(&scene);
  g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  g_ptr_array_unref(fake_core_take(scene.core, "edged"));
  return scene;
}

/* The one request that the hub has got. */
static struct edgecore_message *take_request(struct scene *scene) {
  g_autoptr(GPtrArray) sent = fake_core_take(scene->core, "websocket");

  check_int_eq(sent->len, 1);
  return message_ref(fake_sent_at(sent, 0)->message);
}

static void check_edged(struct scene *scene, const char *text) {
  g_autofree char *heard = scene_heard(scene, "edged");

  check_str_eq(heard, text);
}

TEST_CASE(RemoteQuery, a_disconnect_answers_at_once_from_the_stored_copy) {
  struct scene scene = begin_connected(TRUE);

  scene_say(&scene, "edged", "query", "default/node/n", "");
  scene_run(&scene);
  check_int_eq(fake_core_requests(scene.core), 1);
  check_edged(&scene, "");
  scene_link(&scene, FALSE);
  check_edged(&scene, "response default/node/n " STORED "\n");
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, a_disconnect_answers_at_once_with_the_error) {
  struct scene scene = begin_connected(FALSE);

  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  scene_link(&scene, FALSE);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "error " SECRET " \"Error to query meta in DB: ");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, a_reply_that_comes_later_is_stored_and_not_delivered) {
  struct scene scene = begin_connected(FALSE);

  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  struct edgecore_message *request = take_request(&scene);
  scene_link(&scene, FALSE);
  g_autofree char *answered = scene_heard(&scene, "edged");
  check_contains(answered, "error");
  scene_link(&scene, TRUE);
  g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "late")));
  check_edged(&scene, "");
  check_int_eq(scene_count(&scene, "SELECT count(*) FROM meta WHERE key = '" SECRET "' AND value = 'late'"), 1);
  scene_say(&scene, "edged", "query", SECRET, "");
  check_edged(&scene, "response " SECRET " [\"late\"]\n");
  message_unref(request);
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, is_tried_again_within_its_time) {
  struct scene scene = begin_connected(FALSE);

  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  struct edgecore_message *first = take_request(&scene);
  scene_run_for(&scene, 31 * G_USEC_PER_SEC);
  struct edgecore_message *second = take_request(&scene);
  check_true(strcmp(message_read(first)->id, message_read(second)->id) != 0);
  check_true(fake_core_complete(scene.core, second, EDGECORE_OK, fake_reply(second, "edgecontroller", "2")));
  check_edged(&scene, "response " SECRET " 2\n");
  message_unref(first);
  message_unref(second);
  scene_end(&scene);
}

static void reply(struct scene *scene, const struct edgecore_message *request, const char *content) {
  check_true(fake_core_complete(scene->core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", content)));
  scene_run(scene);
}

static void check_stored(struct scene *scene, const char *content) {
  g_autofree char *sql =
      g_strdup_printf("SELECT count(*) FROM meta WHERE key = '" SECRET "' AND value = '%s'", content);

  check_int_eq(scene_count(scene, sql), 1);
}

/* Asks, and lets both attempts be sent. */
static struct scene begin_overlapping(struct edgecore_message **first, struct edgecore_message **second) {
  struct scene scene = begin_connected(FALSE);

  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  *first = take_request(&scene);
  scene_run_for(&scene, 31 * G_USEC_PER_SEC);
  *second = take_request(&scene);
  return scene;
}

static void end_overlapping(struct scene *scene, struct edgecore_message *first, struct edgecore_message *second) {
  message_unref(first);
  message_unref(second);
  scene_end(scene);
}

static void reply_to_the_first(gboolean swaps) {
  struct edgecore_message *first;
  struct edgecore_message *second;
  struct scene scene = begin_overlapping(&first, &second);

  if (swaps)
    scene_swap(&scene);
  scene_run_for(&scene, 4 * G_USEC_PER_SEC);
  check_edged(&scene, "");
  check_int_eq(fake_core_held(scene.core), 1);
  reply(&scene, first, "1");
  check_edged(&scene, "response " SECRET " 1\n");
  check_int_eq(fake_core_held(scene.core), 0);
  reply(&scene, second, "2");
  check_edged(&scene, "");
  check_stored(&scene, "2");
  scene_run_for(&scene, 200 * G_USEC_PER_SEC);
  check_edged(&scene, "");
  end_overlapping(&scene, first, second);
}

TEST_CASE(RemoteQuery, a_reply_to_the_first_attempt_while_the_second_is_out_answers_once) {
  reply_to_the_first(FALSE);
}

TEST_CASE(RemoteQuery, a_reply_to_the_first_attempt_answers_once_across_a_swap) {
  reply_to_the_first(TRUE);
}

static void reply_late(const char *attempts, gboolean swaps) {
  const char *const settings[] = {"metamanager.remote-query-attempts", attempts, NULL};
  struct scene scene = scene_begin(settings);

  scene_link(&scene, TRUE);
  scene_run(&scene);
  g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  struct edgecore_message *request = take_request(&scene);
  scene_run_for(&scene, 50 * G_USEC_PER_SEC);
  if (swaps)
    scene_swap(&scene);
  check_edged(&scene, "");
  scene_run_for(&scene, 11 * G_USEC_PER_SEC);
  g_autofree char *answered = scene_heard(&scene, "edged");
  check_contains(answered, "the cloud did not answer in time");
  if (swaps)
    scene_swap(&scene);
  scene_run_for(&scene, 50 * G_USEC_PER_SEC);
  reply(&scene, request, "late");
  check_edged(&scene, "");
  check_stored(&scene, "late");
  scene_link(&scene, FALSE);
  scene_say(&scene, "edged", "query", SECRET, "");
  check_edged(&scene, "response " SECRET " [\"late\"]\n");
  message_unref(request);
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, a_reply_after_its_time_is_stored_and_answers_the_next_one_without_a_link) {
  reply_late("2", FALSE);
}

TEST_CASE(RemoteQuery, with_one_attempt_a_reply_after_its_time_is_stored_too) {
  reply_late("1", FALSE);
}

TEST_CASE(RemoteQuery, a_reply_after_its_time_is_stored_across_swaps) {
  reply_late("2", TRUE);
}

TEST_CASE(RemoteQuery, with_one_attempt_a_reply_after_its_time_is_stored_across_swaps) {
  reply_late("1", TRUE);
}

TEST_CASE(RemoteQuery, a_reply_is_dropped_when_its_time_has_passed_twice) {
  struct edgecore_message *first;
  struct edgecore_message *second;
  struct scene scene = begin_overlapping(&first, &second);

  scene_run_for(&scene, 90 * G_USEC_PER_SEC);
  check_false(fake_core_complete(scene.core, first, EDGECORE_OK, fake_reply(first, "edgecontroller", "1")));
  check_false(fake_core_complete(scene.core, second, EDGECORE_OK, fake_reply(second, "edgecontroller", "2")));
  end_overlapping(&scene, first, second);
}

enum when { NEVER, BEFORE, AFTER };

static void fail_the_last(enum when swap) {
  struct edgecore_message *first;
  struct edgecore_message *second;
  struct scene scene = begin_overlapping(&first, &second);

  if (swap == BEFORE)
    scene_swap(&scene);
  check_true(fake_core_complete(scene.core, second, EDGECORE_NOT_FOUND, NULL));
  scene_run(&scene);
  if (swap == AFTER)
    scene_swap(&scene);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_edged(&scene, "");
  check_int_eq(fake_core_held(scene.core), 1);
  reply(&scene, first, "1");
  check_edged(&scene, "response " SECRET " 1\n");
  end_overlapping(&scene, first, second);
}

TEST_CASE(RemoteQuery, the_first_attempt_still_answers_when_the_last_one_has_failed) {
  fail_the_last(NEVER);
}

TEST_CASE(RemoteQuery, a_swap_before_the_last_attempt_fails_leaves_the_first_to_answer) {
  fail_the_last(BEFORE);
}

TEST_CASE(RemoteQuery, a_swap_after_the_last_attempt_failed_leaves_the_first_to_answer) {
  fail_the_last(AFTER);
}

static void say_nothing(gboolean swaps) {
  struct edgecore_message *first;
  struct edgecore_message *second;
  struct scene scene = begin_overlapping(&first, &second);

  check_true(fake_core_complete(scene.core, second, EDGECORE_NOT_FOUND, NULL));
  scene_run(&scene);
  if (swaps)
    scene_swap(&scene);
  scene_run_for(&scene, 28 * G_USEC_PER_SEC);
  check_edged(&scene, "");
  scene_run_for(&scene, 2 * G_USEC_PER_SEC);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "the cloud did not answer in time");
  check_int_eq(fake_core_held(scene.core), 0);
  end_overlapping(&scene, first, second);
}

TEST_CASE(RemoteQuery, ends_in_time_when_the_last_attempt_has_failed_and_the_first_says_nothing) {
  say_nothing(FALSE);
}

TEST_CASE(RemoteQuery, ends_in_time_when_the_first_attempt_says_nothing_across_a_swap) {
  say_nothing(TRUE);
}

TEST_CASE(RemoteQuery, a_disconnect_answers_at_once_and_what_any_attempt_says_later_is_stored) {
  struct edgecore_message *first;
  struct edgecore_message *second;
  struct scene scene = begin_overlapping(&first, &second);

  scene_link(&scene, FALSE);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "the link to the cloud is down");
  reply(&scene, second, "2");
  check_stored(&scene, "2");
  reply(&scene, first, "1");
  check_stored(&scene, "1");
  check_edged(&scene, "");
  end_overlapping(&scene, first, second);
}

TEST_CASE(RemoteQuery, fails_when_its_time_is_over) {
  struct scene scene = begin_connected(FALSE);

  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run_for(&scene, 59 * G_USEC_PER_SEC);
  check_int_eq(fake_core_queued(scene.core, "edged"), 0);
  scene_run_for(&scene, 2 * G_USEC_PER_SEC);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "the cloud did not answer in time");
  check_int_eq(fake_core_queued(scene.core, "websocket"), 2);
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

/* The pauses between the attempts of one query, when there is nobody to ask. */
static void pauses(guint seed, gint64 pauses_us[4]) {
  static const char *const settings[] = {"metamanager.remote-query-attempts", "5", NULL};
  struct scene scene = scene_begin(settings);
  guint found = 0;

  g_random_set_seed(seed);
  scene_link(&scene, TRUE);
  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  for (gint64 last = fake_core_now(scene.core); found < 4; found++) {
    struct edgecore_message *request = take_request(&scene);
    fake_core_complete(scene.core, request, EDGECORE_NOT_FOUND, NULL);
    message_unref(request);
    while (fake_core_queued(scene.core, "websocket") == 0)
      scene_run_for(&scene, 1000);
    pauses_us[found] = fake_core_now(scene.core) - last;
    last = fake_core_now(scene.core);
  }
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, attempts_come_ever_later_and_not_at_the_same_time_on_all_nodes) {
  gint64 one[4];
  gint64 other[4];
  gint64 base = 250000;

  pauses(1, one);
  pauses(2, other);
  for (guint i = 0; i < 4; i++, base *= 2) {
    check_int_ge(one[i], base / 2);
    check_int_le(one[i], base * 3 / 2 + 1000);
  }
  check_true(memcmp(one, other, sizeof one) != 0);
}

TEST_CASE(RemoteQuery, is_answered_in_time_when_the_hub_is_full) {
  struct scene scene = begin_connected(TRUE);

  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_say(&scene, "edged", "response", "default/x/y", "1");
  scene_say(&scene, "edged", "query", "default/node/n", "");
  scene_run_for(&scene, 61 * G_USEC_PER_SEC);
  check_edged(&scene, "response default/node/n " STORED "\n");
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, waits_for_room_at_the_hub) {
  struct scene scene = begin_connected(FALSE);

  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run_for(&scene, 20 * G_USEC_PER_SEC);
  fake_core_set_capacity(scene.core, "websocket", 1);
  scene_run_for(&scene, 100000);
  struct edgecore_message *request = take_request(&scene);
  fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "1"));
  check_edged(&scene, "response " SECRET " 1\n");
  message_unref(request);
  scene_end(&scene);
}

TEST_CASE(RemoteQuery, is_shared_and_crosses_a_swap) {
  struct scene scene = begin_connected(FALSE);

  for (guint i = 0; i < 5; i++)
    scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  struct edgecore_message *request = take_request(&scene);
  scene_swap(&scene);
  scene_say(&scene, "edged", "query", SECRET, "");
  scene_run(&scene);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 0);
  fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "1"));
  scene_run(&scene);
  check_int_eq(fake_core_queued(scene.core, "edged"), 6);
  message_unref(request);
  scene_end(&scene);
}
