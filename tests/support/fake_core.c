#include "fake_core_private.h"

#include "failure.h"
#include "model.h"
#include "schema.h"
#include "secret.h"
#include "test.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A module that has not come to rest after so many rounds never will. */
#define ROUNDS_MAX 1000000

static const struct fake_mailbox neighbours[] = {{.name = "edged", .group = "edged"},
                                                 {.name = "edgemesh", .group = "mesh"},
                                                 {.name = "edgefunction", .group = "user"},
                                                 {.name = "websocket", .group = "hub"},
                                                 {.name = FAKE_CALLERS, .group = ""}};

static void sent_free(gpointer data) {
  struct fake_sent *sent = data;

  message_unref(sent->message);
  message_unref(sent->context);
  g_free(sent);
}

static void request_free(gpointer data) {
  struct fake_request *request = data;

  message_unref(request->message);
  message_unref(request->context);
  g_free(request);
}

static void item_free(gpointer data) {
  struct edgecore_item *item = data;

  message_unref(item->message);
  message_unref(item->context);
  g_free(item);
}

static void config_free(gpointer data) {
  struct edgecore_config_value *value = data;

  g_free((char *)value->text);
  g_free(value);
}

static struct fake_mailbox *known_mailbox(const fake_core *self, const char *name) {
  struct fake_mailbox *mailbox = fake_mailbox_of(self, name);

  if (mailbox == NULL)
    g_error("fake_core: no module %s", name);
  return mailbox;
}

void fake_database(const char *path) {
  g_autoptr(GPtrArray) models = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autoptr(GError) error = NULL;

  g_ptr_array_add(models, model_copy(&schema_model, NULL));
  if (!model_migrate(path, models, &error))
    g_error("%s", error->message);
}

fake_core *fake_core_new(const char *database) {
  fake_core *self = g_new0(fake_core, 1);

  self->table = fake_table;
  self->database = database != NULL ? g_strdup(database) : test_path("edge.db");
  if (database == NULL)
    fake_database(self->database);
  self->config = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, config_free);
  for (guint i = 0; i < G_N_ELEMENTS(self->mailboxes); i++) {
    self->mailboxes[i] = neighbours[i];
    self->mailboxes[i].capacity = FAKE_CAPACITY;
    self->mailboxes[i].is_present = TRUE;
    self->mailboxes[i].sent = g_ptr_array_new_with_free_func(sent_free);
  }
  known_mailbox(self, FAKE_CALLERS)->capacity = G_MAXUINT;
  g_queue_init(&self->inbox);
  self->inbox_capacity = FAKE_CAPACITY;
  self->inbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  self->requests = g_ptr_array_new_with_free_func(request_free);
  self->now = G_TIME_SPAN_HOUR;
  self->log = g_string_new(NULL);
  fake_core_set(self, "database.source", self->database);
  return self;
}

void fake_core_free(fake_core *self) {
  for (guint i = 0; i < G_N_ELEMENTS(self->mailboxes); i++)
    g_ptr_array_unref(self->mailboxes[i].sent);
  g_queue_clear_full(&self->inbox, item_free);
  g_ptr_array_unref(self->requests);
  g_hash_table_unref(self->config);
  g_string_free(self->log, TRUE);
  close(self->inbox_fd);
  g_free(self->database);
  g_free(self);
}

const struct edgecore_core *fake_core_table(fake_core *self) {
  return &self->table;
}

const char *fake_core_database(const fake_core *self) {
  return self->database;
}

module *fake_core_start(fake_core *self, const struct edgecore_state *state) {
  struct edgecore_error error = FAILURE_INIT;
  module *metamanager = NULL;

  if (module_new(&self->table, &metamanager, &error) != EDGECORE_OK ||
      module_start(metamanager, state, &error) != EDGECORE_OK)
    g_error("cannot start the module: %s", error.text);
  return metamanager;
}

void fake_core_end(fake_core *self, module *metamanager) {
  struct edgecore_error error = FAILURE_INIT;

  (void)self;
  if (module_stop(metamanager, NULL, &error) != EDGECORE_OK)
    g_error("cannot stop the module: %s", error.text);
  module_free(metamanager);
}

static gboolean inbox_moves(fake_core *self, module *metamanager) {
  guint64 before = self->received;

  if (self->inbox.length > 0)
    module_run_inbox(metamanager);
  return self->received != before;
}

void fake_core_run(fake_core *self, module *metamanager) {
  for (guint i = 0; i < ROUNDS_MAX; i++) {
    if (inbox_moves(self, metamanager))
      continue;
    if (module_due(metamanager) > self->now)
      return;
    module_run_due(metamanager);
  }
  g_error("the module does not come to rest");
}

static gint64 requests_due(const fake_core *self) {
  gint64 due = G_MAXINT64;

  for (guint i = 0; i < self->requests->len; i++)
    due = MIN(due, ((const struct fake_request *)g_ptr_array_index(self->requests, i))->deadline);
  return due;
}

static void requests_expire(fake_core *self) {
  for (guint i = 0; i < self->requests->len;) {
    const struct fake_request *request = g_ptr_array_index(self->requests, i);
    if (request->deadline <= self->now)
      fake_core_complete(self, request->message, EDGECORE_TIMEOUT, NULL);
    else
      i++;
  }
}

void fake_core_run_for(fake_core *self, module *metamanager, gint64 microseconds) {
  gint64 end = self->now + microseconds;

  fake_core_run(self, metamanager);
  for (gint64 next; (next = MIN(module_due(metamanager), requests_due(self))) <= end;) {
    self->now = MAX(self->now, next);
    requests_expire(self);
    fake_core_run(self, metamanager);
  }
  self->now = end;
}

/* ------------------------------------------------------------------------------------------- what a test says and sees */

