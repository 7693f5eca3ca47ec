/* meta-internal-sync: the pod status sync. */
#include "rig.h"

static struct edgecore_message *sync_new(void) {
  return fake_message(.id = "m1", .source = "metaManager", .operation = "meta-internal-sync", .resource = "podstatus");
}

static void save_pod(rig *self, const char *name, const char *status) {
  g_auto(GStrv) parts = g_strsplit(name, "/", 2);
  g_autofree char *pod = g_strdup_printf("%s/pod/%s", parts[0], parts[1]);
  g_autofree char *key = g_strdup_printf("%s/podstatus/%s", parts[0], parts[1]);

  rig_save(self, pod, "pod", "{}");
  rig_save(self, key, "podstatus", status);
}

TEST_CASE(PodStatusSync, sends_one_update_for_each_namespace) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "b/1", "{\"n\":1}");
  save_pod(self, "a/1", "{\"n\":2}");
  save_pod(self, "b/2", "{\"n\":3}");
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [{\"n\":2}]\n"
                         "cloud *< update b/podstatus metaManager [{\"n\":1},{\"n\":3}]\n");
}

TEST_CASE(PodStatusSync, names_the_group_resource) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "{}");
  require_ok(rig_handle(self, sync_new()));
  require_int_eq(self->turn.deliveries->len, 1);
  const struct edgecore_message_fields *fields =
      message_read(g_array_index(self->turn.deliveries, struct delivery, 0).message);
  check_str_eq(fields->group, "resource");
  check_int_eq(fields->content_kind, EDGECORE_CONTENT_JSON);
}

TEST_CASE(PodStatusSync, deletes_the_status_of_a_pod_that_is_gone) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "1");
  rig_save(self, "a/podstatus/2", "podstatus", "2");
  rig_save(self, "b/podstatus/1", "podstatus", "3");
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [1]\n");
  check_rows(fake_core_database(self->core), "SELECT key FROM meta ORDER BY rowid", "a/pod/1\na/podstatus/1");
  check_contains(fake_core_log(self->core), "info pod status sync: deleted the statuses of 2 pods that are gone");
}

TEST_CASE(PodStatusSync, skips_and_logs_what_is_no_json) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "{\"secret");
  save_pod(self, "a/2", "2");
  save_pod(self, "b/1", "half");
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [2]\n");
  check_contains(fake_core_log(self->core), "warning pod status sync: 1 values of a/podstatus are not JSON");
  check_contains(fake_core_log(self->core), "warning pod status sync: 1 values of b/podstatus are not JSON");
  check_lacks(fake_core_log(self->core), "secret");
}

TEST_CASE(PodStatusSync, of_nothing_sends_nothing) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "{}");
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "");
  check_str_eq(fake_core_log(self->core), "");
}

TEST_CASE(PodStatusSync, while_the_link_is_down_only_tidies_up) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "1");
  rig_save(self, "a/podstatus/2", "podstatus", "2");
  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "");
  check_kept(self, "");
  check_rows(fake_core_database(self->core), "SELECT key FROM meta ORDER BY rowid", "a/pod/1\na/podstatus/1");
}

TEST_CASE(PodStatusSync, of_an_edge_site_is_always_sent) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "1");
  self->settings.edgesite = TRUE;
  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [1]\n");
}

TEST_CASE(PodStatusSync, is_sent_beside_what_the_outbox_still_holds) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "1");
  self->turn.link = LINK_DISCONNECTED;
  check_ok(turn_send_to_cloud(&self->turn, fake_message(.operation = "response", .resource = "a/pod/1"), &failure));
  rig_commit(self);
  self->turn.link = LINK_CONNECTED;
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [1]\n");
  check_kept(self, "response a/pod/1 ");
}

TEST_CASE(PodStatusSync, of_values_that_are_not_utf8_sends_utf8) {
  g_autoptr(rig) self = rig_new();

  save_pod(self, "a/1", "\"\xff\"");
  require_ok(rig_handle(self, sync_new()));
  check_deliveries(self, "cloud *< update a/podstatus metaManager [\"\xef\xbf\xbd\"]\n");
}
