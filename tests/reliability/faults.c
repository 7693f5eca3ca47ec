/* The proof that the plugin survives any call of the disk or of the core that fails: each one in turn, once and several times in a row. */
#include "figures.h"
#include "test.h"
#include "trial.h"

#include <stdio.h>

static void arm_disk(struct trial *trial, guint first, guint count) {
  disk_fail(trial->rig.disk, (enum disk_fault)trial->fault->which, first, count);
}

static void disarm_disk(struct trial *trial) {
  trial->calls = disk_fault_calls(trial->rig.disk);
  trial->seen = disk_faults_seen(trial->rig.disk);
  disk_fail(trial->rig.disk, DISK_FAULT_NONE, 0, 0);
}

static const struct {
  const char *call;
  int32_t code;
} core_faults[] = {
    {"message_new", EDGECORE_NO_MEMORY}, {"send", EDGECORE_AGAIN},          {"send", EDGECORE_NO_MEMORY},
    {"send_sync", EDGECORE_AGAIN},       {"send_sync", EDGECORE_NO_MEMORY},
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

TEST_CASE(Faults, the_disk) {
  g_autoptr(disk) base = trial_base();
  guint64 cases = 0;
  guint64 violations = 0;

  for (enum disk_fault fault = DISK_FAULT_READ; fault < DISK_FAULT_COUNT; fault++) {
    const struct trial_fault what = {arm_disk, disarm_disk, (int)fault, disk_fault_name(fault)};
    guint64 before = cases;
    trial_all(&what, base, 12, FALSE, 1, &cases, &violations);
    trial_all(&what, NULL, 2, FALSE, 1, &cases, &violations);
    printf("%s: %" G_GUINT64_FORMAT " cases\n", what.name, cases - before);
  }
  figure_add("disk calls that fail", cases, violations);
  check_int_eq(violations, 0);
  check_int_ge(cases, 500);
}

TEST_CASE(Faults, the_core) {
  g_autoptr(disk) base = trial_base();
  guint64 cases = 0;
  guint64 violations = 0;

  for (guint i = 0; i < G_N_ELEMENTS(core_faults); i++) {
    const struct trial_fault what = {arm_core, disarm_core, (int)i, core_faults[i].call};
    trial_all(&what, base, 12, FALSE, 1, &cases, &violations);
    trial_all(&what, base, 8, TRUE, 1, &cases, &violations);
  }
  figure_add("host calls that fail", cases, violations);
  check_int_eq(violations, 0);
  check_int_ge(cases, 100);
}
