#include "remote.h"

#include "remote_rig.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------------------- asking */

TEST_CASE(Remote, a_query_is_sent_under_a_new_id_and_waits_for_a_reply) {
  g_autoptr(bench) self = bench_new();
  guint64 timeout_ms;

  require_ok(bench_ask(self, fake_message(.id = "q1", .parent = "p", .source = "edged", .group = "meta",
                                          .operation = "query", .resource = "a/secret/s", .raw = "what")));
  g_autoptr(any_message) request = bench_sent(self, &timeout_ms);
  require_not_null(request);
  const struct edgecore_message_fields *fields = message_read(request);
  check_int_eq(strlen(fields->id), 36);
  check_str_eq(fields->parent_id, "");
  check_str_eq(fields->source, "edged");
  check_str_eq(fields->group, "meta");
  check_str_eq(fields->operation, "query");
  check_str_eq(fields->resource, "a/secret/s");
  check_int_eq(fields->flags, EDGECORE_MESSAGE_SYNC);
  check_mem_eq(fields->content, fields->content_size, "what", 4);
  /* All the time of the callers, and the same again for a reply that is too late for them. */
  check_int_eq(timeout_ms, 120000);
  check_int_eq(remote_count(self->remote), 1);
  check_int_eq(remote_pending(self->remote), 1);
}

TEST_CASE(Remote, identical_queries_share_one_request_and_all_get_the_answer) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  require_ok(bench_ask(
      self, fake_message(.id = "q3", .source = "edged", .operation = "query", .resource = "a/secret/s", .sync = TRUE)));
  check_null(bench_sent(self, NULL));
  check_int_eq(remote_count(self->remote), 1);
  require_ok(bench_answer(self, request, "response", "{}"));
  check_answers(self, "q1:q1 response {}\nq2:q2 response {}\nq3:q3 response {}\n");
  check_int_eq(remote_count(self->remote), 0);
}

TEST_CASE(Remote, queries_that_differ_do_not_share) {
  static const struct fake_text texts[] = {
      {.id = "q", .source = "edged", .group = "g", .resource = "a/secret/s"},
      {.id = "q", .source = "edged", .group = "g", .resource = "a/secret/t"},
      {.id = "q", .source = "edgex", .group = "g", .resource = "a/secret/s"},
      {.id = "q", .source = "edgemesh", .group = "g", .resource = "a/secret/s"},
      {.id = "q", .source = "edged", .group = "h", .resource = "a/secret/s"},
      {.id = "q", .source = "edged", .group = "g", .resource = "a/secret/s", .raw = "x"},
      {.id = "q", .source = "edged", .group = "g", .resource = "a/secret/s", .raw = "y"},
      {.id = "q", .source = "s\ned", .group = "g", .resource = "a"},
      {.id = "q", .source = "ed", .group = "g", .resource = "a\ns"},
  };
  g_autoptr(bench) self = bench_new();

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    require_ok(bench_ask(self, fake_message_new(&texts[i])));
  check_int_eq(remote_count(self->remote), G_N_ELEMENTS(texts));
  check_int_eq(fake_core_queued(self->core, "websocket"), G_N_ELEMENTS(texts));
}

TEST_CASE(Remote, says_whether_a_query_like_this_waits) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) same = bench_query("q2", "a/secret/s");
  g_autoptr(any_message) other = bench_query("q2", "a/secret/t");

  check_false(remote_has(self->remote, same));
  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  check_true(remote_has(self->remote, same));
  check_false(remote_has(self->remote, other));
}

