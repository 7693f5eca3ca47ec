#include "requests.h"

#include "fixture.h"
#include "no_threads.h"
#include "test.h"

struct fixture {
  struct activity activity;
  requests *requests;
  queue *queue; /* the caller's */
  struct edgecore_message *context;
};

static const char target, other;

static void fixture_init(struct fixture *self) {
  activity_init(&self->activity);
  self->requests = requests_new(&self->activity);
  self->queue = queue_new(16, TRUE);
  self->context = message_text("context", "x");
}

static void fixture_clear(struct fixture *self) {
  requests_free(self->requests);
  queue_free(self->queue);
  message_unref(self->context);
  activity_clear(&self->activity);
}

static void add(struct fixture *self, struct edgecore_message *request, const void *from, gint64 deadline) {
  check_true(requests_add(self->requests, request, from, self->queue, self->context, NULL, deadline));
}

/* Whether exactly one outcome waits, with this code and the content of its reply ("" for none). */
static void check_outcome(struct fixture *self, int32_t code, const char *content) {
  struct edgecore_item items[2];
  require_int_eq(queue_take(self->queue, items, sizeof items[0], 2, 1 << 20), 1);
  check_int_eq(items[0].outcome, code);
  check_true(items[0].context == self->context);
  g_autofree char *text = items[0].message == NULL ? g_strdup("") : message_content(items[0].message);
  check_str_eq(text, content);
  message_unref(items[0].message);
  message_unref(items[0].context);
}

TEST_CASE(Requests, an_answer_comes_once_with_its_context) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "\"OK\"");
  add(&self, request, &target, G_MAXINT64);
  check_int_eq(queue_length(self.queue), 0);
  check_true(requests_answer(self.requests, answer, &target));
  check_outcome(&self, EDGECORE_OK, "\"OK\"");
  check_false(requests_answer(self.requests, answer, &target));
  check_int_eq(queue_length(self.queue), 0);
  fixture_clear(&self);
}

TEST_CASE(Requests, without_a_thread_for_deadlines_none_is_noted) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  no_threads_after(0);
  check_false(requests_add(self.requests, request, &target, self.queue, self.context, NULL, G_MAXINT64));
  no_threads_end();
  check_false(requests_answer(self.requests, answer, &target));
  check_true(activity_wait(&self.activity, 0));
  add(&self, request, &target, G_MAXINT64);
  check_true(requests_answer(self.requests, answer, &target));
  check_outcome(&self, EDGECORE_OK, "1");
  fixture_clear(&self);
}

TEST_CASE(Requests, only_who_was_asked_may_answer) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) stranger = message_sync("r2", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  g_autoptr(any_message) nobodys = message_answer(stranger, "edged", "2");
  add(&self, request, &target, G_MAXINT64);
  check_false(requests_answer(self.requests, answer, &other));
  check_false(requests_answer(self.requests, nobodys, &target));
  check_true(requests_answer(self.requests, answer, NULL));
  check_outcome(&self, EDGECORE_OK, "1");
  fixture_clear(&self);
}

TEST_CASE(Requests, the_same_id_may_wait_at_two_places) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) first = message_answer(request, "a", "1");
  g_autoptr(any_message) second = message_answer(request, "b", "2");
  add(&self, request, &target, G_MAXINT64);
  add(&self, request, &other, G_MAXINT64);
  check_true(requests_answer(self.requests, first, &target));
  check_outcome(&self, EDGECORE_OK, "1");
  check_true(requests_answer(self.requests, second, &other));
  check_outcome(&self, EDGECORE_OK, "2");
  fixture_clear(&self);
}

TEST_CASE(Requests, a_deadline_ends_a_request_and_a_late_answer_is_dropped) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) patient = message_sync("patient", "?");
  g_autoptr(any_message) hasty = message_sync("hasty", "?");
  g_autoptr(any_message) late = message_answer(hasty, "edged", "1");
  g_autoptr(any_message) answer = message_answer(patient, "edged", "2");
  add(&self, patient, &target, G_MAXINT64);
  add(&self, hasty, &target, g_get_monotonic_time() + 1000);
  wait_readable(queue_descriptor(self.queue));
  check_outcome(&self, EDGECORE_TIMEOUT, "");
  check_false(requests_answer(self.requests, late, &target));
  check_true(requests_answer(self.requests, answer, &target));
  check_outcome(&self, EDGECORE_OK, "2");
  fixture_clear(&self);
}

TEST_CASE(Requests, deadlines_end_in_their_order) {
  struct fixture self;
  fixture_init(&self);
  const gint64 now = g_get_monotonic_time();
  /* The first is far off: on a slow machine it may not pass before the others are added. */
  static const gint64 after_us[] = {1000000, 1000, 2000};
  g_autoptr(GPtrArray) contexts = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);
  for (guint i = 0; i < G_N_ELEMENTS(after_us); i++) {
    g_autofree char *id = g_strdup_printf("r%u", i);
    g_autoptr(any_message) request = message_sync(id, "?");
    g_ptr_array_add(contexts, message_text(id, "context"));
    check_true(requests_add(self.requests, request, &target, self.queue, contexts->pdata[i], NULL, now + after_us[i]));
  }
  static const guint order[] = {1, 2, 0};
  for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
    struct edgecore_item item;
    wait_readable(queue_descriptor(self.queue));
    require_int_eq(queue_take(self.queue, &item, sizeof item, 1, 1 << 20), 1);
    check_int_eq(item.outcome, EDGECORE_TIMEOUT);
    check_true(item.context == contexts->pdata[order[i]]);
    message_unref(item.context);
  }
  fixture_clear(&self);
}

TEST_CASE(Requests, a_cancelled_one_has_no_outcome) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  add(&self, request, &target, G_MAXINT64);
  check_true(requests_cancel(self.requests, request, &target));
  check_false(requests_cancel(self.requests, request, &target));
  check_false(requests_answer(self.requests, answer, NULL));
  check_int_eq(queue_length(self.queue), 0);
  check_true(activity_wait(&self.activity, -1));
  fixture_clear(&self);
}

TEST_CASE(Requests, count_as_moving_until_the_outcome_is_taken) {
  struct fixture self;
  fixture_init(&self);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  add(&self, request, &target, G_MAXINT64);
  check_false(activity_wait(&self.activity, 0));
  check_true(requests_answer(self.requests, answer, &target));
  check_false(activity_wait(&self.activity, 0));
  check_outcome(&self, EDGECORE_OK, "1");
  activity_remove(&self.activity, 1); /* who takes from the queue does this */
  check_true(activity_wait(&self.activity, 0));
  fixture_clear(&self);
}

TEST_CASE(Requests, closing_ends_all_of_them) {
  struct fixture self;
  fixture_init(&self);
  const guint before = message_count_live();
  for (guint i = 0; i < 5; i++) {
    g_autoptr(any_message) request = message_sync(NULL, "?");
    add(&self, request, &target, G_MAXINT64);
  }
  requests_close(self.requests);
  for (guint i = 0; i < 5; i++) {
    struct edgecore_item item;
    require_int_eq(queue_take(self.queue, &item, sizeof item, 1, 1 << 20), 1);
    check_int_eq(item.outcome, EDGECORE_NOT_FOUND);
    check_null(item.message);
    message_unref(item.context);
  }
  g_autoptr(any_message) late = message_sync("late", "?");
  add(&self, late, &target, G_MAXINT64);
  check_outcome(&self, EDGECORE_NOT_FOUND, "");
  check_int_eq(message_count_live(), before + 1);
  fixture_clear(&self);
}
