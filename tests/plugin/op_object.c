/* insert, delete, response, action and action_result. */
#include "rig.h"
#include "secret.h"

#define PODS "a/pod/1|pod|{\"v\":\"" SECRET "\"}"

static struct edgecore_message *message(const char *source, const char *operation, const char *resource) {
  return fake_message(.id = "m1", .source = source, .operation = operation, .resource = resource,
                      .raw = "{\"v\":\"" SECRET "\"}");
}

static struct edgecore_message *sync_message(const char *source, const char *operation, const char *resource) {
  return fake_message(.id = "m1", .source = source, .operation = operation, .resource = resource,
                      .raw = "{\"v\":\"" SECRET "\"}", .sync = TRUE);
}

/* ------------------------------------------------------------------------------------------------------------- insert */

TEST_CASE(Insert, is_stored_passed_to_edged_and_acknowledged_to_the_cloud) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, message("edgecontroller", "insert", "a/pod/1")));
  check_table(self, PODS);
  check_deliveries(self, "edged m1< insert a/pod/1 edgecontroller {\"v\":\"" SECRET "\"}\n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n");
}

TEST_CASE(Insert, of_mesh_types_is_passed_to_edgemesh) {
  static const char *const resources[] = {"a/service/s", "a/endpoints/s"};

  for (guint i = 0; i < G_N_ELEMENTS(resources); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("edgemesh m1< insert %s edgecontroller {\"v\":\"" SECRET "\"}\n"
                                            "cloud *<m1 response %s edgecontroller \"OK\"\n",
                                            resources[i], resources[i]);
    require_ok(rig_handle(self, message("edgecontroller", "insert", resources[i])));
    check_deliveries(self, want);
  }
}

TEST_CASE(Insert, of_a_key_that_is_there_stores_the_new_value) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "old");
  require_ok(rig_handle(self, message("edgecontroller", "insert", "a/pod/1")));
  check_table(self, PODS);
}

TEST_CASE(Insert, that_is_sync_is_answered_and_its_copy_asks_for_no_answer) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_message("edgecontroller", "insert", "a/pod/1")));
  check_deliveries(self, "edged m1< insert a/pod/1 edgecontroller {\"v\":\"" SECRET "\"}\n"
                         "caller *<m1 response a/pod/1 edgecontroller \"OK\"\n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n");
}

TEST_CASE(Insert, without_content_stores_null) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(
      self, fake_message(.id = "m1", .source = "edgecontroller", .operation = "insert", .resource = "a/pod/1")));
  check_table(self, "a/pod/1|pod|null");
  check_deliveries(self, "edged m1< insert a/pod/1 edgecontroller \n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n");
}

TEST_CASE(Insert, of_a_json_value_stores_its_text) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, fake_message(.id = "m1", .source = "edgecontroller", .operation = "insert",
                                           .resource = "a/pod/1", .json = "\"a text\"")));
  check_table(self, "a/pod/1|pod|\"a text\"");
}

TEST_CASE(Insert, under_a_resource_without_a_type_is_stored_by_its_whole_name) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, message("edgecontroller", "insert", "one")));
  require_ok(rig_handle(self, message("edgecontroller", "insert", "a/b/c/d")));
  check_table(self, "one||{\"v\":\"" SECRET "\"}\na/b/c/d||{\"v\":\"" SECRET "\"}");
}

TEST_CASE(Insert, while_the_link_is_down_keeps_the_acknowledgement) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, message("edgecontroller", "insert", "a/pod/1")));
  check_deliveries(self, "edged m1< insert a/pod/1 edgecontroller {\"v\":\"" SECRET "\"}\n");
  check_kept(self, "response a/pod/1 \"OK\"");
}

/* ------------------------------------------------------------------------------------------------------------- delete */

TEST_CASE(Delete, removes_the_row_and_is_passed_on) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "{}");
  rig_save(self, "a/pod/2", "pod", "{}");
  require_ok(rig_handle(self, message("edgecontroller", "delete", "a/pod/1")));
  check_table(self, "a/pod/2|pod|{}");
  check_deliveries(self, "edged m1< delete a/pod/1 edgecontroller {\"v\":\"" SECRET "\"}\n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n");
}

TEST_CASE(Delete, of_what_is_absent_is_fine) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, message("edgecontroller", "delete", "a/service/s")));
  check_deliveries(self, "edgemesh m1< delete a/service/s edgecontroller {\"v\":\"" SECRET "\"}\n"
                         "cloud *<m1 response a/service/s edgecontroller \"OK\"\n");
}

