/* Swaps that must fail: the old version goes on, with all that was queued, and the error says what happened. */
#include "deployment.h"
#include "no_threads.h"
#include "rig.h"
#include "test.h"

#include <glib/gstdio.h>

/* Something of everything. */
static const struct rig_message mixed[] = {
    {"m1", "edgecontroller", "insert", "default/pod/web", "{\"metadata\":{\"name\":\"web\"},\"data\":\"" SECRET "\"}"},
    {"m2", "edged", "update", "default/podstatus/web", "{\"up\":\"" SECRET "\"}"},
    {"m3", "edged", "query", "default/secret/s", NULL},
    {"m4", "edged", "query", "default/secret/s", NULL},
    {"m5", "edgecontroller", "update", "default/servicelist/all",
     "[{\"metadata\":{\"name\":\"a\"},\"data\":\"" SECRET "\"}]"},
    {"m6", "csi", "createvolume", "default/volume/v", "\"" SECRET "\""},
    {"m7", "edgecontroller", "action", "default/function/f", "\"" SECRET "\""},
    {"m8", "edged", "query", "default/pod", NULL},
    {"m9", "edgecontroller", "delete", "default/pod/web", NULL},
};

static void connect_cloud(rig *self) {
  const struct rig_message connected = {"c", "edgecontroller", "publish", "node/connection", "\"cloud_connected\""};
  rig_send(self, &connected);
  rig_settle(self);
  rig_forget(self);
}

static void send_mixed(rig *self) {
  for (guint i = 0; i < G_N_ELEMENTS(mixed); i++)
    rig_send(self, &mixed[i]);
}

static char *mixed_want;

/* What becomes of `mixed` when all modules are full meanwhile, and nothing else happens; found out before the first test. */
static void find_want(void) {
  if (mixed_want != NULL)
    return;
  g_autoptr(rig) self = rig_new(0, 0, 0);
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  rig_open(self);
  rig_settle(self);
  mixed_want = rig_deliveries(self);
}

static void check_mixed(rig *self) {
  rig_settle(self);
  g_autofree char *got = rig_deliveries(self);
  check_str_eq(got, mixed_want);
  g_autofree char *table = rig_table(self);
  check_contains(table, "default/secret/s secret " RIG_ANSWER("default/secret/s"));
  check_contains(table, "/service/a service {\"metadata\":{\"name\":\"a\"},\"data\":\"" SECRET "\"}");
  check_lacks(table, "default/pod/web pod");
}

struct failure {
  const char *name;
  const char *file;
  const char *said[4];
};

static const struct failure failures[] = {
    {"refuses_to_register",
     VARIANT("refuses-register"),
     {"version 1.1.0-refuses-register: register: this version wants more memory than the node has"}},
    {"start_fails", VARIANT("start-fails"), {"version 1.1.0-start-fails: start: a file of this version is missing"}},
    {"cannot_read_the_state",
     VARIANT("state-2"),
     {"right ABI, but it cannot take this state", "version 1.0.0 writes format 1",
      "version 1.1.0-state-2 reads 2 to 2"}},
    {"cannot_take_deliveries", VERSION_1_0, {"version 1.0.0-frozen: start: v1.0 cannot take the state"}},
    {"another_abi_major", VARIANT("abi-major"), {"wrong ABI major: it has 2, the host has 1"}},
    {"a_newer_abi_minor", VARIANT("abi-minor"), {"its ABI 1.2 is newer than the host's 1.1"}},
    {"the_table_cannot_grow", VARIANT("grown-badly"), {"table meta, step 6: no such table: no_such_table"}},
    {"start_fails_with_a_grown_table",
     VARIANT("grown-start-fails"),
     {"version 1.1.0-grown-start-fails: start: a file of this version is missing"}},
    {"no_such_file", TESTS_BUILD_DIR "/no-such-file.so", {"no-such-file.so", "No such file"}},
    {"not_an_object", TESTS_SOURCE_DIR "/swap/rig.c", {"rig.c", "not a shared object"}},
};

static void failure_run(const void *data) {
  const struct failure *failure = data;
  find_want();
  g_autoptr(rig) self = rig_new(0, 0, 0);
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *why = rig_swap_fails(self, failure->file);
    for (guint j = 0; j < G_N_ELEMENTS(failure->said) && failure->said[j] != NULL; j++)
      check_contains(why, failure->said[j]);
    check_contains(why, "; version 1.0.0 goes on");
  }
  rig_open(self);
  check_mixed(self);
  rig_check_works(self, "1.0.0");
  rig_swap(self, VARIANT("grown"), "1.1.0-grown");
  rig_check_works(self, "1.1.0-grown");
}

