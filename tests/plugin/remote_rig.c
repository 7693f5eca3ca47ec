#include "remote_rig.h"

#include <string.h>

bench *bench_new(void) {
  bench *self = g_new0(bench, 1);

  self->core = fake_core_new("no database is opened");
  self->settings = (struct settings){
      .send_module = (char *)"websocket", .remote_query_timeout = 60, .remote_query_attempts = 2, .volume_timeout = 60};
  self->remote = remote_new(fake_core_table(self->core), &self->settings);
  self->answers = g_string_new(NULL);
  self->now = 1000 * SECOND;
  return self;
}

void bench_free(bench *self) {
  remote_free(self->remote);
  fake_core_free(self->core);
  g_string_free(self->answers, TRUE);
  g_free(self);
}
any_message *bench_query(const char *id, const char *resource) {
  return fake_message(.id = id, .parent = "p", .source = "edged", .operation = "query", .resource = resource);
}

int32_t bench_ask(bench *self, any_message *message) {
  any_message *failed = NULL;
  int32_t code = remote_ask(self->remote, message, TRUE, self->now, &failed, &failure);

  check_null(failed);
  message_unref(message);
  return code;
}

any_message *bench_sent(bench *self, guint64 *timeout_ms) {
  g_autoptr(GPtrArray) all = fake_core_take(self->core, "websocket");

  if (all->len == 0)
    return NULL;
  check_int_eq(all->len, 1);
  if (timeout_ms != NULL)
    *timeout_ms = fake_sent_at(all, 0)->timeout_ms;
  return message_ref(fake_sent_at(all, 0)->message);
}

void bench_on_answer(any_message *asked, any_message *reply, void *data) {
  bench *self = data;
  g_autofree char *content = fake_content(reply);

  check_int_eq(strlen(message_read(reply)->id), 36);
  check_int_eq(message_read(reply)->flags, 0);
  g_string_append_printf(self->answers, "%s:%s %s %s\n", message_read(asked)->id, message_read(reply)->parent_id,
                         message_read(reply)->operation, content);
  message_unref(asked);
  message_unref(reply);
}

int32_t bench_answer(bench *self, any_message *request, const char *operation, const char *content) {
  g_autoptr(any_message) message = fake_message(.source = "cloud", .operation = operation, .raw = content);

  return remote_answer(self->remote, request, message, bench_on_answer, self, &failure);
}

int32_t bench_fail(bench *self, any_message *request, gboolean linked) {
  g_autoptr(any_message) message = fake_message(.source = "metaManager", .operation = "error", .raw = "failed");

  return remote_failed(self->remote, request, message, linked, self->now, bench_on_answer, self, &failure);
}

static void on_expired(struct remote_entry *entry, void *data) {
  check_not_null(entry->request);
  ((bench *)data)->expired++;
}

void bench_retry(bench *self) {
  remote_retry(self->remote, self->now, on_expired, self);
}

void bench_check_answers(const char *file, int line, bench *self, const char *want) {
  test_str(file, line, "the answers", "what is wanted", self->answers->str, want);
  g_string_truncate(self->answers, 0);
}
