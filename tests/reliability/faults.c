/* The proof that the plugin survives any call of the disk or of the core that fails: each one in turn, once and several times in a row. */
#include "fault_cuts.h"
#include "figures.h"
#include "test.h"
#include "trial.h"

static void arm_disk(struct trial *trial, guint first, guint count) {
  disk_fail(trial->rig.disk, (enum disk_fault)trial->fault->which, first, count);
}

static void disarm_disk(struct trial *trial) {
  trial->calls = disk_fault_calls(trial->rig.disk);
  trial->seen = disk_faults_seen(trial->rig.disk);
  disk_fail(trial->rig.disk, DISK_FAULT_NONE, 0, 0);
}

static const struct {
  const char *name;
  const char *call;
  int32_t code;
} core_faults[] = {
    {"message_new without memory", "message_new", EDGECORE_NO_MEMORY},
    {"send to a full queue", "send", EDGECORE_AGAIN},
    {"send without memory", "send", EDGECORE_NO_MEMORY},
    {"send_sync to a full queue", "send_sync", EDGECORE_AGAIN},
    {"send_sync without memory", "send_sync", EDGECORE_NO_MEMORY},
};

static void arm_core(struct trial *trial, guint first, guint count) {
  trial->rig.fault = (struct rig_fault){.call = core_faults[trial->fault->which].call,
                                        .code = core_faults[trial->fault->which].code,
                                        .first = first,
                                        .count = count};
}

static void disarm_core(struct trial *trial) {
  trial->calls = trial->rig.fault.calls;
  trial->seen = trial->rig.fault.seen;
  trial->rig.fault = (struct rig_fault){0};
}

/* How many cases there were. */
static guint64 try_all(const struct trial_fault *fault, const disk *base, guint turns, gboolean has_requests,
                       const char *proof) {
  guint64 tried = 0;
  guint64 violations = 0;

  trial_all(fault, base, turns, has_requests, &tried, &violations);
  figure_add(proof, tried, violations);
  check_int_eq(violations, 0);
  return tried;
}

static void fail_disk(const void *data) {
  const enum disk_fault *fault = data;
  const struct trial_fault what = {arm_disk, disarm_disk, (int)*fault, disk_fault_name(*fault)};
  g_autoptr(disk) base = trial_base();

  guint64 cases = try_all(&what, base, 12, FALSE, "disk calls that fail");
  cases += try_all(&what, NULL, 2, FALSE, "disk calls that fail");
  check_int_ge(cases, 1);
}

static void fail_core(const void *data) {
  const int *number = data;
  const struct trial_fault what = {arm_core, disarm_core, *number, core_faults[*number].name};
  g_autoptr(disk) base = trial_base();

  guint64 cases = try_all(&what, base, 12, FALSE, "host calls that fail");
  cases += try_all(&what, base, 16, TRUE, "host calls that fail");
  check_int_ge(cases, 1);
}

/* Nothing that a failed sync should have written ever gets to the disk, unless it is written again. */
TEST_CASE(DiskFaults, sync_and_then_a_power_cut) {
  static const guint counts[] = {1, 7};
  const struct trial_fault fault = {arm_disk, disarm_disk, DISK_FAULT_SYNC, "sync"};
  g_autoptr(disk) base = trial_base();
  g_autofree char *before = rig_read(base, FALSE);
  guint64 disks = 0;
  guint64 violations = 0;

  for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
    for (guint first = 1, seen = 1; seen > 0; first++) {
      struct trial trial;
      trial_run(&trial, &fault, base, first, counts[i], 8, FALSE);
      seen = trial.seen;
      check_str_eq(trial.wrong->str, "");
      fault_cuts(&trial, before, &disks, &violations);
      trial_clear(&trial);
    }
  figure_add("power cut after a failed sync: disks", disks, violations);
  check_int_eq(violations, 0);
  check_int_ge(disks, 1000);
}

/* One update, from edged; "OK" or what the error says, owned by the caller. */
static char *update(struct rig *rig, const char *value) {
  fake_core_push(rig->core, fake_message(.source = "edged", .operation = "update", .resource = "default/podstatus/p",
                                         .raw = value));
  module_run_inbox(rig->module);
  g_autoptr(GPtrArray) answers = fake_core_take(rig->core, "edged");
  return answers->len == 1 ? fake_content(fake_sent_at(answers, 0)->message) : g_strdup("(none)");
}

/* The commit was written, only its sync failed: killed now and started again, the plugin must not find it in the WAL. */
TEST_CASE(DiskFaults, what_was_answered_with_an_error_does_not_come_back) {
  g_autoptr(disk) base = trial_base();
  struct rig rig;

  rig_init(&rig, base);
  require_true(rig_start(&rig, NULL));
  g_autofree char *first = update(&rig, "{\"was\":\"stored\"}");
  check_str_eq(first, "\"OK\"");
  g_autofree char *before = rig_read(base, FALSE);
  disk_fail(base, DISK_FAULT_SYNC, 1, 1);
  g_autofree char *second = update(&rig, "{\"was\":\"refused\"}");
  check_contains(second, "Error to update meta to DB");
  {
    g_autoptr(disk) killed = disk_copy(base);
    g_autofree char *after = rig_read(killed, TRUE);
    check_str_eq(after, before);
    disk_use(base);
  }
  g_autofree char *third = update(&rig, "{\"was\":\"stored again\"}");
  check_str_eq(third, "\"OK\"");
  rig_clear(&rig);
}

TEST_GENERATOR(faults) {
  static int numbers[MAX(DISK_FAULT_COUNT, G_N_ELEMENTS(core_faults))];

  for (int i = 0; i < (int)G_N_ELEMENTS(numbers); i++)
    numbers[i] = i;
  for (int fault = DISK_FAULT_NONE + 1; fault < DISK_FAULT_COUNT; fault++)
    test_add("DiskFaults", disk_fault_name((enum disk_fault)fault), __FILE__, __LINE__, fail_disk, &numbers[fault]);
  for (guint i = 0; i < G_N_ELEMENTS(core_faults); i++)
    test_add("HostFaults", core_faults[i].name, __FILE__, __LINE__, fail_core, &numbers[i]);
}
