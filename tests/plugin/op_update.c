/* update: of an object, of a pod status, of a list. */
#include "rig.h"

static struct edgecore_message *update(const char *source, const char *resource, const char *raw) {
  return fake_message(.id = "m1", .source = source, .operation = "update", .resource = resource, .raw = raw);
}

static struct edgecore_message *sync_update(const char *source, const char *resource, const char *raw) {
  return fake_message(.id = "m1", .source = source, .operation = "update", .resource = resource, .raw = raw,
                      .sync = TRUE);
}

/* -------------------------------------------------------------------------------------------------------- of an object */

TEST_CASE(Update, goes_where_its_source_says) {
  static const struct {
    const char *source;
    const char *resource;
    const char *want;
  } rows[] = {
      {"edged", "a/node/n", "cloud m1< update a/node/n edged {}\nedged *<m1 response a/node/n edged \"OK\"\n"},
      {"edgecontroller", "a/pod/1",
       "edged m1< update a/pod/1 edgecontroller {}\ncloud *<m1 response a/pod/1 edgecontroller \"OK\"\n"},
      {"edgecontroller", "a/service/s",
       "edgemesh m1< update a/service/s edgecontroller {}\ncloud *<m1 response a/service/s edgecontroller \"OK\"\n"},
      {"edgecontroller", "a/endpoints/s",
       "edgemesh m1< update a/endpoints/s edgecontroller {}\ncloud *<m1 response a/endpoints/s edgecontroller \"OK\"\n"},
      {"funcmgr", "a/function/f", "edgefunction m1< update a/function/f funcmgr {}\n"},
      {"edgefunction", "a/function/f", "cloud m1< update a/function/f edgefunction {}\n"},
      {"stranger", "a/pod/1", ""},
      {"", "a/pod/1", ""},
      {"Edged", "a/pod/1", ""},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("%s from %s", rows[i].resource, rows[i].source);
    require_ok(rig_handle(self, update(rows[i].source, rows[i].resource, "{}")));
    check_deliveries(self, rows[i].want);
    check_rows(fake_core_database(self->core), "SELECT key FROM meta WHERE value = '{}'", rows[i].resource);
  }
}

TEST_CASE(Update, that_is_sync_is_answered_whatever_its_source) {
  static const struct {
    const char *source;
    const char *want;
  } rows[] = {
      {"edged", "cloud m1< update a/pod/1 edged {}\ncaller *<m1 response a/pod/1 edged \"OK\"\n"},
      {"edgecontroller", "edged m1< update a/pod/1 edgecontroller {}\n"
                         "caller *<m1 response a/pod/1 edgecontroller \"OK\"\n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n"},
      {"funcmgr", "edgefunction m1< update a/pod/1 funcmgr {}\ncaller *<m1 response a/pod/1 funcmgr \"OK\"\n"},
      {"stranger", "caller *<m1 response a/pod/1 stranger \"OK\"\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("from %s", rows[i].source);
    require_ok(rig_handle(self, sync_update(rows[i].source, "a/pod/1", "{}")));
    check_deliveries(self, rows[i].want);
  }
}

TEST_CASE(Update, of_an_object_that_is_the_same_is_passed_on_all_the_same) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "{}");
  require_ok(rig_handle(self, update("edgecontroller", "a/pod/1", "{}")));
  check_deliveries(self, "edged m1< update a/pod/1 edgecontroller {}\n"
                         "cloud *<m1 response a/pod/1 edgecontroller \"OK\"\n");
}

TEST_CASE(Update, while_the_link_is_down_keeps_the_last_of_each_resource) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, update("edged", "a/node/n", "1")));
  require_ok(rig_handle(self, update("edged", "a/node/m", "2")));
  require_ok(rig_handle(self, update("edged", "a/node/n", "3")));
  check_kept(self, "update a/node/n 3\nupdate a/node/m 2");
  check_deliveries(self, "edged *<m1 response a/node/n edged \"OK\"\n"
                         "edged *<m1 response a/node/m edged \"OK\"\n"
                         "edged *<m1 response a/node/n edged \"OK\"\n");
}

/* ---------------------------------------------------------------------------------------------------- of a pod status */

TEST_CASE(Update, of_a_pod_status_that_is_the_same_is_only_acknowledged) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/podstatus/1", "podstatus", "{\"ready\":true}");
  require_ok(rig_handle(self, update("edged", "a/podstatus/1", "{\"ready\":true}")));
  check_deliveries(self, "edged *<m1 response a/podstatus/1 edged \"OK\"\n");
  require_ok(rig_handle(self, sync_update("edged", "a/podstatus/1", "{\"ready\":true}")));
  check_deliveries(self, "caller *<m1 response a/podstatus/1 edged \"OK\"\n");
}