TEST_CASE(Remote, a_query_that_finds_no_room_is_offered_again_while_its_time_runs) {
  g_autoptr(bench) self = bench_new();
  static const char *const calls[] = {"send_sync", "message_new"};
  const gint64 begun = self->now;
  guint64 timeout_ms;

  fake_core_set_capacity(self->core, "websocket", 0);
  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  check_int_eq(remote_count(self->remote), 1);
  check_int_eq(remote_pending(self->remote), 1);
  check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  fake_core_set_capacity(self->core, "websocket", 1);
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
    self->now = remote_due(self->remote);
    fake_core_fail_nth(self->core, calls[i], 1, EDGECORE_NO_MEMORY);
    bench_retry(self);
    check_null(bench_sent(self, NULL));
  }
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) request = bench_sent(self, &timeout_ms);
  require_not_null(request);
  /* It is the first attempt all the same. */
  const gint64 left = begun + 60 * SECOND - self->now;
  check_int_eq(timeout_ms, left / 1000 + 60000);
  check_int_ge(remote_due(self->remote), self->now + left * 3 / 8);
  check_int_le(remote_due(self->remote), self->now + left / 2);
  require_ok(bench_answer(self, request, "response", "{}"));
  check_answers(self, "q1:q1 response {}\nq2:q2 response {}\n");
}

TEST_CASE(Remote, a_query_without_memory_for_its_request_was_not_asked) {
  const guint before = message_count_live();
  bench *self = bench_new();

  fake_core_fail_nth(self->core, "message_new", 1, EDGECORE_NO_MEMORY);
  check_fails(bench_ask(self, bench_query("q1", "a/secret/s")), EDGECORE_NO_MEMORY, NULL);
  check_int_eq(remote_count(self->remote), 0);
  bench_free(self);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Remote, what_still_waits_in_the_end_is_given_back) {
  const guint before = message_count_live();
  bench *self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q3", "a/secret/t")));
  bench_free(self);
  check_int_eq(message_count_live(), before);
  remote_free(NULL);
}

/* ------------------------------------------------------------------------------------------------------------ answers */

TEST_CASE(Remote, an_answer_keeps_what_the_cloud_said_and_shares_its_content) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) reply =
      fake_message(.id = "reply", .parent = "r", .source = "edgecontroller", .group = "meta", .operation = "error",
                   .resource = "b/secret/s", .json = "{}", .sync = TRUE);

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  require_ok(remote_answer(self->remote, request, reply, bench_on_answer, self, &failure));
  check_answers(self, "q1:q1 error {}\n");
}

TEST_CASE(Remote, an_answer_that_nobody_waits_for_is_nothing) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) stranger = bench_query("x", "a/secret/s");

  require_ok(bench_answer(self, stranger, "response", "{}"));
  require_ok(bench_fail(self, stranger, TRUE));
  check_answers(self, "");
}

TEST_CASE(Remote, when_memory_ends_within_the_answers_the_others_still_wait) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q3", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  fake_core_fail_nth(self->core, "message_new", 2, EDGECORE_NO_MEMORY);
  check_fails(bench_answer(self, request, "response", "{}"), EDGECORE_NO_MEMORY, NULL);
  check_answers(self, "q1:q1 response {}\n");
  require_ok(bench_answer(self, request, "response", "{}"));
  check_answers(self, "q2:q2 response {}\nq3:q3 response {}\n");
  check_int_eq(remote_count(self->remote), 0);
}

/* --------------------------------------------------------------------------------------------------- stale, and no link */

TEST_CASE(Remote, the_failure_of_an_earlier_request_is_ignored) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  require_ok(bench_fail(self, first, FALSE));
  check_answers(self, "q1:q1 error failed\n");

  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  g_autoptr(any_message) second = bench_sent(self, NULL);
  const gint64 due = remote_due(self->remote);
  require_ok(bench_fail(self, first, TRUE));
  require_ok(bench_fail(self, first, FALSE));
  check_answers(self, "");
  check_int_eq(remote_due(self->remote), due);
  require_ok(bench_answer(self, second, "response", "{}"));
  check_answers(self, "q2:q2 response {}\n");
}

TEST_CASE(Remote, without_a_link_a_request_is_not_tried_again) {
  g_autoptr(bench) self = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) request = bench_sent(self, NULL);
  require_ok(bench_fail(self, request, FALSE));
  check_answers(self, "q1:q1 error failed\n");
  check_int_eq(remote_count(self->remote), 0);
}

