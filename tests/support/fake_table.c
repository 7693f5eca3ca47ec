#include "fake_core_private.h"

#include "failure.h"
#include "secret.h"

#include <string.h>
#include <sys/eventfd.h>

static fake_core *core_of(const struct edgecore_core *table) {
  return (fake_core *)table;
}

static int32_t inject(fake_core *self, const char *call, struct edgecore_error *error) {
  int32_t code = self->fault != NULL ? self->fault(call, self->fault_data) : EDGECORE_OK;

  self->calls++;
  if (self->nth_left > 0 && (self->nth_call == NULL || strcmp(self->nth_call, call) == 0) && --self->nth_left == 0)
    code = self->nth_code;
  return code == EDGECORE_OK ? code : failure_set(error, code, "%s: a fault of the test", call);
}

struct fake_mailbox *fake_mailbox_of(const fake_core *self, const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(self->mailboxes); i++)
    if (strcmp(self->mailboxes[i].name, name) == 0)
      return (struct fake_mailbox *)&self->mailboxes[i];
  return NULL;
}

static int32_t register_module(const struct edgecore_core *table, const struct edgecore_module *registration,
                               struct edgecore_error *error) {
  (void)table;
  (void)registration;
  (void)error;
  return EDGECORE_OK;
}

static int32_t register_model(const struct edgecore_core *table, const struct edgecore_model *registration,
                              struct edgecore_error *error) {
  (void)table;
  (void)registration;
  (void)error;
  return EDGECORE_OK;
}

static int32_t config_get(const struct edgecore_core *table, const char *key, struct edgecore_config_value *value) {
  const struct edgecore_config_value *found = g_hash_table_lookup(core_of(table)->config, key);

  if (found == NULL)
    return EDGECORE_NOT_FOUND;
  *value = *found;
  return EDGECORE_OK;
}

static void write_log(const struct edgecore_core *table, int32_t level, const char *text) {
  static const char *const names[] = {"debug", "info", "warning", "error"};

  secret_check_line(level, text);
  g_string_append_printf(core_of(table)->log, "%s %s\n", names[level], text);
}

static struct edgecore_message *new_message(const struct edgecore_core *table,
                                            const struct edgecore_message_fields *fields,
                                            struct edgecore_error *error) {
  return inject(core_of(table), "message_new", error) == EDGECORE_OK ? message_new(fields, error) : NULL;
}

static void inbox_signal(const fake_core *self) {
  eventfd_t count;

  if (self->inbox.length > 0)
    eventfd_write(self->inbox_fd, 1);
  else
    eventfd_read(self->inbox_fd, &count);
}

void fake_inbox_add(fake_core *self, int32_t outcome, struct edgecore_message *message,
                    struct edgecore_message *context) {
  struct edgecore_item item = {.size = sizeof item, .outcome = outcome, .message = message, .context = context};

  g_queue_push_tail(&self->inbox, g_memdup2(&item, sizeof item));
  self->inbox_messages += context == NULL;
  if (self->inbox.length == 1)
    inbox_signal(self);
}

static uint32_t receive(const struct edgecore_core *table, struct edgecore_item *items, uint32_t item_size,
                        uint32_t max_items, uint64_t max_bytes) {
  fake_core *self = core_of(table);
  uint64_t bytes = 0;
  uint32_t count = 0;

  while (count < max_items && bytes < max_bytes && self->inbox.length > 0) {
    g_autofree struct edgecore_item *item = g_queue_pop_head(&self->inbox);
    self->inbox_messages -= item->context == NULL;
    self->received++;
    bytes += item->message != NULL ? message_read(item->message)->content_size : 0;
    memcpy((char *)items + (gsize)count++ * item_size, item, MIN(item_size, sizeof *item));
  }
  if (self->inbox.length == 0)
    inbox_signal(self);
  return count;
}

static int32_t receive_fd(const struct edgecore_core *table) {
  return core_of(table)->inbox_fd;
}

static int32_t put(fake_core *self, struct fake_mailbox *mailbox, struct edgecore_message *message,
                   struct edgecore_message *context, guint64 timeout_ms, struct edgecore_error *error) {
  if (!mailbox->is_present)
    return failure_set(error, EDGECORE_NOT_FOUND, "no module %s", mailbox->name);
  if (mailbox->sent->len >= mailbox->capacity)
    return failure_set(error, EDGECORE_AGAIN, "the queue of %s is full", mailbox->name);

  struct fake_sent sent = {.to = mailbox->name,
                           .message = message_ref(message),
                           .context = context != NULL ? message_ref(context) : NULL,
                           .timeout_ms = timeout_ms,
                           .number = ++self->numbers,
                           .time = self->now};
  g_ptr_array_add(mailbox->sent, g_memdup2(&sent, sizeof sent));
  mailbox->longest = MAX(mailbox->longest, mailbox->sent->len);
  return EDGECORE_OK;
}