TEST_CASE(Update, of_a_pod_status_that_differs_by_a_byte_is_stored_and_sent) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/podstatus/1", "podstatus", "{\"ready\":true}");
  require_ok(rig_handle(self, update("edged", "a/podstatus/1", "{\"ready\": true}")));
  check_table(self, "a/podstatus/1|podstatus|{\"ready\": true}");
  check_deliveries(self, "cloud m1< update a/podstatus/1 edged {\"ready\": true}\n"
                         "edged *<m1 response a/podstatus/1 edged \"OK\"\n");
}

TEST_CASE(Update, of_a_pod_status_whose_row_is_damaged_is_stored) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/podstatus/1", "podstatus", "{}");
  fixture_run(fake_core_database(self->core), "UPDATE meta SET sum = 7");
  require_ok(rig_handle(self, update("edged", "a/podstatus/1", "{}")));
  check_deliveries(self, "cloud m1< update a/podstatus/1 edged {}\n"
                         "edged *<m1 response a/podstatus/1 edged \"OK\"\n");
  check_rows(fake_core_database(self->core), "SELECT sum = 7 FROM meta", "0");
}

/* ------------------------------------------------------------------------------------------------------------ of a list */

#define LIST "[{\"metadata\":{\"namespace\":\"x\",\"name\":\"s\"}},{\"metadata\":{\"namespace\":\"y\",\"name\":\"t\"}}]"

TEST_CASE(Update, of_a_service_list_stores_each_service) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, update("edgecontroller", "a/servicelist/n", LIST)));
  check_table(self, "x/service/s|service|{\"metadata\":{\"namespace\":\"x\",\"name\":\"s\"}}\n"
                    "y/service/t|service|{\"metadata\":{\"namespace\":\"y\",\"name\":\"t\"}}");
  check_deliveries(self, "edgemesh m1< update a/servicelist/n edgecontroller " LIST "\n"
                         "cloud *<m1 response a/servicelist/n edgecontroller \"OK\"\n");
}

TEST_CASE(Update, of_an_endpoints_list_stores_each_of_them) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, sync_update("edgecontroller", "a/endpointslist/n", LIST)));
  check_rows(fake_core_database(self->core), "SELECT key, type FROM meta ORDER BY rowid",
             "x/endpoints/s|endpoints\ny/endpoints/t|endpoints");
  check_deliveries(self, "edgemesh m1< update a/endpointslist/n edgecontroller " LIST "\n"
                         "caller *<m1 response a/endpointslist/n edgecontroller \"OK\"\n"
                         "cloud *<m1 response a/endpointslist/n edgecontroller \"OK\"\n");
}

TEST_CASE(Update, of_a_list_of_nothing_is_ok) {
  static const char *const lists[] = {"[]", "null", NULL};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("edgemesh m1< update a/servicelist/n edgecontroller %s\n"
                                            "cloud *<m1 response a/servicelist/n edgecontroller \"OK\"\n",
                                            lists[i] != NULL ? lists[i] : "");
    require_ok(rig_handle(self, update("edgecontroller", "a/servicelist/n", lists[i])));
    check_table(self, "");
    check_deliveries(self, want);
  }
}

TEST_CASE(Update, of_a_list_with_one_wrong_element_stores_and_sends_nothing) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, update("edgecontroller", "a/servicelist/n", "[{\"metadata\":{\"name\":\"s\"}},{}]")));
  check_table(self, "");
  check_deliveries(
      self,
      "cloud *<m1 error a/servicelist/n metaManager "
      "\"Error to unmarshal: an element of the list has no metadata.name and metadata.namespace that make a key\"\n");
}

TEST_CASE(Update, of_a_list_that_is_none_says_that_it_cannot_be_read) {
  static const char *const lists[] = {"{}", "", "[", "OK", "[{\"metadata\":{\"name\":\"s\"}}"};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("%s", lists[i]);
    require_ok(rig_handle(self, update("edgecontroller", "a/endpointslist/n", lists[i])));
    check_table(self, "");
    g_autofree char *got = rig_deliveries(self);
    check_contains(got, "cloud *<m1 error a/endpointslist/n metaManager \"Error to unmarshal: ");
    check_lacks(got, "edgemesh");
  }
}

TEST_CASE(Update, of_a_pod_list_stores_it_whole) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, update("edgecontroller", "a/podlist/n", LIST)));
  check_table(self, "a/podlist/n|podlist|" LIST);
  check_deliveries(self, "edgemesh m1< update a/podlist/n edgecontroller " LIST "\n"
                         "cloud *<m1 response a/podlist/n edgecontroller \"OK\"\n");
}
