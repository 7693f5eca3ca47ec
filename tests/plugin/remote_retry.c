/* Attempts, the time between them, and their end. */
#include "remote_rig.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------------------ retries */

TEST_CASE(Remote, a_request_without_a_reply_is_sent_again_after_a_while_under_another_id) {
  g_autoptr(bench) self = bench_new();
  guint64 timeout_ms;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  self->now += 30 * SECOND;
  require_ok(bench_fail(self, first, TRUE));
  check_answers(self, "");
  check_int_eq(remote_pending(self->remote), 1);
  check_int_ge(remote_due(self->remote), self->now + 125 * MS);
  check_int_le(remote_due(self->remote), self->now + 375 * MS);

  self->now = remote_due(self->remote) - 1;
  bench_retry(self);
  check_null(bench_sent(self, NULL));
  self->now++;
  const gint64 left = 1060 * SECOND - self->now;
  bench_retry(self);
  g_autoptr(any_message) second = bench_sent(self, &timeout_ms);
  require_not_null(second);
  check_true(strcmp(message_read(first)->id, message_read(second)->id) != 0);
  check_int_eq(timeout_ms, left / 1000 + 60000);
  check_int_eq(remote_due(self->remote), 1060 * SECOND);
  require_ok(bench_answer(self, second, "response", "{}"));
  check_answers(self, "q1:q1 response {}\n");
}

/* ---------------------------------------------------------------------------------------- more than one attempt out */

/* Two attempts that are both out. */
static bench *overlapping(any_message **first, any_message **second) {
  bench *self = bench_new();

  check_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  *first = bench_sent(self, NULL);
  check_int_ge(remote_due(self->remote), self->now + 22500 * MS);
  check_int_le(remote_due(self->remote), self->now + 30 * SECOND);
  self->now = remote_due(self->remote);
  bench_retry(self);
  *second = bench_sent(self, NULL);
  if (*second == NULL)
    g_error("there was no second attempt");
  check_int_eq(remote_due(self->remote), 1060 * SECOND);
  check_int_eq(remote_pending(self->remote), 1);
  return self;
}

TEST_CASE(Remote, the_first_reply_to_any_attempt_answers_and_no_other_one_does) {
  g_autoptr(any_message) first = NULL;
  g_autoptr(any_message) second = NULL;
  g_autoptr(bench) self = overlapping(&first, &second);

  require_ok(bench_answer(self, first, "response", "1"));
  check_answers(self, "q1:q1 response 1\n");
  require_ok(bench_answer(self, second, "response", "2"));
  check_answers(self, "");
}

TEST_CASE(Remote, when_the_last_attempt_fails_an_earlier_one_is_waited_for) {
  g_autoptr(any_message) first = NULL;
  g_autoptr(any_message) second = NULL;
  g_autoptr(bench) self = overlapping(&first, &second);

  require_ok(bench_fail(self, second, TRUE));
  check_answers(self, "");
  check_int_eq(remote_due(self->remote), 1060 * SECOND);
  check_int_eq(remote_pending(self->remote), 1);
  require_ok(bench_answer(self, first, "response", "1"));
  check_answers(self, "q1:q1 response 1\n");
}

TEST_CASE(Remote, when_all_attempts_have_failed_in_any_order_all_are_told_at_once) {
  for (guint i = 0; i < 2; i++) {
    g_autoptr(any_message) first = NULL;
    g_autoptr(any_message) second = NULL;
    g_autoptr(bench) self = overlapping(&first, &second);
    test_note("order %u", i);
    require_ok(bench_fail(self, i == 0 ? first : second, TRUE));
    check_answers(self, "");
    require_ok(bench_fail(self, i == 0 ? second : first, TRUE));
    check_answers(self, "q1:q1 error failed\n");
    check_int_eq(remote_count(self->remote), 0);
  }
}

TEST_CASE(Remote, the_failure_of_an_earlier_attempt_does_not_hasten_the_next_one) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_attempts = 3;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) second = bench_sent(self, NULL);
  const gint64 due = remote_due(self->remote);
  require_ok(bench_fail(self, first, TRUE));
  check_int_eq(remote_due(self->remote), due);
  require_ok(bench_fail(self, second, TRUE));
  check_int_le(remote_due(self->remote), self->now + 750 * MS);
  check_answers(self, "");
}

TEST_CASE(Remote, when_the_time_is_over_all_are_told_whatever_is_out) {
  g_autoptr(any_message) first = NULL;
  g_autoptr(any_message) second = NULL;
  g_autoptr(bench) self = overlapping(&first, &second);

  self->now = remote_due(self->remote);
  bench_retry(self);
  check_int_eq(self->expired, 1);
  check_null(bench_sent(self, NULL));
  check_int_eq(remote_due(self->remote), G_MAXINT64);
  require_ok(bench_fail(self, second, TRUE));
  check_answers(self, "q1:q1 error failed\n");
  /* Whoever asks again does not wait for what the old attempts say. */
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  g_autoptr(any_message) third = bench_sent(self, NULL);
  require_ok(bench_fail(self, first, TRUE));
  require_ok(bench_fail(self, second, TRUE));
  check_answers(self, "");
  require_ok(bench_answer(self, third, "response", "3"));
  check_answers(self, "q2:q2 response 3\n");
}

