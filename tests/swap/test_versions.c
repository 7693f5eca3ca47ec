/* Swaps that must work: from version to version, up and down, and what is left of the ones before. */
#include "rig.h"
#include "test.h"

static const struct rig_message connected = {"c", "edgecontroller", "publish", "node/connection",
                                             "\"cloud_connected\""};
static const struct rig_message query_pod = {"q1", "edged", "query", "default/pod/web", NULL};
static const struct rig_message query_secret = {"q2", "edged", "query", "default/secret/s", NULL};

static char *ask(rig *self, const struct rig_message *message) {
  return rig_call_end(rig_call_begin(self, message));
}

TEST_CASE(SwapVersions, the_report_says_what_was_done) {
  g_autoptr(rig) self = rig_new(4, 0, 0);
  const struct rig_message insert = {NULL, "edgecontroller", "insert", "default/pod/web", "\"" SECRET "\""};
  rig_shut(self);
  rig_send(self, &insert);
  rig_wait_refused(self, 3);
  struct host_swap_report report;
  g_autoptr(GError) error = NULL;
  check_true(host_swap(rig_host(self), VARIANT("next"), NULL, &report, &error));
  check_no_error(error);
  check_str_eq(report.from_version, "1.0.0");
  check_str_eq(report.to_version, "1.1.0-next");
  check_int_eq(report.messages_waiting, 0);
  check_int_eq(report.state_messages, 2);
  check_int_ge(report.state_bytes, 8);
  check_int_ge(report.pause_us, 1);
  check_int_eq(report.unload_left, 0);
  host_swap_report_clear(&report);
  rig_open(self);
}

TEST_CASE(SwapVersions, a_grown_table_is_read_by_the_old_version) {
  g_autoptr(rig) self = rig_new(0, 0, 0);
  const struct rig_message old = {"m1", "edgecontroller", "insert", "default/pod/old", "1"};
  const struct rig_message grown = {"m2", "edgecontroller", "insert", "default/pod/grown", "2"};
  const struct rig_message back = {"m3", "edgecontroller", "update", "default/pod/grown", "3"};
  const struct rig_message query = {"q", "edged", "query", "default/pod", NULL};
  rig_send(self, &old);
  rig_swap(self, VARIANT("grown"), "1.1.0-grown");
  rig_send(self, &grown);
  g_autofree char *by_grown = ask(self, &query);
  check_str_eq(by_grown, "[\"1\",\"2\"]");
  g_autofree char *version = database_value(rig_database(self), "PRAGMA user_version");
  check_str_eq(version, "6");
  g_autofree char *note = database_value(rig_database(self), "SELECT note FROM meta WHERE key = 'default/pod/grown'");
  check_str_eq(note, "n");

  rig_swap(self, CURRENT, "1.0.0");
  rig_send(self, &back);
  g_autofree char *by_old = ask(self, &query);
  check_str_eq(by_old, "[\"1\",\"3\"]");
  rig_swap(self, VARIANT("grown"), "1.1.0-grown");
  g_autofree char *again = ask(self, &query);
  check_str_eq(again, "[\"1\",\"3\"]");
  g_autofree char *still = database_value(rig_database(self), "PRAGMA user_version");
  check_str_eq(still, "6");
}

/* The first version of the contract: loaded, run, and swapped both ways. */
TEST_CASE(SwapVersions, from_abi_1_0_and_back) {
  g_autoptr(rig) self = rig_new_empty(0, 0, 0);
  rig_swap(self, VERSION_1_0, "1.0.0-frozen");
  g_autofree char *first = ask(self, &query_pod);
  check_str_eq(first, "\"v1.0\"");

  /* What it could not answer yet is handed over, and answered by the other one. */
  rig_shut(self);
  rig_send(self, &query_pod);
  rig_wait_refused(self, 1);
  rig_swap(self, CURRENT, PROJECT_VERSION);
  rig_open(self);
  rig_settle(self);
  g_autofree char *answered = rig_deliveries(self);
  check_str_eq(answered, "edged: response of default/pod/web from metaManager, id *, parent q1: []\n");
  rig_check_works(self, PROJECT_VERSION);
  rig_send(self, &connected);
  rig_settle(self);

  rig_swap(self, VERSION_1_0, "1.0.0-frozen");
  g_autofree char *second = ask(self, &query_pod);
  check_str_eq(second, "\"v1.0\"");
  rig_swap(self, CURRENT, PROJECT_VERSION);
  /* Still connected: the cloud is asked. */
  g_autofree char *secret = ask(self, &query_secret);
  check_str_eq(secret, RIG_ANSWER("default/secret/s"));
}

