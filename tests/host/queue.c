#include "queue.h"

#include "fixture.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static void push_id(queue *box, const char *id) {
  g_autoptr(any_message) message = message_text(id, "0123456789");
  check_int_eq(queue_push(box, message), EDGECORE_OK);
}

/* The ids of what is taken, joined by spaces. */
static char *take_ids(queue *box, guint max_items, guint64 max_bytes) {
  struct edgecore_item items[64];
  GString *ids = g_string_new(NULL);
  guint count = queue_take(box, items, sizeof items[0], max_items, max_bytes);
  for (guint i = 0; i < count; i++) {
    check_int_eq(items[i].size, sizeof items[i]);
    g_string_append_printf(ids, "%s%s", i == 0 ? "" : " ",
                           items[i].message == NULL ? "-" : message_read(items[i].message)->id);
    message_unref(items[i].message);
    message_unref(items[i].context);
  }
  return g_string_free(ids, FALSE);
}

static void check_takes(queue *box, guint max_items, guint64 max_bytes, const char *want) {
  g_autofree char *ids = take_ids(box, max_items, max_bytes);
  check_str_eq(ids, want);
}

TEST_CASE(Queue, keeps_order) {
  g_autoptr(queue) box = queue_new(1024, FALSE);
  guint in = 0, out = 0;
  for (guint round = 0; round < 50; round++) {
    for (guint i = 0; i < 7 + round; i++) {
      g_autofree char *id = g_strdup_printf("m%u", in++);
      push_id(box, id);
    }
    for (guint i = 0; i < 5 + round; i++) {
      g_autofree char *id = g_strdup_printf("m%u", out++);
      check_takes(box, 1, 1 << 20, id);
    }
    check_int_eq(queue_length(box), in - out);
  }
}

TEST_CASE(Queue, is_bounded) {
  g_autoptr(queue) box = queue_new(3, FALSE);
  g_autoptr(any_message) more = message_text("more", "x");
  push_id(box, "a");
  push_id(box, "b");
  push_id(box, "c");
  check_int_eq(queue_push(box, more), EDGECORE_AGAIN);
  check_int_eq(queue_length(box), 3);
  check_takes(box, 1, 1 << 20, "a");
  check_int_eq(queue_push(box, more), EDGECORE_OK);
  check_takes(box, 9, 1 << 20, "b c more");
}

TEST_CASE(Queue, an_outcome_is_never_refused_and_takes_no_room) {
  g_autoptr(queue) box = queue_new(1, FALSE);
  g_autoptr(any_message) reply = message_text("reply", "x");
  g_autoptr(any_message) context = message_text("context", "x");
  check_true(queue_push_outcome(box, EDGECORE_OK, reply, context));
  push_id(box, "a");
  check_int_eq(queue_push(box, reply), EDGECORE_AGAIN);
  check_true(queue_push_outcome(box, EDGECORE_TIMEOUT, NULL, context));
  check_int_eq(queue_length(box), 3);
  struct edgecore_item items[4] = {{0}};
  require_int_eq(queue_take(box, items, sizeof items[0], 4, 1 << 20), 3);
  check_int_eq(items[0].outcome, EDGECORE_OK);
  check_true(items[0].message == reply && items[0].context == context);
  check_str_eq(message_read(items[1].message)->id, "a");
  check_null(items[1].context);
  check_int_eq(items[2].outcome, EDGECORE_TIMEOUT);
  check_true(items[2].message == NULL && items[2].context == context);
  for (guint i = 0; i < 3; i++) {
    message_unref(items[i].message);
    message_unref(items[i].context);
  }
  push_id(box, "b");
}

TEST_CASE(Queue, take_stops_at_items_and_at_bytes) {
  g_autoptr(queue) box = queue_new(16, FALSE);
  static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g"}; /* 10 bytes each */
  for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
    push_id(box, ids[i]);
  check_takes(box, 0, 1 << 20, "");
  check_takes(box, 2, 1 << 20, "a b");
  check_takes(box, 9, 20, "c d");
  check_takes(box, 9, 11, "e f");
  check_takes(box, 9, 0, "g");
  check_takes(box, 9, 1 << 20, "");
}

