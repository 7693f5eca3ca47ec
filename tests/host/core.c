#include "core.h"

#include "fixture.h"
#include "secret.h"
#include "test.h"

/* The function table as a plugin of the module metaManager sees it, without a plugin. */
struct fixture {
  struct activity activity;
  bus *bus;
  config *configuration;
  struct core_services services;
  core *core;
  const struct edgecore_core *table;
  struct mailbox *edged;
  GPtrArray *lines;  /* of the log */
  const char *fault; /* the call that fails */
};

static void note_line(int32_t level, const char *module, const char *text, void *data) {
  struct fixture *self = data;
  secret_check_line(level, text);
  g_ptr_array_add(self->lines, g_strdup_printf("%d %s %s", level, module, text));
}

static const void *offer(const char *name, void *data) {
  return g_strcmp0(name, "test/1") == 0 ? data : NULL;
}

static int32_t inject(const char *call, void *data) {
  const struct fixture *self = data;
  return g_strcmp0(call, self->fault) == 0 ? EDGECORE_IO : EDGECORE_OK;
}

static int32_t register_as(struct fixture *self, const char *name, const char *group, struct edgecore_error *error) {
  const struct edgecore_module module = {.size = sizeof module, .name = name, .group = group};
  return self->table->register_module(self->table, &module, error);
}

static void fixture_init(struct fixture *self) {
  *self = (struct fixture){0};
  activity_init(&self->activity);
  self->lines = g_ptr_array_new_with_free_func(g_free);
  self->bus = bus_new(2, &self->activity);
  self->configuration = config_new();
  self->services = (struct core_services){
      .bus = self->bus,
      .activity = &self->activity,
      .logger = {note_line, self},
      .extension = offer,
      .extension_data = self,
      .fault = inject,
      .fault_data = self,
  };
  bus_add(self->bus, "edged", "edged", FALSE, &self->edged, NULL);
  self->core = core_new(&self->services, self->configuration, "metaManager", "meta", NULL);
  self->table = core_table(self->core);
}

/* Registered and started. */
static void fixture_init_started(struct fixture *self) {
  fixture_init(self);
  core_begin_register(self->core);
  check_int_eq(register_as(self, "metaManager", "meta", NULL), EDGECORE_OK);
  core_end_register(self->core);
  core_set_active(self->core, TRUE);
}

static void fixture_clear(struct fixture *self) {
  core_set_active(self->core, FALSE);
  core_free(self->core);
  bus_close(self->bus);
  bus_free(self->bus);
  config_unref(self->configuration);
  g_ptr_array_unref(self->lines);
  activity_clear(&self->activity);
}

TEST_CASE(Core, the_table_says_its_version) {
  struct fixture self;
  fixture_init(&self);
  check_int_eq(self.table->size, sizeof *self.table);
  check_int_eq(self.table->abi_major, EDGECORE_ABI_MAJOR);
  check_int_eq(self.table->abi_minor, EDGECORE_ABI_MINOR);
  fixture_clear(&self);
}

TEST_CASE(Core, a_module_registers_once_inside_register_under_its_own_name) {
  struct fixture self;
  fixture_init(&self);
  struct edgecore_error error = {.size = sizeof error};
  const struct edgecore_model table = {.size = sizeof table, .table = "meta"};
  check_int_eq(register_as(&self, "metaManager", "meta", &error), EDGECORE_INVALID);
  check_int_eq(self.table->register_model(self.table, &table, &error), EDGECORE_INVALID);
  core_begin_register(self.core);
  check_int_eq(self.table->register_model(self.table, &table, &error), EDGECORE_INVALID);
  check_int_eq(register_as(&self, "somebody", "meta", &error), EDGECORE_INVALID);
  check_contains(error.text, "\"somebody\"");
  check_int_eq(register_as(&self, "metaManager", "hub", &error), EDGECORE_INVALID);
  check_int_eq(register_as(&self, NULL, "meta", &error), EDGECORE_INVALID);
  check_int_eq(register_as(&self, "metaManager", "meta", &error), EDGECORE_OK);
  check_int_eq(register_as(&self, "metaManager", "meta", &error), EDGECORE_INVALID);
  check_int_eq(self.table->register_model(self.table, &table, &error), EDGECORE_OK);
  core_end_register(self.core);
  check_int_eq(self.table->register_model(self.table, &table, &error), EDGECORE_INVALID);
  check_int_eq(core_models(self.core)->len, 1);
  check_true(bus_find(self.bus, "metaManager") == core_mailbox(self.core));
  fixture_clear(&self);
}