TEST_CASE(Remote, without_a_link_a_query_is_not_sent_but_fails_like_one) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) message = bench_query("q1", "a/secret/s");
  any_message *failed = NULL;

  require_ok(remote_ask(self->remote, message, FALSE, self->now, &failed, &failure));
  require_not_null(failed);
  check_null(bench_sent(self, NULL));
  check_int_eq(remote_count(self->remote), 1);
  require_ok(bench_fail(self, failed, FALSE));
  check_answers(self, "q1:q1 error failed\n");
}

/* --------------------------------------------------------------------------------------------------- handing over */

static void copy_entry(struct remote_entry *entry, void *data) {
  remote_restore(data, entry->request, (any_message *const *)entry->waiters->pdata, entry->waiters->len,
                 entry->attempts, entry->deadline, entry->retry_at);
}

TEST_CASE(Remote, another_one_takes_the_reply_to_an_attempt_that_it_did_not_send) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(bench) next = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  g_autoptr(any_message) first = bench_sent(self, NULL);
  self->now = next->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) second = bench_sent(self, NULL);
  require_not_null(second);
  remote_each(self->remote, copy_entry, next->remote);
  check_int_eq(remote_due(next->remote), 1060 * SECOND);
  require_ok(bench_fail(next, second, TRUE));
  check_answers(next, "");
  require_ok(bench_answer(next, first, "response", "{}"));
  check_answers(next, "q1:q1 response {}\n");
}

/* Which waited for its outcome, and for no time. */
TEST_CASE(Remote, what_a_version_of_one_attempt_at_a_time_handed_over_ends) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) request = bench_query("r", "a/secret/s");
  g_autoptr(any_message) other = bench_query("r2", "a/secret/t");
  any_message *waiters[] = {request};

  remote_restore(self->remote, request, waiters, 1, 1, 1060 * SECOND, G_MAXINT64);
  require_ok(bench_fail(self, request, TRUE));
  check_int_le(remote_due(self->remote), self->now + 375 * MS);
  remote_restore(self->remote, other, waiters, 1, 2, 1060 * SECOND, G_MAXINT64);
  self->now = remote_due(self->remote);
  bench_retry(self);
  g_autoptr(any_message) again = bench_sent(self, NULL);
  require_not_null(again);
  self->now = 1060 * SECOND;
  bench_retry(self);
  check_int_eq(self->expired, 2);
  require_ok(bench_fail(self, again, TRUE));
  require_ok(bench_fail(self, other, TRUE));
  check_answers(self, "r:r error failed\nr:r error failed\n");
}

TEST_CASE(Remote, another_one_goes_on_with_what_it_is_handed) {
  const guint before = message_count_live();
  bench *self = bench_new();
  bench *next = bench_new();

  require_ok(bench_ask(self, bench_query("q1", "a/secret/s")));
  require_ok(bench_ask(self, bench_query("q2", "a/secret/s")));
  any_message *request = bench_sent(self, NULL);
  require_ok(bench_ask(self, bench_query("q3", "a/secret/t")));
  any_message *other = bench_sent(self, NULL);
  require_ok(bench_fail(self, other, TRUE));
  /* Twice: the later one takes the place of the earlier. */
  remote_each(self->remote, copy_entry, next->remote);
  remote_each(self->remote, copy_entry, next->remote);
  check_int_eq(remote_count(next->remote), 2);
  check_int_eq(remote_pending(next->remote), 2);
  check_int_eq(remote_due(next->remote), remote_due(self->remote));
  bench_free(self);

  require_ok(bench_answer(next, request, "response", "{}"));
  check_answers(next, "q1:q1 response {}\nq2:q2 response {}\n");
  next->now = remote_due(next->remote);
  bench_retry(next);
  any_message *again = bench_sent(next, NULL);
  require_not_null(again);
  require_ok(bench_fail(next, again, TRUE));
  /* It does not know that the attempt before has failed. */
  check_answers(next, "");
  next->now = remote_due(next->remote);
  bench_retry(next);
  check_int_eq(next->expired, 1);
  require_ok(bench_fail(next, again, TRUE));
  check_answers(next, "q3:q3 error failed\n");
  message_unref(request);
  message_unref(other);
  message_unref(again);
  bench_free(next);
  check_int_eq(message_count_live(), before);
}
