#include "turn.h"

#include "file_vfs.h"
#include "rig.h"

#include <string.h>

typedef struct edgecore_message any_message;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(any_message, message_unref)

static any_message *request_new(void) {
  return fake_message(.id = "m1", .parent = "m0", .source = "edged", .group = "resource", .operation = "query",
                      .resource = "a/pod/1", .sync = TRUE);
}

/* ------------------------------------------------------------------------------------------------------------ content */

TEST_CASE(Turn, no_content_is_stored_as_null) {
  g_autoptr(any_message) none = fake_message(.operation = "update");
  g_autoptr(any_message) empty = fake_message(.operation = "update", .raw = "");
  g_autoptr(any_message) raw = fake_message(.operation = "update", .raw = "a\0b", .size = 3);
  struct turn_content content = turn_content_of(message_read(none));

  check_mem_eq(content.data, content.size, "null", 4);
  content = turn_content_of(message_read(empty));
  check_mem_eq(content.data, content.size, "", 0);
  check_not_null(content.data);
  content = turn_content_of(message_read(raw));
  check_mem_eq(content.data, content.size, "a\0b", 3);
}

TEST_CASE(Turn, a_row_has_the_whole_resource_as_its_key) {
  g_autoptr(any_message) message = fake_message(.operation = "update", .resource = "a/pod/1", .raw = "{}");
  const struct resource resource = resource_parse("a/pod/1");
  const struct store_row row = turn_row_of(message_read(message), &resource);

  check_str_eq(row.key, "a/pod/1");
  check_str_eq(row.type, "pod");
  check_mem_eq(row.value, row.value_size, "{}", 2);
}

TEST_CASE(Turn, a_json_value_must_be_json_and_raw_bytes_need_not) {
  g_autoptr(rig) self = rig_new();
  g_autoptr(any_message) good = fake_message(.operation = "update", .json = "{}");
  g_autoptr(any_message) bad = fake_message(.operation = "update", .json = "{");
  g_autoptr(any_message) empty = fake_message(.operation = "update", .json = "");
  g_autoptr(any_message) raw = fake_message(.operation = "update", .raw = "{");
  g_autoptr(any_message) none = fake_message(.operation = "update");

  check_ok(turn_check_content(&self->turn, message_read(good), &failure));
  check_ok(turn_check_content(&self->turn, message_read(raw), &failure));
  check_ok(turn_check_content(&self->turn, message_read(none), &failure));
  check_fails(turn_check_content(&self->turn, message_read(bad), &failure), EDGECORE_INVALID,
              "Error to marshal message content: ");
  check_fails(turn_check_content(&self->turn, message_read(empty), &failure), EDGECORE_INVALID,
              "Error to marshal message content: ");
}

/* ------------------------------------------------------------------------------------------------------------ answers */

TEST_CASE(Turn, an_answer_keeps_the_route_and_names_its_request) {
  g_autoptr(rig) self = rig_new();
  g_autoptr(any_message) request = request_new();
  g_autoptr(any_message) ok = turn_ok_new(&self->turn, message_read(request), &failure);
  g_autoptr(any_message) error = turn_error_new(&self->turn, message_read(request), "metaManager", "no", &failure);

  const struct edgecore_message_fields *fields = message_read(ok);
  check_int_eq(strlen(fields->id), 36);
  check_str_eq(fields->parent_id, "m1");
  check_str_eq(fields->source, "edged");
  check_str_eq(fields->group, "resource");
  check_str_eq(fields->operation, "response");
  check_str_eq(fields->resource, "a/pod/1");
  check_int_eq(fields->flags, 0);
  check_int_eq(fields->content_kind, EDGECORE_CONTENT_JSON);
  check_mem_eq(fields->content, fields->content_size, "\"OK\"", 4);

  fields = message_read(error);
  check_str_eq(fields->parent_id, "m1");
  check_str_eq(fields->source, "metaManager");
  check_str_eq(fields->operation, "error");
  check_int_eq(fields->flags, 0);
  check_mem_eq(fields->content, fields->content_size, "\"no\"", 4);
}

TEST_CASE(Turn, the_text_of_an_error_becomes_a_json_string) {
  g_autoptr(rig) self = rig_new();
  g_autoptr(any_message) request = request_new();
  g_autoptr(any_message) error =
      turn_error_new(&self->turn, message_read(request), "edged", "a \"b\" \\ \n\t\x01 \xc3\xa9 \xff", &failure);
  const struct edgecore_message_fields *fields = message_read(error);

  check_mem_eq(fields->content, fields->content_size, "\"a \\\"b\\\" \\\\ \\n\\t\\u0001 \xc3\xa9 \xef\xbf\xbd\"",
               strlen("\"a \\\"b\\\" \\\\ \\n\\t\\u0001 \xc3\xa9 \xef\xbf\xbd\""));
  check_ok(store_check_json(self->turn.store, fields->content, fields->content_size, &failure));
}

TEST_CASE(Turn, what_is_relayed_does_not_ask_for_an_answer_and_shares_its_content) {
  g_autoptr(rig) self = rig_new();
  g_autoptr(any_message) plain = fake_message(.id = "m1", .operation = "update", .raw = "{}");
  g_autoptr(any_message) sync = fake_message(.id = "m2", .operation = "update", .raw = "{}", .sync = TRUE);
  g_autoptr(any_message) same = turn_relay_new(&self->turn, plain, &failure);
  g_autoptr(any_message) copy = turn_relay_new(&self->turn, sync, &failure);

  check_true(same == plain);
  check_true(copy != sync);
  check_str_eq(message_read(copy)->id, "m2");
  check_int_eq(message_read(copy)->flags, 0);
  check_true(message_read(copy)->content == message_read(sync)->content);
}

