#include "core.h"

#include "failure.h"
#include "message.h"

#include <string.h>

/* The table comes first: a plugin's pointer to it is a pointer to this. */
struct core {
  struct edgecore_core table;
  const struct core_services *services;
  config *configuration;
  char *module;
  char *group;
  struct mailbox *mailbox;
  GPtrArray *models;
  gboolean is_registering;
  gboolean is_registered;
  gboolean owns_mailbox;
  atomic_bool is_active;
  _Atomic(uint64_t) held;
  _Atomic(gint64) first_turn;
  GMutex lock; /* for those who wait for the first turn */
  GCond turned;
};

static core *core_of(const struct edgecore_core *table) {
  return (core *)table;
}

static int32_t inject(const core *self, const char *call, struct edgecore_error *error) {
  const struct core_services *services = self->services;
  if (services->fault == NULL)
    return EDGECORE_OK;
  int32_t code = services->fault(call, services->fault_data);
  return code == EDGECORE_OK ? code : failure_set(error, code, "%s: fault injected by a test", call);
}

/* What every call of a started module needs. */
static int32_t check_call(core *self, const char *call, const void *argument, struct edgecore_error *error) {
  if (!atomic_load(&self->is_active))
    return failure_set(error, EDGECORE_INVALID, "%s: the module is not started", call);
  if (argument == NULL)
    return failure_set(error, EDGECORE_INVALID, "%s: an argument is NULL", call);
  return inject(self, call, error);
}

static gboolean is_name(const char *text) {
  return text != NULL && text[0] != '\0' && g_utf8_validate(text, -1, NULL);
}

static int32_t register_module(const struct edgecore_core *table, const struct edgecore_module *module,
                               struct edgecore_error *error) {
  core *self = core_of(table);
  if (!self->is_registering || self->is_registered)
    return failure_set(error, EDGECORE_INVALID, "register module: only once, and inside register");
  if (module == NULL || module->size < sizeof *module || module->flags != 0 || !is_name(module->name) ||
      !is_name(module->group))
    return failure_set(error, EDGECORE_INVALID, "register module: the struct is too short or a field is wrong");
  if (strcmp(module->name, self->module) != 0 || strcmp(module->group, self->group) != 0)
    return failure_set(error, EDGECORE_INVALID,
                       "register module: \"%s\" in group \"%s\" is not what the plugin's descriptor says", module->name,
                       module->group);
  if (!config_list_has(self->configuration, "modules.enabled", module->name))
    return failure_set(error, EDGECORE_DISABLED, "module %s is not enabled: not registered", module->name);

  if (self->mailbox == NULL) {
    int32_t code = bus_add(self->services->bus, module->name, module->group, TRUE, &self->mailbox, error);
    if (code != EDGECORE_OK)
      return code;
    self->owns_mailbox = TRUE;
  }
  self->is_registered = TRUE;
  return EDGECORE_OK;
}

static int32_t register_model(const struct edgecore_core *table, const struct edgecore_model *from,
                              struct edgecore_error *error) {
  core *self = core_of(table);
  if (!self->is_registering || !self->is_registered)
    return failure_set(error, EDGECORE_INVALID, "register model: only inside register, after the module");
  model *copy = model_copy(from, error);
  if (copy == NULL)
    return EDGECORE_INVALID;
  g_ptr_array_add(self->models, copy);
  return EDGECORE_OK;
}

static int32_t get_config(const struct edgecore_core *table, const char *key, struct edgecore_config_value *value) {
  if (key == NULL || value == NULL || value->size < sizeof *value)
    return EDGECORE_INVALID;
  return config_get(core_of(table)->configuration, key, value);
}

static void write_log(const struct edgecore_core *table, int32_t level, const char *text) {
  const core *self = core_of(table);
  if (text != NULL)
    logger_write(&self->services->logger, level, self->module, text);
}

static struct edgecore_message *new_message(const struct edgecore_core *table,
                                            const struct edgecore_message_fields *fields,
                                            struct edgecore_error *error) {
  if (inject(core_of(table), "message_new", error) != EDGECORE_OK)
    return NULL;
  return message_new(fields, error);
}

static uint32_t receive(const struct edgecore_core *table, struct edgecore_item *items, uint32_t item_size,
                        uint32_t max_items, uint64_t max_bytes) {
  core *self = core_of(table);
  if (!atomic_load(&self->is_active) || items == NULL)
    return 0;
  core_mark_turn(self);
  return bus_receive(self->services->bus, self->mailbox, items, item_size, max_items, max_bytes);
}

static int32_t receive_fd(const struct edgecore_core *table) {
  const core *self = core_of(table);
  return self->mailbox == NULL ? -1 : queue_descriptor(self->mailbox->queue);
}

static int32_t send(const struct edgecore_core *table, const char *module, struct edgecore_message *message,
                    struct edgecore_error *error) {
  core *self = core_of(table);
  int32_t code = check_call(self, "send", module == NULL ? NULL : message, error);
  return code == EDGECORE_OK ? bus_send(self->services->bus, module, message, 0, error) : code;
}