TEST_CASE(Delete, that_is_sync_is_answered) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_message("edged", "delete", "a/podstatus/1")));
  check_deliveries(self, "edged m1< delete a/podstatus/1 edged {\"v\":\"" SECRET "\"}\n"
                         "caller *<m1 response a/podstatus/1 edged \"OK\"\n"
                         "cloud *<m1 response a/podstatus/1 edged \"OK\"\n");
}

/* Its content says nothing. */
TEST_CASE(Delete, with_a_json_value_that_is_none_is_done_all_the_same) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "{}");
  require_ok(rig_handle(self, fake_message(.id = "m1", .source = "edgecontroller", .operation = "delete",
                                           .resource = "a/pod/1", .json = "{")));
  check_table(self, "");
}

/* ----------------------------------------------------------------------------------------------------------- response */

TEST_CASE(Response, of_the_cloud_is_stored_and_passed_to_edged) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, message("edgecontroller", "response", "a/pod/1")));
  check_table(self, PODS);
  check_deliveries(self, "edged m1< response a/pod/1 edgecontroller {\"v\":\"" SECRET "\"}\n");
}

TEST_CASE(Response, of_the_cloud_about_mesh_types_is_passed_to_edgemesh) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, message("edgecontroller", "response", "a/endpoints/s")));
  check_deliveries(self, "edgemesh m1< response a/endpoints/s edgecontroller {\"v\":\"" SECRET "\"}\n");
}

TEST_CASE(Response, of_any_other_is_stored_and_passed_to_the_cloud) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_message("edged", "response", "a/pod/1")));
  check_table(self, PODS);
  check_deliveries(self, "cloud m1< response a/pod/1 edged {\"v\":\"" SECRET "\"}\n");
}

TEST_CASE(Response, that_is_a_bare_ok_never_takes_the_place_of_the_object) {
  static const struct fake_text texts[] = {{.raw = "OK"}, {.raw = "\"OK\""}, {.json = "\"OK\""}};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("text %u", i);
    rig_save(self, "a/pod/1", "pod", "{}");
    require_ok(rig_handle(self, fake_message(.id = "m1", .source = "edgecontroller", .operation = "response",
                                             .resource = "a/pod/1", .raw = texts[i].raw, .json = texts[i].json)));
    check_table(self, "a/pod/1|pod|{}");
    g_autofree char *want = g_strdup_printf("edged m1< response a/pod/1 edgecontroller %s\n",
                                            texts[i].raw != NULL ? texts[i].raw : texts[i].json);
    check_deliveries(self, want);
  }
}

/* --------------------------------------------------------------------------------------------- action, action_result */

TEST_CASE(Action, is_stored_and_passed_to_edgefunction) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/function/f", "function", "old");
  require_ok(rig_handle(self, message("edgecontroller", "action", "a/function/f")));
  check_table(self, "a/function/f|function|{\"v\":\"" SECRET "\"}");
  check_deliveries(self, "edgefunction m1< action a/function/f edgecontroller {\"v\":\"" SECRET "\"}\n");
}

TEST_CASE(Action, that_is_sync_is_answered) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_message("edgecontroller", "action", "a/function/f")));
  check_deliveries(self, "edgefunction m1< action a/function/f edgecontroller {\"v\":\"" SECRET "\"}\n"
                         "caller *<m1 response a/function/f edgecontroller \"OK\"\n");
}

TEST_CASE(ActionResult, is_stored_and_passed_to_the_cloud) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/function/f", "function", "old");
  require_ok(rig_handle(self, message("edgefunction", "action_result", "a/function/f")));
  check_table(self, "a/function/f|function|{\"v\":\"" SECRET "\"}");
  check_deliveries(self, "cloud m1< action_result a/function/f edgefunction {\"v\":\"" SECRET "\"}\n");
}

TEST_CASE(ActionResult, that_is_sync_is_answered) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_message("edgefunction", "action_result", "a/function/f")));
  check_deliveries(self, "cloud m1< action_result a/function/f edgefunction {\"v\":\"" SECRET "\"}\n"
                         "caller *<m1 response a/function/f edgefunction \"OK\"\n");
}

TEST_CASE(ActionResult, is_kept_while_the_link_is_down_each_of_them) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, message("edgefunction", "action_result", "a/function/f")));
  require_ok(rig_handle(self, message("edgefunction", "action_result", "a/function/f")));
  check_deliveries(self, "");
  check_kept(self,
             "action_result a/function/f {\"v\":\"" SECRET "\"}\naction_result a/function/f {\"v\":\"" SECRET "\"}");
}
