/* The four volume operations: edged is asked, its reply goes to the cloud. */
#include "rig.h"
#include "secret.h"

static const char *const operations[] = {"createvolume", "deletevolume", "controllerpublishvolume",
                                         "controllerunpublishvolume"};

static struct edgecore_message *request(const char *operation, gboolean sync) {
  return fake_message(.id = "m1", .source = "edgecontroller", .operation = operation, .resource = "a/volume/v",
                      .raw = "{\"v\":\"" SECRET "\"}", .sync = sync);
}

TEST_CASE(Volume, is_asked_of_edged_with_the_request_as_context) {
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf(
        "request edged m1< %s a/volume/v edgecontroller {\"v\":\"" SECRET "\"} sync of m1\n", operations[i]);
    require_ok(rig_handle(self, request(operations[i], FALSE)));
    check_deliveries(self, want);
    require_ok(rig_handle(self, request(operations[i], TRUE)));
    check_deliveries(self, want);
    check_table(self, "");
  }
}

TEST_CASE(Volume, that_edged_made_is_answered_to_the_cloud_with_edgeds_content) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *asked = request("createvolume", FALSE);
  struct edgecore_message *reply = fake_reply(asked, "edged", "{\"made\":true}");

  require_ok(rig_outcome(self, EDGECORE_OK, reply, asked));
  check_deliveries(self, "cloud *<m1 response a/volume/v edgecontroller {\"made\":true}\n");
  check_table(self, "");
}

TEST_CASE(Volume, that_was_asked_for_with_sync_is_answered_to_the_caller_too) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *asked = request("deletevolume", TRUE);
  struct edgecore_message *reply = fake_reply(asked, "edged", "{}");

  require_ok(rig_outcome(self, EDGECORE_OK, reply, asked));
  check_deliveries(self, "caller *<m1 response a/volume/v edgecontroller {}\n"
                         "cloud *<m1 response a/volume/v edgecontroller {}\n");
}

TEST_CASE(Volume, that_failed_is_an_error_answer_that_says_why) {
  static const struct {
    int32_t outcome;
    const char *why;
  } rows[] = {{EDGECORE_TIMEOUT, "edged did not answer in time"}, {EDGECORE_NOT_FOUND, "there is no module edged"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("cloud *<m1 error a/volume/v edgecontroller "
                                            "\"Error to process volume: createvolume of a/volume/v: %s\"\n",
                                            rows[i].why);
    require_ok(rig_outcome(self, rows[i].outcome, NULL, request("createvolume", FALSE)));
    check_deliveries(self, want);
  }
}

TEST_CASE(Volume, that_edged_refused_is_an_error_answer) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *reply =
      fake_message(.parent = "m1", .source = "edged", .operation = "error", .resource = "a/volume/v", .raw = "no");

  require_ok(rig_outcome(self, EDGECORE_OK, reply, request("createvolume", FALSE)));
  check_deliveries(self, "cloud *<m1 error a/volume/v edgecontroller "
                         "\"Error to process volume: createvolume of a/volume/v: edged refused it\"\n");
}

TEST_CASE(Volume, whose_reply_is_a_json_value_that_is_none_is_an_error_answer) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *reply =
      fake_message(.parent = "m1", .source = "edged", .operation = "response", .resource = "a/volume/v", .json = "{");

  require_ok(rig_outcome(self, EDGECORE_OK, reply, request("createvolume", FALSE)));
  check_deliveries(self, "cloud *<m1 error a/volume/v edgecontroller "
                         "\"Error to marshal message content: the value is not valid JSON\"\n");
}

TEST_CASE(Volume, answers_are_kept_while_the_link_is_down) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *asked = request("createvolume", FALSE);

  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_outcome(self, EDGECORE_OK, fake_reply(asked, "edged", "{}"), asked));
  require_ok(rig_outcome(self, EDGECORE_TIMEOUT, NULL, request("createvolume", FALSE)));
  check_deliveries(self, "");
  check_rows(fake_core_database(self->core), "SELECT operation FROM metamanager_outbox ORDER BY id", "response\nerror");
}
