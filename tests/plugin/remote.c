#include "remote.h"

#include "fake_core.h"
#include "fixture.h"

#include <string.h>

#define MS ((gint64)1000)
#define SECOND G_USEC_PER_SEC

typedef struct edgecore_message any_message;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(any_message, message_unref)

struct bench {
  fake_core *core;
  struct settings settings;
  remote *remote;
  GString *answers; /* QUERY-ID:PARENT OPERATION CONTENT, one a line */
  guint expired;
  gint64 now;
};
typedef struct bench bench;

static bench *bench_new(void) {
  bench *self = g_new0(bench, 1);

  self->core = fake_core_new("no database is opened");
  self->settings = (struct settings){
      .send_module = (char *)"websocket", .remote_query_timeout = 60, .remote_query_attempts = 2, .volume_timeout = 60};
  self->remote = remote_new(fake_core_table(self->core), &self->settings);
  self->answers = g_string_new(NULL);
  self->now = 1000 * SECOND;
  return self;
}

static void bench_free(bench *self) {
  remote_free(self->remote);
  fake_core_free(self->core);
  g_string_free(self->answers, TRUE);
  g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench, bench_free)

static any_message *query(const char *id, const char *resource) {
  return fake_message(.id = id, .parent = "p", .source = "edged", .operation = "query", .resource = resource);
}

static int32_t ask(bench *self, any_message *message) {
  any_message *failed = NULL;
  int32_t code = remote_ask(self->remote, message, TRUE, self->now, &failed, &failure);

  check_null(failed);
  message_unref(message);
  return code;
}

/* The request that was sent since the last look; NULL when there is none. The caller owns it. */
static any_message *sent(bench *self, guint64 *timeout_ms) {
  g_autoptr(GPtrArray) all = fake_core_take(self->core, "websocket");

  if (all->len == 0)
    return NULL;
  check_int_eq(all->len, 1);
  if (timeout_ms != NULL)
    *timeout_ms = fake_sent_at(all, 0)->timeout_ms;
  return message_ref(fake_sent_at(all, 0)->message);
}

static void on_answer(any_message *asked, any_message *answer, void *data) {
  bench *self = data;
  g_autofree char *content = fake_content(answer);

  check_int_eq(strlen(message_read(answer)->id), 36);
  check_int_eq(message_read(answer)->flags, 0);
  g_string_append_printf(self->answers, "%s:%s %s %s\n", message_read(asked)->id, message_read(answer)->parent_id,
                         message_read(answer)->operation, content);
  message_unref(asked);
  message_unref(answer);
}

static int32_t answer(bench *self, any_message *request, const char *operation, const char *content) {
  g_autoptr(any_message) message = fake_message(.source = "cloud", .operation = operation, .raw = content);

  return remote_answer(self->remote, request, message, on_answer, self, &failure);
}

static int32_t fail(bench *self, any_message *request, gboolean linked) {
  g_autoptr(any_message) message = fake_message(.source = "metaManager", .operation = "error", .raw = "failed");

  return remote_failed(self->remote, request, message, linked, self->now, on_answer, self, &failure);
}

static void on_expired(struct remote_entry *entry, void *data) {
  check_not_null(entry->request);
  ((bench *)data)->expired++;
}

static void retry(bench *self) {
  remote_retry(self->remote, self->now, on_expired, self);
}

static void check_answers(bench *self, const char *want) {
  check_str_eq(self->answers->str, want);
  g_string_truncate(self->answers, 0);
}

/* ------------------------------------------------------------------------------------------------------------- asking */

TEST_CASE(Remote, a_query_is_sent_under_a_new_id_and_waits_for_a_reply) {
  g_autoptr(bench) self = bench_new();
  guint64 timeout_ms;

  require_ok(ask(self, fake_message(.id = "q1", .parent = "p", .source = "edged", .group = "meta", .operation = "query",
                                    .resource = "a/secret/s", .raw = "what")));
  g_autoptr(any_message) request = sent(self, &timeout_ms);
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
  /* Each attempt has its share of the time. */
  check_int_eq(timeout_ms, 30000);
  check_int_eq(remote_count(self->remote), 1);
  check_int_eq(remote_pending(self->remote), 0);
  check_int_eq(remote_due(self->remote), G_MAXINT64);
}