static int32_t send(const struct edgecore_core *table, const char *name, struct edgecore_message *message,
                    struct edgecore_error *error) {
  fake_core *self = core_of(table);
  struct fake_mailbox *mailbox = fake_mailbox_of(self, name);
  int32_t code = inject(self, "send", error);

  if (code != EDGECORE_OK)
    return code;
  if (mailbox != NULL)
    return put(self, mailbox, message, NULL, 0, error);
  if (strcmp(name, FAKE_SELF) != 0)
    return failure_set(error, EDGECORE_NOT_FOUND, "no module %s", name);
  if (self->inbox_messages >= self->inbox_capacity)
    return failure_set(error, EDGECORE_AGAIN, "the queue of " FAKE_SELF " is full");
  fake_inbox_add(self, EDGECORE_OK, message_ref(message), NULL);
  return EDGECORE_OK;
}

static struct fake_mailbox *group_of(const fake_core *self, const char *group) {
  for (guint i = 0; i < G_N_ELEMENTS(self->mailboxes); i++)
    if (strcmp(self->mailboxes[i].group, group) == 0)
      return (struct fake_mailbox *)&self->mailboxes[i];
  return NULL;
}

static int32_t send_to_group(const struct edgecore_core *table, const char *group, struct edgecore_message *message,
                             struct edgecore_error *error) {
  fake_core *self = core_of(table);
  struct fake_mailbox *mailbox = group_of(self, group);
  int32_t code = inject(self, "send", error);

  if (code != EDGECORE_OK)
    return code;
  return mailbox != NULL ? put(self, mailbox, message, NULL, 0, error)
                         : failure_set(error, EDGECORE_NOT_FOUND, "no group %s", group);
}

static int32_t send_sync(const struct edgecore_core *table, const char *name, struct edgecore_message *message,
                         struct edgecore_message *context, uint64_t timeout_ms, struct edgecore_error *error) {
  fake_core *self = core_of(table);
  struct fake_mailbox *mailbox = fake_mailbox_of(self, name);
  int32_t code = inject(self, "send_sync", error);

  if (code != EDGECORE_OK)
    return code;
  if ((message_read(message)->flags & EDGECORE_MESSAGE_SYNC) == 0 || context == NULL)
    return failure_set(error, EDGECORE_INVALID, "send_sync to %s: not a sync message, or no context", name);
  if (mailbox == NULL || !mailbox->is_present) {
    fake_inbox_add(self, EDGECORE_NOT_FOUND, NULL, message_ref(context));
    return EDGECORE_OK;
  }
  code = put(self, mailbox, message, context, timeout_ms, error);
  if (code != EDGECORE_OK)
    return code;
  struct fake_request request = {.message = message_ref(message),
                                 .context = message_ref(context),
                                 .deadline = self->now + (gint64)timeout_ms * 1000};
  g_ptr_array_add(self->requests, g_memdup2(&request, sizeof request));
  return EDGECORE_OK;
}

static int32_t send_resp(const struct edgecore_core *table, struct edgecore_message *message,
                         struct edgecore_error *error) {
  return send(table, FAKE_CALLERS, message, error);
}

static void set_held(const struct edgecore_core *table, uint64_t count) {
  core_of(table)->held = count;
}

static uint32_t room(const struct edgecore_core *table, const char *group) {
  const struct fake_mailbox *mailbox = group_of(core_of(table), group);

  if (mailbox == NULL || !mailbox->is_present || mailbox->sent->len >= mailbox->capacity)
    return 0;
  return mailbox->capacity - mailbox->sent->len;
}

static int64_t clock_now(const struct edgecore_core *table) {
  return core_of(table)->now;
}

static const void *get_extension(const struct edgecore_core *table, const char *name) {
  static const struct edgecore_clock clock = {.size = sizeof clock, .now = clock_now};

  (void)table;
  return strcmp(name, EDGECORE_EXTENSION_CLOCK) == 0 ? &clock : NULL;
}

const struct edgecore_core fake_table = {
    .size = sizeof(struct edgecore_core),
    .abi_major = EDGECORE_ABI_MAJOR,
    .abi_minor = EDGECORE_ABI_MINOR,
    .register_module = register_module,
    .register_model = register_model,
    .config_get = config_get,
    .log = write_log,
    .message_new = new_message,
    .message_ref = message_ref,
    .message_unref = message_unref,
    .message_read = message_read,
    .receive = receive,
    .receive_fd = receive_fd,
    .send = send,
    .send_to_group = send_to_group,
    .send_sync = send_sync,
    .send_resp = send_resp,
    .set_held = set_held,
    .get_extension = get_extension,
    .room = room,
};