void fake_core_set(fake_core *self, const char *key, const char *text) {
  if (text == NULL) {
    g_hash_table_remove(self->config, key);
    return;
  }
  struct edgecore_config_value value = {
      .size = sizeof value, .kind = EDGECORE_CONFIG_STRING, .text = g_strdup(text), .origin = "test.yaml:1"};
  char *end;
  gint64 integer = g_ascii_strtoll(text, &end, 10);

  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
    value.kind = EDGECORE_CONFIG_BOOLEAN;
    value.integer = *text == 't';
  } else if (*text != '\0' && *end == '\0') {
    value.kind = EDGECORE_CONFIG_INTEGER;
    value.integer = integer;
  }
  g_hash_table_insert(self->config, g_strdup(key), g_memdup2(&value, sizeof value));
}

struct edgecore_message *fake_message_new(const struct fake_text *text) {
  const char *content = text->raw != NULL ? text->raw : text->json;
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .flags = text->sync ? EDGECORE_MESSAGE_SYNC : 0,
      .id = text->id,
      .parent_id = text->parent,
      .source = text->source,
      .group = text->group != NULL ? text->group : "resource",
      .operation = text->operation,
      .resource = text->resource,
      .content_kind = content == NULL     ? EDGECORE_CONTENT_NONE
                      : text->raw != NULL ? EDGECORE_CONTENT_RAW
                                          : EDGECORE_CONTENT_JSON,
      .content = content,
      .content_size = content == NULL || text->size > 0 ? text->size : strlen(content),
  };
  struct edgecore_error error = FAILURE_INIT;
  struct edgecore_message *message = message_new(&fields, &error);

  secret_note_content(fields.content, fields.content_size);
  if (message == NULL)
    g_error("%s", error.text);
  return message;
}

char *fake_content(const struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);

  return g_strndup(fields->content != NULL ? fields->content : "", fields->content_size);
}

void fake_core_push(fake_core *self, struct edgecore_message *message) {
  fake_inbox_add(self, EDGECORE_OK, message, NULL);
}

void fake_core_push_outcome(fake_core *self, int32_t outcome, struct edgecore_message *reply,
                            struct edgecore_message *context) {
  fake_inbox_add(self, outcome, reply, context);
}

guint fake_core_inbox_length(const fake_core *self) {
  return self->inbox.length;
}

GPtrArray *fake_core_take_some(fake_core *self, const char *name, guint count) {
  GPtrArray *sent = known_mailbox(self, name)->sent;
  GPtrArray *taken = g_ptr_array_new_with_free_func(sent_free);

  count = MIN(count, sent->len);
  for (guint i = 0; i < count; i++)
    g_ptr_array_add(taken, g_steal_pointer(&g_ptr_array_index(sent, i)));
  g_ptr_array_set_free_func(sent, NULL);
  if (count > 0)
    g_ptr_array_remove_range(sent, 0, count);
  g_ptr_array_set_free_func(sent, sent_free);
  return taken;
}

GPtrArray *fake_core_take(fake_core *self, const char *name) {
  return fake_core_take_some(self, name, G_MAXUINT);
}

struct fake_sent *fake_sent_at(const GPtrArray *sent, guint index) {
  if (index >= sent->len)
    g_error("only %u were sent, the test wants number %u", sent->len, index);
  return g_ptr_array_index(sent, index);
}

guint fake_core_queued(const fake_core *self, const char *name) {
  return known_mailbox(self, name)->sent->len;
}

guint fake_core_longest(const fake_core *self, const char *name) {
  return known_mailbox(self, name)->longest;
}

void fake_core_set_capacity(fake_core *self, const char *name, guint capacity) {
  if (strcmp(name, FAKE_SELF) == 0)
    self->inbox_capacity = capacity;
  else
    known_mailbox(self, name)->capacity = capacity;
}

void fake_core_set_present(fake_core *self, const char *name, gboolean is_present) {
  known_mailbox(self, name)->is_present = is_present;
}

gboolean fake_core_complete(fake_core *self, const struct edgecore_message *message, int32_t outcome,
                            struct edgecore_message *reply) {
  for (guint i = 0; i < self->requests->len; i++) {
    struct fake_request *request = g_ptr_array_index(self->requests, i);
    if (strcmp(message_read(request->message)->id, message_read(message)->id) != 0)
      continue;
    fake_inbox_add(self, outcome, reply, message_ref(request->context));
    g_ptr_array_remove_index(self->requests, i);
    return TRUE;
  }
  message_unref(reply);
  return FALSE;
}

struct edgecore_message *fake_reply(const struct edgecore_message *request, const char *source, const char *raw) {
  const struct edgecore_message_fields *fields = message_read(request);

  return fake_message(.parent = fields->id, .source = source, .group = fields->group, .operation = "response",
                      .resource = fields->resource, .raw = raw);
}

guint fake_core_requests(const fake_core *self) {
  return self->requests->len;
}

gint64 fake_core_now(const fake_core *self) {
  return self->now;
}

void fake_core_advance(fake_core *self, gint64 microseconds) {
  self->now += microseconds;
}

void fake_core_set_fault(fake_core *self, fake_fault_fn *fault, void *data) {
  self->fault = fault;
  self->fault_data = data;
}

void fake_core_fail_nth(fake_core *self, const char *call, guint n, int32_t code) {
  self->nth_call = call;
  self->nth_left = n;
  self->nth_code = code;
}

guint fake_core_calls(const fake_core *self) {
  return self->calls;
}

guint64 fake_core_held(const fake_core *self) {
  return self->held;
}

const char *fake_core_log(const fake_core *self) {
  return self->log->str;
}

void fake_core_clear_log(fake_core *self) {
  g_string_truncate(self->log, 0);
}