TEST_CASE(Remote, identical_queries_share_one_request_and_all_get_the_answer) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  require_ok(ask(self, query("q2", "a/secret/s")));
  require_ok(ask(
      self, fake_message(.id = "q3", .source = "edged", .operation = "query", .resource = "a/secret/s", .sync = TRUE)));
  check_null(sent(self, NULL));
  check_int_eq(remote_count(self->remote), 1);
  require_ok(answer(self, request, "response", "{}"));
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
    require_ok(ask(self, fake_message_new(&texts[i])));
  check_int_eq(remote_count(self->remote), G_N_ELEMENTS(texts));
  check_int_eq(fake_core_queued(self->core, "websocket"), G_N_ELEMENTS(texts));
}

TEST_CASE(Remote, says_whether_a_query_like_this_waits) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) same = query("q2", "a/secret/s");
  g_autoptr(any_message) other = query("q2", "a/secret/t");

  check_false(remote_has(self->remote, same));
  require_ok(ask(self, query("q1", "a/secret/s")));
  check_true(remote_has(self->remote, same));
  check_false(remote_has(self->remote, other));
}

TEST_CASE(Remote, a_query_that_finds_no_room_is_offered_again_while_its_time_runs) {
  g_autoptr(bench) self = bench_new();
  static const char *const calls[] = {"send_sync", "message_new"};
  const gint64 begun = self->now;
  guint64 timeout_ms;

  fake_core_set_capacity(self->core, "websocket", 0);
  require_ok(ask(self, query("q1", "a/secret/s")));
  require_ok(ask(self, query("q2", "a/secret/s")));
  check_int_eq(remote_count(self->remote), 1);
  check_int_eq(remote_pending(self->remote), 1);
  check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  fake_core_set_capacity(self->core, "websocket", 1);
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
    self->now = remote_due(self->remote);
    fake_core_fail_nth(self->core, calls[i], 1, EDGECORE_NO_MEMORY);
    retry(self);
    check_null(sent(self, NULL));
  }
  self->now = remote_due(self->remote);
  retry(self);
  g_autoptr(any_message) request = sent(self, &timeout_ms);
  require_not_null(request);
  /* It is the first attempt all the same. */
  check_int_eq(timeout_ms, (begun + 60 * SECOND - self->now) / 2 / 1000);
  require_ok(answer(self, request, "response", "{}"));
  check_answers(self, "q1:q1 response {}\nq2:q2 response {}\n");
}

TEST_CASE(Remote, a_query_without_memory_for_its_request_was_not_asked) {
  const guint before = message_count_live();
  bench *self = bench_new();

  fake_core_fail_nth(self->core, "message_new", 1, EDGECORE_NO_MEMORY);
  check_fails(ask(self, query("q1", "a/secret/s")), EDGECORE_NO_MEMORY, NULL);
  check_int_eq(remote_count(self->remote), 0);
  bench_free(self);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Remote, what_still_waits_in_the_end_is_given_back) {
  const guint before = message_count_live();
  bench *self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  require_ok(ask(self, query("q2", "a/secret/s")));
  require_ok(ask(self, query("q3", "a/secret/t")));
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

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  require_ok(remote_answer(self->remote, request, reply, on_answer, self, &failure));
  check_answers(self, "q1:q1 error {}\n");
}

TEST_CASE(Remote, an_answer_that_nobody_waits_for_is_nothing) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) stranger = query("x", "a/secret/s");

  require_ok(answer(self, stranger, "response", "{}"));
  require_ok(fail(self, stranger, TRUE));
  check_answers(self, "");
}

