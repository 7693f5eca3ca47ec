#include "rig.h"

#include "dispatch.h"

#include <string.h>

rig *rig_new(void) {
  g_autofree char *path = fixture_database();
  rig *self = g_new0(rig, 1);

  self->core = fake_core_new(path);
  self->turn = (struct turn){.core = fake_core_table(self->core),
                             .settings = &self->settings,
                             .store = fixture_store(fake_core_database(self->core)),
                             .deliveries = deliveries_new()};
  self->waiting = deliveries_new();
  self->turn.waiting = self->waiting;
  if (settings_read(self->turn.core, &self->settings, &failure) != EDGECORE_OK ||
      outbox_open(self->turn.store, self->settings.outbox_max_bytes, fixture_log, NULL, &self->turn.outbox, &failure) !=
          EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

void rig_free(rig *self) {
  deliveries_free(self->turn.deliveries, self->turn.core);
  deliveries_free(self->waiting, self->turn.core);
  outbox_close(self->turn.outbox);
  store_close(self->turn.store);
  settings_clear(&self->settings);
  fake_core_free(self->core);
  g_free(self);
}

void rig_commit(rig *self) {
  fixture_commit(self->turn.store);
  outbox_committed(self->turn.outbox);
}

static int32_t handle(rig *self, const struct edgecore_item *item) {
  int32_t code = dispatch(&self->turn, item, &failure);

  if (code == EDGECORE_OK) {
    rig_commit(self);
  } else {
    database_rollback(store_database(self->turn.store));
    outbox_rolled_back(self->turn.outbox);
  }
  message_unref(item->message);
  message_unref(item->context);
  return code;
}

int32_t rig_handle(rig *self, struct edgecore_message *message) {
  return handle(self, &(struct edgecore_item){.size = sizeof(struct edgecore_item), .message = message});
}

int32_t rig_outcome(rig *self, int32_t outcome, struct edgecore_message *reply, struct edgecore_message *context) {
  const struct edgecore_item item = {.size = sizeof item, .outcome = outcome, .message = reply, .context = context};

  return handle(self, &item);
}

void rig_save(rig *self, const char *key, const char *type, const char *value) {
  const struct store_row row = fixture_row(key, type, value);

  if (store_save(self->turn.store, &row, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  rig_commit(self);
}

static const char *shown_id(const char *id) {
  return strlen(id) == 36 ? "*" : id;
}

static void show_message(GString *text, const struct edgecore_message_fields *fields) {
  g_string_append_printf(text, "%s<%s %s %s %s ", shown_id(fields->id), fields->parent_id, fields->operation,
                         fields->resource, fields->source);
  if (fields->content != NULL)
    g_string_append_len(text, fields->content, (gssize)fields->content_size);
  if ((fields->flags & EDGECORE_MESSAGE_SYNC) != 0)
    g_string_append(text, " sync");
}

static void show(GString *text, const struct delivery *delivery) {
  static const char *const kinds[] = {
      [DELIVERY_SEND] = "",          [DELIVERY_REQUEST] = "request ",      [DELIVERY_ASK] = "ask ",
      [DELIVERY_ANSWER] = "answer ", [DELIVERY_REMOTE_FAILED] = "failed ", [DELIVERY_LINK] = "link "};
  static const char *const links[] = {
      [LINK_UNKNOWN] = "unknown", [LINK_CONNECTED] = "connected", [LINK_DISCONNECTED] = "disconnected"};
  static const char *const destinations[] = {
      [DESTINATION_CLOUD] = "cloud",       [DESTINATION_EDGED] = "edged",
      [DESTINATION_EDGEMESH] = "edgemesh", [DESTINATION_EDGEFUNCTION] = "edgefunction",
      [DESTINATION_SELF] = "self",         [DESTINATION_CALLER] = "caller"};

  g_string_append(text, kinds[delivery->kind]);
  if (delivery->kind == DELIVERY_LINK) {
    g_string_append(text, links[delivery->link]);
  } else {
    g_string_append_printf(text, "%s ", destinations[delivery->to]);
    show_message(text, message_read(delivery->message));
  }
  if (delivery->context != NULL)
    g_string_append_printf(text, " of %s", shown_id(message_read(delivery->context)->id));
  g_string_append_c(text, '\n');
}

char *rig_deliveries(rig *self) {
  GString *text = g_string_new(NULL);

  for (guint i = 0; i < self->turn.deliveries->len; i++)
    show(text, &g_array_index(self->turn.deliveries, struct delivery, i));
  deliveries_truncate(self->turn.deliveries, self->turn.core, 0);
  return g_string_free(text, FALSE);
}

void rig_check_deliveries(const char *file, int line, rig *self, const char *want) {
  g_autofree char *got = rig_deliveries(self);

  test_str(file, line, "the deliveries", "what is wanted", got, want);
}

void rig_check_kept(const char *file, int line, rig *self, const char *want) {
  rig_commit(self);
  fixture_check_rows(file, line, fake_core_database(self->core),
                     "SELECT operation || ' ' || resource || ' ' || CAST(coalesce(content, '') AS TEXT)"
                     " FROM metamanager_outbox ORDER BY id",
                     want);
}