static void check_left(const char *file, const char *version, const char *what) {
  g_autoptr(rig) self = rig_new_empty(0, 0, 0);
  rig_swap(self, file, version);
  rig_check_works(self, version);
  for (guint i = 1; i <= 2; i++) {
    struct host_swap_report report;
    g_autoptr(GError) error = NULL;
    check_true(host_swap(rig_host(self), VARIANT("next"), NULL, &report, &error));
    check_no_error(error);
    check_int_eq(report.unload_left, i);
    host_swap_report_clear(&report);
    rig_check_works(self, "1.1.0-next");
    g_autofree char *line = g_strdup_printf("version %s stays mapped: it left %s", version, what);
    check_true(rig_has_logged(self, line));
    if (i < 2)
      rig_swap(self, file, version);
  }
}

TEST_CASE(SwapVersions, one_that_leaves_a_source_stays_mapped) {
  check_left(VARIANT("leaves-source"), "1.1.0-leaves-source", "1 sources attached and 0 database files open");
}

TEST_CASE(SwapVersions, one_that_leaves_a_database_open_stays_mapped) {
  check_left(VARIANT("leaves-file"), "1.1.0-leaves-file", "0 sources attached and ");
}

TEST_CASE(SwapVersions, a_changed_configuration_needs_no_other_file) {
  g_autoptr(rig) self = rig_new(0, 0, 0);
  g_autoptr(config) edgesite = config_new();
  config_set(edgesite, "database.source", rig_database(self), "test");
  config_set(edgesite, "metamanager.edgesite", "true", "test");
  g_autoptr(GError) error = NULL;
  check_true(host_swap(rig_host(self), CURRENT, edgesite, NULL, &error));
  check_no_error(error);
  g_autofree char *secret = ask(self, &query_secret);
  check_str_eq(secret, RIG_ANSWER("default/secret/s"));
}

/* What is handed over belongs to the database. */
TEST_CASE(SwapVersions, another_database_needs_another_host) {
  g_autoptr(rig) self = rig_new(0, 0, 0);
  g_autoptr(config) moved = config_new();
  config_set(moved, "database.source", "other.db", "edge.yaml:3");
  g_autoptr(GError) error = NULL;
  check_false(host_swap(rig_host(self), CURRENT, moved, NULL, &error));
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "edge.yaml:3: database.source: a swap goes on with the database");
  check_contains(error == NULL ? "" : error->message, "; version 1.0.0 goes on");
  check_false(g_file_test("other.db", G_FILE_TEST_EXISTS));
  rig_check_works(self, "1.0.0");
}

/* However often it is swapped. */
TEST_CASE(SwapVersions, the_next_sync_stays_due) {
  g_autoptr(rig) self = rig_new(0, 0, 0);
  const struct rig_message pod = {"m1", "edgecontroller", "insert", "default/pod/web", "{}"};
  const struct rig_message status = {"m2", "edged", "update", "default/podstatus/web", "{\"up\":1}"};
  const struct rig_message other = {"m3", "edged", "response", "default/pod/web", "{}"};
  rig_send(self, &pod);
  rig_send(self, &status);
  for (guint i = 0; i < 2; i++) {
    rig_settle(self);
    rig_forget(self);
    rig_advance(25);
    rig_swap(self, i == 0 ? VARIANT("next") : CURRENT, "1.");
  }
  rig_advance(25);
  rig_send(self, &other);
  rig_settle(self);
  g_autofree char *deliveries = rig_deliveries(self);
  check_str_eq(deliveries, "websocket: response of default/pod/web from edged, id m3, parent : {}\n"
                           "websocket: update of default/podstatus from metaManager, id *, parent : [{\"up\":1}]\n");
}