TEST_CASE(Remote, when_memory_ends_within_the_answers_the_others_still_wait) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  require_ok(ask(self, query("q2", "a/secret/s")));
  require_ok(ask(self, query("q3", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  fake_core_fail_nth(self->core, "message_new", 2, EDGECORE_NO_MEMORY);
  check_fails(answer(self, request, "response", "{}"), EDGECORE_NO_MEMORY, NULL);
  check_answers(self, "q1:q1 response {}\n");
  require_ok(answer(self, request, "response", "{}"));
  check_answers(self, "q2:q2 response {}\nq3:q3 response {}\n");
  check_int_eq(remote_count(self->remote), 0);
}

/* ------------------------------------------------------------------------------------------------------------ retries */

TEST_CASE(Remote, a_request_without_a_reply_is_sent_again_after_a_while_under_another_id) {
  g_autoptr(bench) self = bench_new();
  guint64 timeout_ms;

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) first = sent(self, NULL);
  self->now += 30 * SECOND;
  require_ok(fail(self, first, TRUE));
  check_answers(self, "");
  check_int_eq(remote_pending(self->remote), 1);
  check_int_ge(remote_due(self->remote), self->now + 125 * MS);
  check_int_le(remote_due(self->remote), self->now + 375 * MS);

  self->now = remote_due(self->remote) - 1;
  retry(self);
  check_null(sent(self, NULL));
  self->now++;
  const gint64 left = 1060 * SECOND - self->now;
  retry(self);
  g_autoptr(any_message) second = sent(self, &timeout_ms);
  require_not_null(second);
  check_true(strcmp(message_read(first)->id, message_read(second)->id) != 0);
  check_int_eq(timeout_ms, left / 1000);
  check_int_eq(remote_pending(self->remote), 0);
  require_ok(answer(self, second, "response", "{}"));
  check_answers(self, "q1:q1 response {}\n");
}

TEST_CASE(Remote, a_query_like_it_joins_one_that_waits_for_its_next_attempt) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) first = sent(self, NULL);
  require_ok(fail(self, first, TRUE));
  require_ok(ask(self, query("q2", "a/secret/s")));
  check_null(sent(self, NULL));
  self->now = remote_due(self->remote);
  retry(self);
  g_autoptr(any_message) second = sent(self, NULL);
  require_ok(answer(self, second, "response", "{}"));
  check_answers(self, "q1:q1 response {}\nq2:q2 response {}\n");
}

TEST_CASE(Remote, when_the_attempts_are_used_up_all_who_wait_are_told) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  require_ok(ask(self, query("q2", "a/secret/s")));
  g_autoptr(any_message) first = sent(self, NULL);
  require_ok(fail(self, first, TRUE));
  self->now = remote_due(self->remote);
  retry(self);
  g_autoptr(any_message) second = sent(self, NULL);
  require_ok(fail(self, second, TRUE));
  check_answers(self, "q1:q1 error failed\nq2:q2 error failed\n");
  check_int_eq(remote_count(self->remote), 0);
  check_int_eq(remote_due(self->remote), G_MAXINT64);
}

TEST_CASE(Remote, the_time_between_attempts_doubles) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_attempts = 5;

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  for (gint64 wait = 250 * MS; wait <= 2000 * MS; wait *= 2) {
    test_note("wait %d", (int)wait);
    require_ok(fail(self, request, TRUE));
    check_int_ge(remote_due(self->remote), self->now + wait / 2);
    check_int_le(remote_due(self->remote), self->now + wait * 3 / 2);
    self->now = remote_due(self->remote);
    retry(self);
    message_unref(request);
    request = sent(self, NULL);
    require_not_null(request);
  }
  require_ok(fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

/* Nodes that lost the cloud together do not come back together. */
TEST_CASE(Remote, the_time_between_attempts_is_not_the_same_for_all) {
  g_autoptr(bench) self = bench_new();
  gint64 first = 0;
  guint differ = 0;

  for (guint i = 0; i < 50; i++) {
    g_autofree char *resource = g_strdup_printf("a/secret/%u", i);
    require_ok(ask(self, query("q", resource)));
    g_autoptr(any_message) request = sent(self, NULL);
    require_ok(fail(self, request, TRUE));
    const gint64 due = remote_due(self->remote);
    first = first == 0 ? due : first;
    differ += due != first;
    require_ok(fail(self, request, FALSE));
  }
  check_int_ge(differ, 40);
}

TEST_CASE(Remote, no_attempt_begins_after_the_deadline) {
  g_autoptr(bench) self = bench_new();
  self->settings.remote_query_timeout = 1;

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  self->now += 900 * MS;
  require_ok(fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

TEST_CASE(Remote, a_retry_that_finds_the_queue_full_is_offered_again_until_the_deadline) {
  g_autoptr(bench) self = bench_new();
  const gint64 deadline = self->now + 60 * SECOND;

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  require_ok(fail(self, request, TRUE));
  self->now = remote_due(self->remote);
  fake_core_set_capacity(self->core, "websocket", 0);
  retry(self);
  check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  check_int_eq(remote_pending(self->remote), 1);

  self->now = deadline - 1;
  retry(self);
  check_int_eq(self->expired, 0);
  self->now = deadline;
  self->now = remote_due(self->remote);
  retry(self);
  check_int_eq(self->expired, 1);
  /* Its failure is to be handled once. */
  self->now += SECOND;
  retry(self);
  check_int_eq(self->expired, 1);
  check_int_eq(remote_pending(self->remote), 0);
  require_ok(fail(self, request, TRUE));
  check_answers(self, "q1:q1 error failed\n");
}

TEST_CASE(Remote, a_retry_that_finds_no_memory_or_room_once_is_made_a_moment_later) {
  g_autoptr(bench) self = bench_new();
  static const char *const calls[] = {"message_new", "send_sync"};

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  require_ok(fail(self, request, TRUE));
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
    self->now = remote_due(self->remote);
    fake_core_fail_nth(self->core, calls[i], 1, EDGECORE_NO_MEMORY);
    retry(self);
    check_null(sent(self, NULL));
    check_int_eq(remote_due(self->remote), self->now + 10 * MS);
  }
  self->now = remote_due(self->remote);
  retry(self);
  g_autoptr(any_message) again = sent(self, NULL);
  check_not_null(again);
}

/* --------------------------------------------------------------------------------------------------- stale, and no link */

TEST_CASE(Remote, the_failure_of_an_earlier_request_is_ignored) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) first = sent(self, NULL);
  require_ok(fail(self, first, FALSE));
  check_answers(self, "q1:q1 error failed\n");

  require_ok(ask(self, query("q2", "a/secret/s")));
  g_autoptr(any_message) second = sent(self, NULL);
  require_ok(fail(self, first, TRUE));
  require_ok(fail(self, first, FALSE));
  check_answers(self, "");
  check_int_eq(remote_pending(self->remote), 0);
  require_ok(answer(self, second, "response", "{}"));
  check_answers(self, "q2:q2 response {}\n");
}