TEST_CASE(Queue, take_knows_longer_and_shorter_items) {
  g_autoptr(queue) box = queue_new(16, FALSE);
  push_id(box, "a");
  push_id(box, "b");
  struct {
    struct edgecore_item item;
    uint64_t later;
  } items[2];
  memset(items, 0xff, sizeof items);
  check_int_eq(queue_take(box, &items[0].item, sizeof(struct edgecore_item) - 8, 2, 1 << 20), 0);
  require_int_eq(queue_take(box, &items[0].item, sizeof items[0], 2, 1 << 20), 2);
  for (guint i = 0; i < 2; i++) {
    check_int_eq(items[i].item.size, sizeof(struct edgecore_item));
    check_int_eq(items[i].later, 0);
    check_str_eq(message_read(items[i].item.message)->id, i == 0 ? "a" : "b");
    message_unref(items[i].item.message);
  }
}

TEST_CASE(Queue, the_descriptor_is_readable_while_something_waits) {
  g_autoptr(queue) box = queue_new(16, TRUE);
  g_autoptr(any_message) context = message_text("context", "x");
  int descriptor = queue_descriptor(box);
  require_int_ge(descriptor, 0);
  for (guint round = 0; round < 3; round++) {
    check_false(is_readable(descriptor));
    push_id(box, "a");
    check_true(is_readable(descriptor));
    push_id(box, "b");
    check_takes(box, 1, 1 << 20, "a");
    check_true(is_readable(descriptor));
    check_takes(box, 1, 1 << 20, "b");
    check_false(is_readable(descriptor));
    check_true(queue_push_outcome(box, EDGECORE_TIMEOUT, NULL, context));
    check_true(is_readable(descriptor));
    check_takes(box, 1, 1 << 20, "-");
  }
  g_autoptr(queue) without = queue_new(16, FALSE);
  check_int_eq(queue_descriptor(without), -1);
}

TEST_CASE(Queue, a_closed_one_takes_nothing_and_keeps_what_it_has) {
  g_autoptr(queue) box = queue_new(16, TRUE);
  g_autoptr(any_message) late = message_text("late", "x");
  push_id(box, "a");
  queue_close(box);
  check_int_eq(queue_push(box, late), EDGECORE_NOT_FOUND);
  check_int_eq(queue_push_wait(box, late, -1), EDGECORE_NOT_FOUND);
  check_false(queue_push_outcome(box, EDGECORE_OK, late, late));
  check_null(queue_wait(box));
  check_int_eq(queue_length(box), 1);
  check_takes(box, 9, 1 << 20, "a");
}

struct sender {
  queue *queue;
  guint number;
  guint count;
  int32_t code;
};

static gpointer send_one(gpointer data) {
  struct sender *self = data;
  g_autoptr(any_message) message = message_text("waited", "x");
  self->code = queue_push_wait(self->queue, message, -1);
  return NULL;
}

TEST_CASE(Queue, push_wait_waits_for_room) {
  g_autoptr(queue) box = queue_new(1, FALSE);
  push_id(box, "a");
  struct sender sender = {.queue = box, .code = -1};
  GThread *thread = g_thread_new("sender", send_one, &sender);
  check_takes(box, 1, 1 << 20, "a");
  g_thread_join(thread);
  check_int_eq(sender.code, EDGECORE_OK);
  check_takes(box, 1, 1 << 20, "waited");
}

TEST_CASE(Queue, push_wait_ends_when_the_queue_is_closed) {
  g_autoptr(queue) box = queue_new(1, FALSE);
  push_id(box, "a");
  struct sender sender = {.queue = box, .code = -1};
  GThread *thread = g_thread_new("sender", send_one, &sender);
  queue_close(box);
  g_thread_join(thread);
  check_int_eq(sender.code, EDGECORE_NOT_FOUND);
}

