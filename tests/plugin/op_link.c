/* publish, which tells of the link to the cloud. */
#include "operations.h"

#include "rig.h"

#include <string.h>

static struct edgecore_message *publish(const char *raw, const char *json) {
  return fake_message(.id = "m1", .source = "edgehub", .operation = "publish", .resource = "node/connection",
                      .raw = raw, .json = json);
}

TEST_CASE(Link, is_set_by_raw_bytes_or_by_a_json_string) {
  static const struct {
    const char *raw;
    const char *json;
    enum link link;
  } rows[] = {
      {"cloud_connected", NULL, LINK_CONNECTED},           {"\"cloud_connected\"", NULL, LINK_CONNECTED},
      {NULL, "\"cloud_connected\"", LINK_CONNECTED},       {"cloud_disconnected", NULL, LINK_DISCONNECTED},
      {NULL, "\"cloud_disconnected\"", LINK_DISCONNECTED},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("row %u", i);
    require_ok(rig_handle(self, publish(rows[i].raw, rows[i].json)));
    check_int_eq(self->turn.link, rows[i].link);
    check_deliveries(self, rows[i].link == LINK_CONNECTED ? "link connected\n" : "link disconnected\n");
    check_table(self, "");
  }
}

TEST_CASE(Link, is_not_touched_by_anything_else) {
  static const char *const texts[] = {"",
                                      "\"",
                                      "\"\"",
                                      "cloud",
                                      "CLOUD_CONNECTED",
                                      "cloud_connected ",
                                      "'cloud_connected'",
                                      "\"cloud_connected",
                                      "{\"cloud_connected\":true}",
                                      "null",
                                      "cloud_connectedx"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("%s", texts[i]);
    require_ok(rig_handle(self, publish(texts[i], NULL)));
    check_int_eq(self->turn.link, LINK_UNKNOWN);
    check_deliveries(self, "");
  }
  g_autoptr(rig) self = rig_new();
  require_ok(rig_handle(self, publish(NULL, NULL)));
  require_ok(rig_handle(self, fake_message(.operation = "publish", .raw = "cloud_connected\0x", .size = 17)));
  check_int_eq(self->turn.link, LINK_UNKNOWN);
}

TEST_CASE(Link, that_does_not_change_is_no_event) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, publish("cloud_connected", NULL)));
  require_ok(rig_handle(self, publish("cloud_connected", NULL)));
  require_ok(rig_handle(self, publish("cloud_disconnected", NULL)));
  require_ok(rig_handle(self, publish("cloud_disconnected", NULL)));
  require_ok(rig_handle(self, publish("cloud_connected", NULL)));
  check_deliveries(self, "link connected\nlink disconnected\nlink connected\n");
}

static void wait_for_cloud(rig *self) {
  deliveries_add(
      self->turn.deliveries, DELIVERY_SEND, DESTINATION_CLOUD,
      fake_message(.id = "m0", .source = "edged", .operation = "response", .resource = "a/pod/1", .raw = "{}"), NULL);
}

TEST_CASE(Link, that_is_lost_moves_what_was_on_its_way_to_the_outbox) {
  g_autoptr(rig) self = rig_new();

  wait_for_cloud(self);
  require_ok(rig_handle(self, publish("cloud_disconnected", NULL)));
  check_deliveries(self, "link disconnected\n");
  check_kept(self, "response a/pod/1 {}");
}

TEST_CASE(Link, of_an_edge_site_keeps_nothing_when_it_is_lost) {
  g_autoptr(rig) self = rig_new();

  self->settings.edgesite = TRUE;
  self->turn.link = LINK_CONNECTED;
  wait_for_cloud(self);
  require_ok(rig_handle(self, publish("cloud_disconnected", NULL)));
  check_deliveries(self, "cloud m0< response a/pod/1 edged {}\nlink disconnected\n");
  check_kept(self, "");
}