TEST_CASE(Remote, without_a_link_a_request_is_not_tried_again) {
  g_autoptr(bench) self = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  g_autoptr(any_message) request = sent(self, NULL);
  require_ok(fail(self, request, FALSE));
  check_answers(self, "q1:q1 error failed\n");
  check_int_eq(remote_count(self->remote), 0);
}

TEST_CASE(Remote, without_a_link_a_query_is_not_sent_but_fails_like_one) {
  g_autoptr(bench) self = bench_new();
  g_autoptr(any_message) message = query("q1", "a/secret/s");
  any_message *failed = NULL;

  require_ok(remote_ask(self->remote, message, FALSE, self->now, &failed, &failure));
  require_not_null(failed);
  check_null(sent(self, NULL));
  check_int_eq(remote_count(self->remote), 1);
  require_ok(fail(self, failed, FALSE));
  check_answers(self, "q1:q1 error failed\n");
}

/* --------------------------------------------------------------------------------------------------- handing over */

static void copy_entry(struct remote_entry *entry, void *data) {
  remote_restore(data, entry->request, (any_message *const *)entry->waiters->pdata, entry->waiters->len,
                 entry->attempts, entry->deadline, entry->retry_at);
}

TEST_CASE(Remote, another_one_goes_on_with_what_it_is_handed) {
  const guint before = message_count_live();
  bench *self = bench_new();
  bench *next = bench_new();

  require_ok(ask(self, query("q1", "a/secret/s")));
  require_ok(ask(self, query("q2", "a/secret/s")));
  any_message *request = sent(self, NULL);
  require_ok(ask(self, query("q3", "a/secret/t")));
  any_message *other = sent(self, NULL);
  require_ok(fail(self, other, TRUE));
  /* Twice: the later one takes the place of the earlier. */
  remote_each(self->remote, copy_entry, next->remote);
  remote_each(self->remote, copy_entry, next->remote);
  check_int_eq(remote_count(next->remote), 2);
  check_int_eq(remote_pending(next->remote), 1);
  check_int_eq(remote_due(next->remote), remote_due(self->remote));
  bench_free(self);

  require_ok(answer(next, request, "response", "{}"));
  check_answers(next, "q1:q1 response {}\nq2:q2 response {}\n");
  next->now = remote_due(next->remote);
  retry(next);
  any_message *again = sent(next, NULL);
  require_not_null(again);
  require_ok(fail(next, again, TRUE));
  check_answers(next, "q3:q3 error failed\n");
  message_unref(request);
  message_unref(other);
  message_unref(again);
  bench_free(next);
  check_int_eq(message_count_live(), before);
}