TEST_CASE(Queue, push_wait_ends_at_its_deadline) {
  g_autoptr(queue) box = queue_new(1, FALSE);
  g_autoptr(any_message) message = message_text("late", "x");
  push_id(box, "a");
  check_int_eq(queue_push_wait(box, message, g_get_monotonic_time() + 1000), EDGECORE_TIMEOUT);
  check_takes(box, 9, 1 << 20, "a");
}

TEST_CASE(Queue, push_all_is_all_or_none) {
  g_autoptr(queue) first = queue_new(2, FALSE);
  g_autoptr(queue) second = queue_new(1, FALSE);
  g_autoptr(queue) third = queue_new(2, FALSE);
  queue *const queues[] = {first, second, third};
  g_autoptr(any_message) message = message_text("m", "x");
  check_int_eq(queue_push_all(queues, 3, message), EDGECORE_OK);
  check_int_eq(queue_push_all(queues, 3, message), EDGECORE_AGAIN);
  for (guint i = 0; i < 3; i++)
    check_int_eq(queue_length(queues[i]), 1);
  check_takes(second, 9, 1 << 20, "m");
  check_int_eq(queue_push_all(queues, 3, message), EDGECORE_OK);
  queue_close(third);
  check_takes(first, 9, 1 << 20, "m m");
  check_takes(second, 9, 1 << 20, "m");
  check_int_eq(queue_push_all(queues, 3, message), EDGECORE_NOT_FOUND);
  check_int_eq(queue_length(first), 0);
  check_int_eq(queue_length(second), 0);
}

TEST_CASE(Queue, releases_what_is_left) {
  const guint before = message_count_live();
  {
    g_autoptr(queue) box = queue_new(16, TRUE);
    g_autoptr(any_message) reply = message_text("reply", "x");
    push_id(box, "a");
    queue_push_outcome(box, EDGECORE_OK, reply, reply);
  }
  check_int_eq(message_count_live(), before);
}

static gpointer send_many(gpointer data) {
  struct sender *self = data;
  for (guint i = 0; i < self->count; i++) {
    g_autofree char *id = g_strdup_printf("%u %u", self->number, i);
    g_autoptr(any_message) message = message_text(id, "x");
    self->code = queue_push_wait(self->queue, message, -1);
  }
  return NULL;
}

TEST_CASE(Queue, many_senders_lose_nothing_and_keep_their_order) {
  enum { SENDERS = 4, EACH = 3000 };
  g_autoptr(queue) box = queue_new(16, TRUE);
  struct sender senders[SENDERS];
  GThread *threads[SENDERS];
  guint next[SENDERS] = {0};
  for (guint i = 0; i < SENDERS; i++) {
    senders[i] = (struct sender){.queue = box, .number = i, .count = EACH};
    threads[i] = g_thread_new("sender", send_many, &senders[i]);
  }
  for (guint got = 0; got < SENDERS * EACH;) {
    wait_readable(queue_descriptor(box));
    struct edgecore_item items[10];
    guint count = queue_take(box, items, sizeof items[0], G_N_ELEMENTS(items), 1 << 20);
    for (guint i = 0; i < count; i++) {
      guint sender = 0, number = 0;
      check_int_eq(sscanf(message_read(items[i].message)->id, "%u %u", &sender, &number), 2);
      check_int_eq(number, next[sender]++);
      message_unref(items[i].message);
    }
    got += count;
  }
  for (guint i = 0; i < SENDERS; i++)
    g_thread_join(threads[i]);
  check_int_eq(queue_length(box), 0);
  check_false(is_readable(queue_descriptor(box)));
}

TEST_CASE(Queue, wait_hands_over_one_at_a_time) {
  g_autoptr(queue) box = queue_new(1, FALSE);
  struct sender sender = {.queue = box, .number = 7, .count = 100};
  GThread *thread = g_thread_new("sender", send_many, &sender);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *id = g_strdup_printf("7 %u", i);
    g_autoptr(any_message) message = queue_wait(box);
    check_str_eq(message_read(message)->id, id);
  }
  g_thread_join(thread);
  check_int_eq(queue_length(box), 0);
}