TEST_GENERATOR(failures) {
  for (guint i = 0; i < G_N_ELEMENTS(failures); i++)
    test_add("SwapFails", failures[i].name, __FILE__, __LINE__, failure_run, &failures[i]);
}

TEST_CASE(SwapFails, stop_does_not_return_in_time) {
  find_want();
  g_autoptr(rig) self = rig_new_empty(0, 500, 2500);
  rig_swap(self, VARIANT("stop-hangs"), "1.1.0-stop-hangs");
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  g_autofree char *why = rig_swap_fails(self, VARIANT("next"));
  check_contains(why, "version 1.1.0-stop-hangs: stop: it has not returned within 500 ms");
  check_contains(why, "; version 1.1.0-stop-hangs keeps the name, and goes on when it returns");

  g_autofree char *again = rig_swap_fails(self, VARIANT("next"));
  check_contains(again, "version 1.1.0-stop-hangs has not returned from stop yet");
  rig_wait_log(self, "the module is stuck: version 1.1.0-stop-hangs has not returned from stop within 2500 ms");

  rig_open(self);
  rig_open_gate(self);
  rig_wait_log(self, "version 1.1.0-stop-hangs has come back from its late stop and goes on");
  check_mixed(self);
  rig_check_works(self, "1.1.0-stop-hangs");
  rig_swap(self, CURRENT, "1.0.0");
  rig_check_works(self, "1.0.0");
}

/* ... and the host has no thread to wait for it with: the next swap tries again. */
TEST_CASE(SwapFails, stop_does_not_return_in_time_and_nothing_waits_for_it) {
  find_want();
  g_autoptr(rig) self = rig_new_empty(0, 100, 60000);
  rig_swap(self, VARIANT("stop-hangs"), "1.1.0-stop-hangs");
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  no_threads_after(1); /* for the next version */
  g_autofree char *why = rig_swap_fails(self, VARIANT("next"));
  no_threads_end();
  check_contains(why, "version 1.1.0-stop-hangs: stop: it has not returned within 100 ms");
  rig_wait_log(self, "no thread waits for version 1.1.0-stop-hangs to return: ");

  rig_open(self);
  rig_open_gate(self);
  g_autofree char *again = rig_swap_fails(self, VARIANT("next"));
  check_contains(again, "version 1.1.0-stop-hangs has not returned from stop yet");
  rig_wait_log(self, "version 1.1.0-stop-hangs has come back from its late stop and goes on");
  check_mixed(self);
  rig_check_works(self, "1.1.0-stop-hangs");
}

/* The host ends without the thread that hangs. What that needs is kept, should it come back; so are these. */
static rig *left_behind[2];

static void check_left_behind(rig *self) {
  host *stuck = rig_host(self);
  check_true(host_is_down(stuck));
  check_false(host_settle(stuck, -1));
  host_stop(stuck);
  host_free(stuck);
  rig_open(self);
  rig_open_gate(self);
  rig_wait_left_gate(self);
  g_autofree char *deliveries = rig_deliveries(self);
  check_str_eq(deliveries, "");
}

TEST_CASE(SwapFails, stop_never_returns) {
  rig *self = left_behind[0] = rig_new_empty(0, 100, 2000);
  rig_swap(self, VARIANT("stop-hangs"), "1.1.0-stop-hangs");
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  g_autofree char *why = rig_swap_fails(self, VARIANT("next"));
  check_contains(why, "it has not returned within 100 ms");
  rig_wait_log(self, "the module is stuck");
  g_autofree char *version = host_active_version(rig_host(self));
  check_str_eq(version, "1.1.0-stop-hangs");
  check_left_behind(self);
}

TEST_CASE(SwapFails, start_never_returns) {
  rig *self = left_behind[1] = rig_new(0, 0, 1000);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  g_autofree char *why = rig_swap_fails(self, VARIANT("start-hangs"));
  check_contains(why, "it has not returned within 1000 ms");
  check_left_behind(self);
}

TEST_CASE(SwapFails, start_does_not_return_in_time) {
  find_want();
  g_autoptr(rig) self = rig_new(0, 0, 1500);
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  g_autofree char *why = rig_swap_fails(self, VARIANT("start-hangs"));
  check_contains(why, "version 1.1.0-start-hangs: start: it has not returned within 1500 ms");
  check_contains(why, "; the module is down until version 1.1.0-start-hangs returns from start");
  check_true(host_is_down(rig_host(self)));
  g_autofree char *again = rig_swap_fails(self, VARIANT("next"));
  check_contains(again, "version 1.1.0-start-hangs has not returned from start yet");

  rig_open(self);
  rig_open_gate(self);
  rig_wait_log(self, "version 1.1.0-start-hangs has come back from its late start and is taken back");
  check_mixed(self);
  rig_check_works(self, "1.0.0");
}