static int32_t send_to_group(const struct edgecore_core *table, const char *group, struct edgecore_message *message,
                             struct edgecore_error *error) {
  core *self = core_of(table);
  int32_t code = check_call(self, "send_to_group", group == NULL ? NULL : message, error);
  return code == EDGECORE_OK ? bus_send_to_group(self->services->bus, group, message, error) : code;
}

static int32_t send_sync(const struct edgecore_core *table, const char *module, struct edgecore_message *message,
                         struct edgecore_message *context, uint64_t timeout_ms, struct edgecore_error *error) {
  core *self = core_of(table);
  int32_t code = check_call(self, "send_sync", module == NULL || message == NULL ? NULL : context, error);
  if (code != EDGECORE_OK)
    return code;
  if (!(message_read(message)->flags & EDGECORE_MESSAGE_SYNC))
    return failure_set(error, EDGECORE_INVALID, "send_sync to \"%s\": the message is not marked as sync", module);
  return bus_send_sync(self->services->bus, self->mailbox, module, message, context, timeout_ms, error);
}

static int32_t send_resp(const struct edgecore_core *table, struct edgecore_message *message,
                         struct edgecore_error *error) {
  core *self = core_of(table);
  int32_t code = check_call(self, "send_resp", message, error);
  return code == EDGECORE_OK ? bus_respond(self->services->bus, self->mailbox, message, error) : code;
}

static void hold(core *self, uint64_t count) {
  count = MIN(count, (uint64_t)G_MAXINT32);
  uint64_t before = atomic_exchange(&self->held, count);
  if (count > before)
    activity_add(self->services->activity, (gint64)(count - before));
  else if (count < before)
    activity_remove(self->services->activity, (gint64)(before - count));
}

static void set_held(const struct edgecore_core *table, uint64_t count) {
  core *self = core_of(table);
  if (atomic_load(&self->is_active))
    hold(self, count);
}

static const void *get_extension(const struct edgecore_core *table, const char *name) {
  const struct core_services *services = core_of(table)->services;
  if (services->extension == NULL || name == NULL)
    return NULL;
  return services->extension(name, services->extension_data);
}

static uint32_t room(const struct edgecore_core *table, const char *group) {
  return group == NULL ? 0 : bus_group_room(core_of(table)->services->bus, group);
}

static const struct edgecore_core functions = {
    .size = sizeof functions,
    .abi_major = EDGECORE_ABI_MAJOR,
    .abi_minor = EDGECORE_ABI_MINOR,
    .register_module = register_module,
    .register_model = register_model,
    .config_get = get_config,
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

static void model_free_any(gpointer data) {
  model_free(data);
}

core *core_new(const struct core_services *services, config *configuration, const char *module, const char *group,
               struct mailbox *mailbox) {
  core *self = g_new0(core, 1);
  self->table = functions;
  self->services = services;
  self->configuration = config_ref(configuration);
  self->module = g_strdup(module);
  self->group = g_strdup(group);
  self->mailbox = mailbox;
  self->models = g_ptr_array_new_with_free_func(model_free_any);
  g_mutex_init(&self->lock);
  g_cond_init(&self->turned);
  return self;
}

void core_free(core *self) {
  g_cond_clear(&self->turned);
  g_mutex_clear(&self->lock);
  g_ptr_array_unref(self->models);
  g_free(self->group);
  g_free(self->module);
  config_unref(self->configuration);
  g_free(self);
}

const struct edgecore_core *core_table(core *self) {
  return &self->table;
}

void core_begin_register(core *self) {
  self->is_registering = TRUE;
}

void core_end_register(core *self) {
  self->is_registering = FALSE;
}

void core_set_active(core *self, gboolean is_active) {
  atomic_store(&self->first_turn, 0);
  atomic_store(&self->is_active, is_active);
  if (!is_active)
    hold(self, 0);
}

struct mailbox *core_mailbox(core *self) {
  return self->is_registered ? self->mailbox : NULL;
}

const GPtrArray *core_models(core *self) {
  return self->models;
}

void core_drop_mailbox(core *self) {
  if (self->owns_mailbox)
    bus_remove(self->services->bus, self->mailbox);
  self->owns_mailbox = FALSE;
}

void core_pass_mailbox(core *self, core *next) {
  next->owns_mailbox = self->owns_mailbox;
  self->owns_mailbox = FALSE;
}

const char *core_config_text(core *self, const char *key) {
  struct edgecore_config_value value = {.size = sizeof value};
  return config_get(self->configuration, key, &value) == EDGECORE_OK ? value.text : NULL;
}

void core_mark_turn(core *self) {
  if (atomic_load_explicit(&self->first_turn, memory_order_relaxed) != 0)
    return;
  g_mutex_lock(&self->lock);
  atomic_store(&self->first_turn, g_get_monotonic_time());
  g_cond_broadcast(&self->turned);
  g_mutex_unlock(&self->lock);
}

gint64 core_wait_turn(core *self, gint64 deadline) {
  gint64 turn;
  g_mutex_lock(&self->lock);
  while ((turn = atomic_load(&self->first_turn)) == 0)
    if (!g_cond_wait_until(&self->turned, &self->lock, deadline)) {
      turn = deadline;
      break;
    }
  g_mutex_unlock(&self->lock);
  return turn;
}
