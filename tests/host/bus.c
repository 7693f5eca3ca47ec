#include "bus.h"

#include "fixture.h"
#include "test.h"

struct fixture {
  struct activity activity;
  bus *bus;
  struct mailbox *plugin, *edged, *hub, *twin; /* hub and twin are in one group */
};

static struct mailbox *join(bus *on, const char *name, const char *group) {
  struct mailbox *mailbox = NULL;
  check_int_eq(bus_add(on, name, group, TRUE, &mailbox, NULL), EDGECORE_OK);
  return mailbox;
}

static void fixture_init(struct fixture *self, guint capacity) {
  activity_init(&self->activity);
  self->bus = bus_new(capacity, &self->activity);
  self->plugin = join(self->bus, "metaManager", "meta");
  self->edged = join(self->bus, "edged", "edged");
  self->hub = join(self->bus, "websocket", "hub");
  self->twin = join(self->bus, "mirror", "hub");
}

static void fixture_clear(struct fixture *self) {
  bus_close(self->bus);
  bus_free(self->bus);
  activity_clear(&self->activity);
}

/* Takes all; the ids joined by spaces, "outcome:ID" for an outcome without a reply, "reply:ID" with one. */
static char *take(struct fixture *self, struct mailbox *mailbox) {
  struct edgecore_item item;
  GString *ids = g_string_new(NULL);
  while (bus_receive(self->bus, mailbox, &item, sizeof item, 1, 1 << 20) == 1) {
    const struct edgecore_message *shown = item.context != NULL ? item.context : item.message;
    const char *prefix = item.context == NULL ? "" : item.message == NULL ? "outcome:" : "reply:";
    g_string_append_printf(ids, "%s%s%s", ids->len > 0 ? " " : "", prefix, message_read(shown)->id);
    message_unref(item.message);
    message_unref(item.context);
  }
  return g_string_free(ids, FALSE);
}

static void check_takes(struct fixture *self, struct mailbox *mailbox, const char *want) {
  g_autofree char *ids = take(self, mailbox);
  check_str_eq(ids, want);
}

TEST_CASE(Bus, sends_to_a_module_in_order) {
  struct fixture self;
  fixture_init(&self, 4);
  g_autoptr(any_message) first = message_text("1", "x");
  g_autoptr(any_message) second = message_text("2", "x");
  check_int_eq(bus_send(self.bus, "edged", first, 0, NULL), EDGECORE_OK);
  check_int_eq(bus_send(self.bus, "edged", second, 0, NULL), EDGECORE_OK);
  check_int_eq(bus_length(self.bus), 2);
  check_takes(&self, self.edged, "1 2");
  check_takes(&self, self.hub, "");
  check_int_eq(bus_length(self.bus), 0);
  fixture_clear(&self);
}

TEST_CASE(Bus, says_what_is_wrong) {
  struct fixture self;
  fixture_init(&self, 1);
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(any_message) message = message_text("1", "x");
  check_int_eq(bus_send(self.bus, "nobody", message, 0, &error), EDGECORE_NOT_FOUND);
  check_int_eq(error.code, EDGECORE_NOT_FOUND);
  check_contains(error.text, "\"nobody\"");
  check_int_eq(bus_send_to_group(self.bus, "void", message, &error), EDGECORE_NOT_FOUND);
  check_contains(error.text, "\"void\"");
  check_int_eq(bus_send(self.bus, "edged", message, 0, NULL), EDGECORE_OK);
  check_int_eq(bus_send(self.bus, "edged", message, 0, &error), EDGECORE_AGAIN);
  check_contains(error.text, "\"edged\"");
  struct mailbox *mailbox = NULL;
  check_int_eq(bus_add(self.bus, "edged", "any", FALSE, &mailbox, &error), EDGECORE_EXISTS);
  check_contains(error.text, "\"edged\"");
  check_null(mailbox);
  fixture_clear(&self);
}

TEST_CASE(Bus, a_group_gets_all_or_none) {
  struct fixture self;
  fixture_init(&self, 2);
  g_autoptr(any_message) one = message_text("1", "x");
  g_autoptr(any_message) two = message_text("2", "x");
  g_autoptr(any_message) three = message_text("3", "x");
  check_int_eq(bus_send_to_group(self.bus, "hub", one, NULL), EDGECORE_OK);
  check_int_eq(bus_send(self.bus, "mirror", two, 0, NULL), EDGECORE_OK);
  check_int_eq(bus_send_to_group(self.bus, "hub", three, NULL), EDGECORE_AGAIN);
  check_takes(&self, self.hub, "1");
  check_takes(&self, self.twin, "1 2");
  check_int_eq(bus_send_to_group(self.bus, "hub", three, NULL), EDGECORE_OK);
  check_takes(&self, self.hub, "3");
  check_takes(&self, self.twin, "3");
  check_takes(&self, self.edged, "");
  fixture_clear(&self);
}

TEST_CASE(Bus, a_sync_request_is_answered_through_the_queue) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) context = message_text("context", "x");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  check_int_eq(bus_send_sync(self.bus, self.plugin, "edged", request, context, 60000, NULL), EDGECORE_OK);
  check_takes(&self, self.edged, "r1");
  check_takes(&self, self.plugin, "");
  check_int_eq(bus_respond(self.bus, self.hub, answer, NULL), EDGECORE_NOT_FOUND);
  check_int_eq(bus_respond(self.bus, self.edged, answer, NULL), EDGECORE_OK);
  check_takes(&self, self.plugin, "reply:context");
  struct edgecore_error error = {.size = sizeof error};
  check_int_eq(bus_respond(self.bus, self.edged, answer, &error), EDGECORE_NOT_FOUND);
  check_contains(error.text, "\"r1\"");
  fixture_clear(&self);
}