/* A handed-over state that is wrong is refused by the next version, and then by its own. */
TEST_CASE(SwapFails, the_state_is_corrupt) {
  g_autoptr(rig) self = rig_new_empty(0, 0, 0);
  rig_swap(self, VARIANT("state-broken"), "1.1.0-state-broken");
  const struct rig_message insert = {"m0", "edgecontroller", "insert", "default/pod/web", "{}"};
  rig_shut(self);
  rig_send(self, &insert);
  rig_wait_refused(self, 3);
  g_autofree char *why = rig_swap_fails(self, VARIANT("next"));
  check_contains(why, "version 1.1.0-next: start: cannot take over the state (format 1, ");
  check_contains(why, "its checksum is wrong");
  check_contains(why, "; version 1.1.0-state-broken goes on");
  check_true(rig_has_logged(self, "version 1.1.0-state-broken does not take its own state back"));
  check_true(rig_has_logged(self, "it starts without, and 2 messages in there are lost"));
  rig_open(self);
  rig_check_works(self, "1.1.0-state-broken");
  connect_cloud(self);
  send_mixed(self);
  rig_settle(self);
  g_autofree char *table = rig_table(self);
  check_contains(table, "default/podstatus/web podstatus {\"up\":\"" SECRET "\"}");
}

/* A swap fails while the database is away, so that the old one cannot be started again either. Returns where the database is. */
static char *bring_down(rig *self) {
  struct rig_swap *swap = rig_swap_begin(self, VARIANT("start-hangs"));
  rig_wait_gate(self);
  char *away = g_strconcat(rig_database(self), ".away", NULL);
  check_int_eq(g_rename(rig_database(self), away), 0);
  check_int_eq(g_mkdir(rig_database(self), 0700), 0);
  rig_open_gate(self);
  g_autofree char *why = rig_swap_end(swap);
  check_contains(why, "version 1.1.0-start-hangs: start: ");
  check_contains(why, "; version 1.0.0 cannot be started again: the module is down");
  check_true(host_is_down(rig_host(self)));
  check_false(host_settle(rig_host(self), -1));
  check_true(rig_has_logged(self, "its queue is kept, a swap may bring it up"));
  return away;
}

static void bring_back(rig *self, const char *away) {
  check_int_eq(g_rmdir(rig_database(self)), 0);
  check_int_eq(g_rename(away, rig_database(self)), 0);
}

/* The queue and the state are kept, and a further swap takes them up. */
TEST_CASE(SwapFails, the_old_one_cannot_be_started_again) {
  find_want();
  g_autoptr(rig) self = rig_new(0, 0, 0);
  connect_cloud(self);
  rig_shut(self);
  send_mixed(self);
  rig_wait_refused(self, 3);
  g_autofree char *away = bring_down(self);
  const struct rig_message late = {"m10", "edgecontroller", "insert", "default/pod/late", "{}"};
  rig_send(self, &late);
  g_autofree char *again = rig_swap_fails(self, VARIANT("next"));
  check_contains(again, "is a directory");
  check_contains(again, "; version 1.0.0 cannot be started again: the module is down");

  bring_back(self, away);
  rig_open(self);
  rig_swap(self, VARIANT("next"), "1.1.0-next");
  rig_check_works(self, "1.1.0-next");
  rig_settle(self);
  g_autofree char *deliveries = rig_deliveries(self);
  check_contains(deliveries, "edged: insert of default/pod/late from edgecontroller, id m10");
  g_auto(GStrv) lines = g_strsplit(mixed_want, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    check_contains(deliveries, *line);
}

/* SIGHUP tries again, though neither file nor configuration has changed. */
TEST_CASE(SwapFails, a_reload_brings_it_up_again) {
  g_autoptr(rig) self = rig_new_empty(0, 0, 0);
  g_autoptr(deployment) deployed = deployment_new(rig_host(self), rig_configuration(self), NULL, rig_database(self));
  g_autoptr(GError) error = NULL;
  struct host_swap_report report = {0};
  gboolean is_changed;
  require_true(deployment_load(deployed, CURRENT, &error));
  check_true(deployment_reload(deployed, &is_changed, &report, &error));
  check_false(is_changed);
  g_autofree char *away = bring_down(self);
  bring_back(self, away);
  check_true(deployment_reload(deployed, &is_changed, &report, &error));
  check_no_error(error);
  check_true(is_changed);
  host_swap_report_clear(&report);
  rig_check_works(self, "1.0.0");
}