TEST_CASE(Core, flags_and_sizes_that_it_does_not_know_are_errors) {
  struct fixture self;
  fixture_init(&self);
  struct edgecore_error error = {.size = sizeof error};
  core_begin_register(self.core);
  struct edgecore_module module = {.size = sizeof module, .flags = 1, .name = "metaManager", .group = "meta"};
  check_int_eq(self.table->register_module(self.table, &module, &error), EDGECORE_INVALID);
  module = (struct edgecore_module){.size = 8, .name = "metaManager", .group = "meta"};
  check_int_eq(self.table->register_module(self.table, &module, &error), EDGECORE_INVALID);
  core_end_register(self.core);
  struct edgecore_config_value value = {.size = 8};
  check_int_eq(self.table->config_get(self.table, "database.source", &value), EDGECORE_INVALID);
  fixture_clear(&self);
}

TEST_CASE(Core, a_module_that_is_not_enabled_is_not_registered) {
  struct fixture self;
  fixture_init(&self);
  struct edgecore_error error = {.size = sizeof error};
  config_set(self.configuration, "modules.enabled", "edged,twin", "test");
  core_begin_register(self.core);
  check_int_eq(register_as(&self, "metaManager", "meta", &error), EDGECORE_DISABLED);
  check_contains(error.text, "metaManager");
  check_null(bus_find(self.bus, "metaManager"));
  check_null(core_mailbox(self.core));
  fixture_clear(&self);
}

TEST_CASE(Core, a_name_that_another_plugin_has_is_taken) {
  struct fixture self;
  fixture_init(&self);
  struct mailbox *mailbox = NULL;
  check_int_eq(bus_add(self.bus, "metaManager", "meta", FALSE, &mailbox, NULL), EDGECORE_OK);
  core_begin_register(self.core);
  check_int_eq(register_as(&self, "metaManager", "meta", NULL), EDGECORE_EXISTS);
  fixture_clear(&self);
}

TEST_CASE(Core, reads_the_configuration) {
  struct fixture self;
  fixture_init(&self);
  struct edgecore_config_value value = {.size = sizeof value};
  check_int_eq(self.table->config_get(self.table, "database.source", &value), EDGECORE_OK);
  check_str_eq(value.text, "edge.db");
  check_int_eq(self.table->config_get(self.table, "no.such.key", &value), EDGECORE_NOT_FOUND);
  fixture_clear(&self);
}

TEST_CASE(Core, logs_in_the_modules_name) {
  struct fixture self;
  fixture_init(&self);
  self.table->log(self.table, EDGECORE_LOG_WARNING, "something");
  require_int_eq(self.lines->len, 1);
  check_str_eq(self.lines->pdata[0], "2 metaManager something");
  fixture_clear(&self);
}

TEST_CASE(Core, offers_extensions) {
  struct fixture self;
  fixture_init(&self);
  check_true(self.table->get_extension(self.table, "test/1") == &self);
  check_null(self.table->get_extension(self.table, "test/2"));
  fixture_clear(&self);
}

TEST_CASE(Core, a_module_that_is_not_started_neither_sends_nor_receives) {
  struct fixture self;
  fixture_init_started(&self);
  struct edgecore_item item;
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(any_message) message = message_sync("m1", SECRET);
  check_int_eq(bus_send(self.bus, "metaManager", message, 0, NULL), EDGECORE_OK);
  core_set_active(self.core, FALSE);
  const struct edgecore_core *table = self.table;
  check_int_eq(table->receive(table, &item, sizeof item, 1, 1), 0);
  check_int_eq(table->send(table, "edged", message, &error), EDGECORE_INVALID);
  check_int_eq(table->send_to_group(table, "edged", message, &error), EDGECORE_INVALID);
  check_int_eq(table->send_sync(table, "edged", message, message, 1, &error), EDGECORE_INVALID);
  check_int_eq(table->send_resp(table, message, &error), EDGECORE_INVALID);
  core_set_active(self.core, TRUE);
  require_int_eq(table->receive(table, &item, sizeof item, 1, 1), 1);
  check_true(item.message == message);
  message_unref(item.message);
  fixture_clear(&self);
}