/* However little time a hub that was full has left. */
TEST_CASE(Remote, attempts_do_not_follow_each_other_at_once) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_attempts = 100;
  self->settings.remote_query_timeout = 1;
  guint sent = 1;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  G_GNUC_UNUSED g_autoptr(any_message) first = bench_sent(self, NULL);
  for (; self->expired == 0; bench_retry(self)) {
    g_autoptr(any_message) next = bench_sent(self, NULL);
    sent += next != NULL;
    self->now = remote_due(self->remote);
  }
  check_int_le(sent, 4);
}

/* ------------------------------------------------------------------------------------------------ joining, and the end */

TEST_CASE(Remote, a_query_like_it_joins_one_that_waits_for_its_next_attempt) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  require_ok(bench_fail(self, first, TRUE));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  check_null(bench_sent(self, NULL));
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) second = bench_sent(self, NULL);
  require_ok(bench_answer(self, second, "response", "{}"));
  check_answers(self, "q1:q1 response {}\nq2:q2 response {}\n");
}

TEST_CASE(Remote, when_the_attempts_are_used_up_all_who_wait_are_told) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  require_ok(bench_fail(self, first, TRUE));
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) second = bench_sent(self, NULL);
  require_ok(bench_fail(self, second, TRUE));
  check_answers(self, "q1:q1 error failed\nq2:q2 error failed\n");
  check_int_eq(remote_count(self->remote), 0);
  check_int_eq(remote_due(self->remote), G_MAXINT64);
}

TEST_CASE(Remote, the_time_between_attempts_doubles) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_attempts = 5;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  for (gint64 wait = 250 * MS; wait <= 2000 * MS; wait *= 2) {
    test_note("wait %d", (int)wait);
    require_ok(bench_fail(self, request, TRUE));
    check_int_ge(remote_due(self->remote), self->now + wait / 2);
    check_int_le(remote_due(self->remote), self->now + wait * 3 / 2);
    self->now = remote_due(self->remote);
    bench_retry(self);
    message_unref(request);
    request = bench_sent(self, NULL);
    require_not_null(request);
  }
  require_ok(bench_fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

/* Nodes that lost the cloud together do not come back together. */
TEST_CASE(Remote, the_time_between_attempts_is_not_the_same_for_all) {
  g_autoptr(bench) self = bench_new();
  gint64 first = 0;
  guint differ = 0;

  for (guint i = 0; i < 50; i++) {
    g_autofree char *resource = g_strdup_printf("a/secret/%u", i);
    require_ok(bench_ask(self, bench_query("q", resource)));
    g_autoptr(any_message) request = bench_sent(self, NULL);
    require_ok(bench_fail(self, request, TRUE));
    const gint64 due = remote_due(self->remote);
    first = first == 0 ? due : first;
    differ += due != first;
    require_ok(bench_fail(self, request, FALSE));
  }
  check_int_ge(differ, 40);
}

TEST_CASE(Remote, no_attempt_begins_after_the_deadline) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_timeout = 1;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  self->now += 900 * MS;
  require_ok(bench_fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

TEST_CASE(Remote, a_retry_that_finds_the_queue_full_is_offered_again_until_the_deadline) {
  g_autoptr(bench) self = bench_new();
  const gint64 deadline = self->now + 60 * SECOND;

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  require_ok(bench_fail(self, request, TRUE));
  self->now = remote_due(self->remote);
  fake_core_set_capacity(self->core, "websocket", 0);
  bench_retry(self);
  check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  check_int_eq(remote_pending(self->remote), 1);

  self->now = deadline - 1;
  bench_retry(self);
  check_int_eq(self->expired, 0);
  self->now = deadline;
  self->now = remote_due(self->remote);
  bench_retry(self);
  check_int_eq(self->expired, 1);
  /* Its failure is to be handled once. */
  self->now += SECOND;
  bench_retry(self);
  check_int_eq(self->expired, 1);
  check_int_eq(remote_pending(self->remote), 0);
  require_ok(bench_fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

TEST_CASE(Remote, a_retry_that_finds_no_memory_or_room_once_is_made_a_moment_later) {
  g_autoptr(bench) self = bench_new();
  static const char *const calls[] = {"message_new", "send_sync"};

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  require_ok(bench_fail(self, request, TRUE));
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
    self->now = remote_due(self->remote);
    fake_core_fail_nth(self->core, calls[i], 1, EDGECORE_NO_MEMORY);
    bench_retry(self);
    check_null(bench_sent(self, NULL));
    check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  }
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) again = bench_sent(self, NULL);
  check_not_null(again);
}