/* ----------------------------------------------------------------------------------------------- the way to the cloud */

static void send_update(rig *self, const char *resource, const char *content) {
  check_ok(turn_send_to_cloud(
      &self->turn,
      fake_message(.id = "m", .source = "edged", .operation = "update", .resource = resource, .raw = content),
      &failure));
}

TEST_CASE(Turn, before_anything_is_known_of_the_link_messages_are_sent) {
  g_autoptr(rig) self = rig_new();

  send_update(self, "a/node/n", "1");
  check_deliveries(self, "cloud m< update a/node/n edged 1\n");
  check_kept(self, "");
}

TEST_CASE(Turn, while_the_link_is_down_they_are_kept_but_for_pod_statuses) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  send_update(self, "a/node/n", "1");
  send_update(self, "a/podstatus/p", "2");
  send_update(self, "a/node/n", "3");
  check_ok(turn_send_to_cloud(
      &self->turn, fake_message(.operation = "response", .resource = "a/podstatus/p", .raw = "4"), &failure));
  check_deliveries(self, "");
  check_kept(self, "update a/node/n 3\nresponse a/podstatus/p 4");
}

TEST_CASE(Turn, an_edge_site_has_no_link_to_lose) {
  g_autoptr(rig) self = rig_new();

  self->settings.edgesite = TRUE;
  self->turn.link = LINK_DISCONNECTED;
  send_update(self, "a/node/n", "1");
  check_deliveries(self, "cloud m< update a/node/n edged 1\n");
  check_kept(self, "");
}

TEST_CASE(Turn, new_messages_queue_up_behind_what_is_still_kept) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  send_update(self, "a/node/n", "1");
  self->turn.link = LINK_CONNECTED;
  send_update(self, "a/node/m", "2");
  /* It overtakes nothing of its own: no status is ever kept. */
  send_update(self, "a/podstatus/p", "3");
  check_deliveries(self, "cloud m< update a/podstatus/p edged 3\n");
  check_kept(self, "update a/node/n 1\nupdate a/node/m 2");
}

static struct edgecore_message *update_new(const char *id, const char *resource) {
  return fake_message(.id = id, .source = "edged", .operation = "update", .resource = resource, .raw = id);
}

TEST_CASE(Turn, what_was_on_its_way_when_the_link_was_lost_is_kept_in_order) {
  const guint before = message_count_live();
  rig *self = rig_new();
  GArray *due = self->turn.deliveries;

  deliveries_add(self->waiting, DELIVERY_SEND, DESTINATION_CLOUD, update_new("1", "a/node/1"), NULL);
  deliveries_add(self->waiting, DELIVERY_SEND, DESTINATION_EDGED, update_new("2", "a/node/2"), NULL);
  deliveries_add(due, DELIVERY_SEND, DESTINATION_EDGED, update_new("3", "a/node/3"), NULL);
  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("4", "a/node/4"), NULL);
  deliveries_add(due, DELIVERY_REQUEST, DESTINATION_EDGED, update_new("5", "a/node/5"), update_new("6", "a/node/6"));
  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("7", "a/podstatus/7"), NULL);
  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("8", "a/node/1"), NULL);

  require_ok(turn_keep_waiting(&self->turn, &failure));
  check_true(self->turn.waiting_kept);
  check_kept(self, "update a/node/1 8\nupdate a/node/4 4");
  check_deliveries(self, "edged 3< update a/node/3 edged 3\nrequest edged 5< update a/node/5 edged 5 of 6\n");
  check_int_eq(self->waiting->len, 2);

  /* Again in the same turn, for the link may be lost twice: what waits is not kept a second time. */
  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("9", "a/node/9"), NULL);
  require_ok(turn_keep_waiting(&self->turn, &failure));
  check_kept(self, "update a/node/1 8\nupdate a/node/4 4\nupdate a/node/9 9");
  rig_free(self);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Turn, a_message_that_cannot_be_kept_is_not_lost_twice_over) {
  const guint before = message_count_live();
  file_vfs_install();
  rig *self = rig_new();
  GArray *due = self->turn.deliveries;

  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("1", "a/node/1"), NULL);
  deliveries_add(due, DELIVERY_SEND, DESTINATION_EDGED, update_new("2", "a/node/2"), NULL);
  deliveries_add(due, DELIVERY_SEND, DESTINATION_CLOUD, update_new("3", "a/node/3"), NULL);
  fixture_run(fake_core_database(self->core), "CREATE UNIQUE INDEX no_3 ON metamanager_outbox((1)) WHERE msg_id = '3'");
  fixture_run(fake_core_database(self->core),
              "INSERT INTO metamanager_outbox VALUES(9, NULL, 0, 0, '3', '', 0, '', '', '', '', 0, 0, NULL)");
  check_fails(turn_keep_waiting(&self->turn, &failure), EDGECORE_INVALID, "UNIQUE");
  database_rollback(store_database(self->turn.store));
  outbox_rolled_back(self->turn.outbox);
  rig_free(self);
  check_int_eq(message_count_live(), before);
}