TEST_CASE(Bus, a_sync_request_to_nobody_has_an_outcome) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) context = message_text("context", "x");
  check_int_eq(bus_send_sync(self.bus, self.plugin, "nobody", request, context, 60000, NULL), EDGECORE_OK);
  struct edgecore_item item;
  require_int_eq(bus_receive(self.bus, self.plugin, &item, sizeof item, 1, 1), 1);
  check_int_eq(item.outcome, EDGECORE_NOT_FOUND);
  check_null(item.message);
  check_true(item.context == context);
  message_unref(item.context);
  check_true(activity_wait(&self.activity, 0));
  fixture_clear(&self);
}

TEST_CASE(Bus, a_sync_request_to_a_full_module_is_not_sent) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) filler = message_text("filler", "x");
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) context = message_text("context", "x");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  check_int_eq(bus_send(self.bus, "edged", filler, 0, NULL), EDGECORE_OK);
  check_int_eq(bus_send_sync(self.bus, self.plugin, "edged", request, context, 60000, NULL), EDGECORE_AGAIN);
  check_takes(&self, self.edged, "filler");
  check_takes(&self, self.plugin, "");
  check_int_eq(bus_respond(self.bus, NULL, answer, NULL), EDGECORE_NOT_FOUND);
  check_true(activity_wait(&self.activity, 0));
  fixture_clear(&self);
}

TEST_CASE(Bus, a_sync_request_times_out_and_the_late_reply_is_dropped) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) context = message_text("context", "x");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  check_int_eq(bus_send_sync(self.bus, self.plugin, "edged", request, context, 1, NULL), EDGECORE_OK);
  wait_readable(queue_descriptor(self.plugin->queue));
  check_takes(&self, self.plugin, "outcome:context");
  check_int_eq(bus_respond(self.bus, self.edged, answer, NULL), EDGECORE_NOT_FOUND);
  check_takes(&self, self.plugin, "");
  check_takes(&self, self.edged, "r1");
  check_true(activity_wait(&self.activity, 0));
  fixture_clear(&self);
}

struct caller {
  bus *bus;
  struct edgecore_message *request;
  guint64 timeout_ms;
  struct edgecore_message *reply;
  struct edgecore_error error;
};

static gpointer call(gpointer data) {
  struct caller *self = data;
  self->error.size = sizeof self->error;
  self->reply = bus_call(self->bus, "edged", self->request, self->timeout_ms, &self->error);
  return NULL;
}

TEST_CASE(Bus, a_call_waits_in_place) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) request = message_sync("r1", "?");
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  struct caller caller = {.bus = self.bus, .request = request, .timeout_ms = 60000};
  GThread *thread = g_thread_new("caller", call, &caller);
  g_autoptr(any_message) asked = queue_wait(self.edged->queue);
  check_true(asked == request);
  activity_remove(&self.activity, 1);
  check_int_eq(bus_respond(self.bus, self.edged, answer, NULL), EDGECORE_OK);
  g_thread_join(thread);
  check_true(caller.reply == answer);
  message_unref(caller.reply);
  fixture_clear(&self);
}

TEST_CASE(Bus, a_call_ends_at_its_deadline_and_without_a_module) {
  struct fixture self;
  fixture_init(&self, 1);
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(any_message) request = message_sync("r1", "?");
  check_null(bus_call(self.bus, "edged", request, 1, &error));
  check_int_eq(error.code, EDGECORE_TIMEOUT);
  check_contains(error.text, "\"edged\"");
  check_null(bus_call(self.bus, "edged", request, 1, &error)); /* the queue is full now */
  check_int_eq(error.code, EDGECORE_TIMEOUT);
  check_null(bus_call(self.bus, "nobody", request, 60000, &error));
  check_int_eq(error.code, EDGECORE_NOT_FOUND);
  fixture_clear(&self);
}

TEST_CASE(Bus, closing_ends_who_waits_and_who_comes_later) {
  struct fixture self;
  fixture_init(&self, 1);
  g_autoptr(any_message) request = message_sync("r1", "?");
  struct caller caller = {.bus = self.bus, .request = request, .timeout_ms = 60000};
  GThread *thread = g_thread_new("caller", call, &caller);
  message_unref(queue_wait(self.edged->queue));
  bus_close(self.bus);
  g_thread_join(thread);
  check_null(caller.reply);
  check_int_eq(caller.error.code, EDGECORE_NOT_FOUND);
  check_int_eq(bus_send(self.bus, "edged", request, -1, NULL), EDGECORE_NOT_FOUND);
  check_int_eq(bus_send_to_group(self.bus, "hub", request, NULL), EDGECORE_NOT_FOUND);
  struct mailbox *late = NULL;
  check_int_eq(bus_add(self.bus, "late", "late", FALSE, &late, NULL), EDGECORE_NOT_FOUND);
  fixture_clear(&self);
}

TEST_CASE(Bus, a_module_that_left_is_found_no_more) {
  struct fixture self;
  fixture_init(&self, 4);
  g_autoptr(any_message) message = message_text("1", "x");
  check_int_eq(bus_send(self.bus, "mirror", message, 0, NULL), EDGECORE_OK);
  bus_remove(self.bus, self.twin);
  check_null(bus_find(self.bus, "mirror"));
  check_int_eq(bus_send(self.bus, "mirror", message, 0, NULL), EDGECORE_NOT_FOUND);
  check_true(activity_wait(&self.activity, 0));
  check_int_eq(bus_send_to_group(self.bus, "hub", message, NULL), EDGECORE_OK);
  check_takes(&self, self.hub, "1");
  struct mailbox *again = join(self.bus, "mirror", "hub");
  check_true(again != self.twin);
  check_true(bus_find(self.bus, "mirror") == again);
  fixture_clear(&self);
}