TEST_CASE(Core, sends_and_receives) {
  struct fixture self;
  fixture_init_started(&self);
  const struct edgecore_core *table = self.table;
  g_autoptr(any_message) one = message_text("1", SECRET);
  g_autoptr(any_message) two = message_text("2", SECRET);
  check_int_eq(table->send(table, "edged", one, NULL), EDGECORE_OK);
  check_int_eq(table->send_to_group(table, "edged", two, NULL), EDGECORE_OK);
  check_int_eq(table->send(table, "edged", one, NULL), EDGECORE_AGAIN);
  check_int_eq(table->send(table, "nobody", one, NULL), EDGECORE_NOT_FOUND);
  check_int_eq(table->send(table, NULL, one, NULL), EDGECORE_INVALID);
  check_int_eq(queue_length(self.edged->queue), 2);
  check_false(is_readable(table->receive_fd(table)));
  check_int_eq(table->send(table, "metaManager", one, NULL), EDGECORE_OK); /* to itself */
  check_true(is_readable(table->receive_fd(table)));
  struct edgecore_item item;
  require_int_eq(table->receive(table, &item, sizeof item, 1, 1 << 20), 1);
  check_true(item.message == one && item.context == NULL && item.outcome == EDGECORE_OK);
  message_unref(item.message);
  fixture_clear(&self);
}

TEST_CASE(Core, send_sync_wants_a_sync_message_and_a_context) {
  struct fixture self;
  fixture_init_started(&self);
  const struct edgecore_core *table = self.table;
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(any_message) plain = message_text("plain", SECRET);
  g_autoptr(any_message) request = message_sync("request", SECRET);
  check_int_eq(table->send_sync(table, "edged", plain, plain, 1000, &error), EDGECORE_INVALID);
  check_contains(error.text, "sync");
  check_int_eq(table->send_sync(table, "edged", request, NULL, 1000, &error), EDGECORE_INVALID);
  check_int_eq(table->send_sync(table, "edged", request, plain, 60000, &error), EDGECORE_OK);
  g_autoptr(any_message) answer = message_answer(request, "edged", "1");
  check_int_eq(bus_respond(self.bus, self.edged, answer, NULL), EDGECORE_OK);
  struct edgecore_item item;
  require_int_eq(table->receive(table, &item, sizeof item, 1, 1 << 20), 1);
  check_true(item.message == answer && item.context == plain);
  message_unref(item.message);
  message_unref(item.context);
  fixture_clear(&self);
}

TEST_CASE(Core, what_is_held_keeps_the_host_from_settling) {
  struct fixture self;
  fixture_init_started(&self);
  const struct edgecore_core *table = self.table;
  check_true(activity_wait(&self.activity, 0));
  table->set_held(table, 3);
  check_false(activity_wait(&self.activity, 0));
  table->set_held(table, 1);
  check_false(activity_wait(&self.activity, 0));
  table->set_held(table, 0);
  check_true(activity_wait(&self.activity, 0));
  table->set_held(table, 2);
  core_set_active(self.core, FALSE);
  check_true(activity_wait(&self.activity, 0));
  fixture_clear(&self);
}

TEST_CASE(Core, injects_faults) {
  static const char *const calls[] = {"message_new", "send", "send_to_group", "send_sync", "send_resp"};
  struct fixture self;
  fixture_init_started(&self);
  const struct edgecore_core *table = self.table;
  g_autoptr(any_message) message = message_sync("m1", SECRET);
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
    test_note("%s", calls[i]);
    self.fault = calls[i];
    struct edgecore_error error = {.size = sizeof error};
    const struct edgecore_message_fields fields = {.size = sizeof fields};
    struct edgecore_message *made = table->message_new(table, &fields, &error);
    check_true((made == NULL) == (i == 0));
    message_unref(made);
    check_true((table->send(table, "edged", message, &error) == EDGECORE_IO) == (i == 1));
    check_true((table->send_to_group(table, "edged", message, &error) == EDGECORE_IO) == (i == 2));
    check_true((table->send_sync(table, "nobody", message, message, 1, &error) == EDGECORE_IO) == (i == 3));
    check_true((table->send_resp(table, message, &error) == EDGECORE_IO) == (i == 4));
  }
  fixture_clear(&self);
}
