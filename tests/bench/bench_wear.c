#include "bench.h"
#include "raw.h"
#include "rig.h"
#include "slow_vfs.h"

#define KEYS 1000
#define PODS 110
#define SOME 300
#define STATUS_TIME (10 * G_USEC_PER_SEC)

/* The plugin's clock, so that ten seconds need not pass. */
static gint64 offset;

static gint64 clock_now(const struct edgecore_core *core) {
  (void)core;
  return g_get_monotonic_time() + offset;
}

static const void *extension(const char *name, void *data) {
  static const struct edgecore_clock clock = {.size = sizeof clock, .now = clock_now};

  (void)data;
  return g_str_equal(name, EDGECORE_EXTENSION_CLOCK) ? &clock : NULL;
}

static void print(const char *what, const struct slow_vfs_counts counts[2], guint messages) {
  g_autofree char *syncs = g_strdup_printf("wear, %s: syncs; raw: rollback journal", what);
  g_autofree char *bytes = g_strdup_printf("wear, %s: written; raw: rollback journal", what);

  bench_print(syncs, "/message", "", (double)counts[0].syncs / messages, (double)counts[1].syncs / messages);
  bench_print(bytes, "bytes/message", "", (double)counts[0].bytes / messages, (double)counts[1].bytes / messages);
}

static struct slow_vfs_counts since(struct slow_vfs_counts before) {
  struct slow_vfs_counts now = slow_vfs_counts();

  return (struct slow_vfs_counts){.syncs = now.syncs - before.syncs, .bytes = now.bytes - before.bytes};
}

struct wear {
  const struct bench *bench;
  rig *rig;
  raw *raw;
};

static void under_load(const struct wear *self) {
  g_autoptr(GPtrArray) messages = load_new(&(struct load){.source = "edgecontroller",
                                                          .operation = "update",
                                                          .type = "configmap",
                                                          .keys = KEYS,
                                                          .count = bench_count(self->bench, 20 * KEYS),
                                                          .round = 1});
  g_autoptr(GPtrArray) some = g_ptr_array_new();
  struct slow_vfs_counts counts[2];
  struct slow_vfs_counts before = slow_vfs_counts();

  rig_flood(self->rig, messages, RIG_HUB, messages->len);
  rig_settle(self->rig);
  counts[0] = since(before);

  /* Each of its messages costs the same, whatever the load. */
  for (guint i = 0; i < bench_count(self->bench, SOME); i++)
    g_ptr_array_add(some, g_ptr_array_index(messages, i));
  before = slow_vfs_counts();
  raw_replace(self->raw, some);
  counts[1] = since(before);
  counts[1].syncs = counts[1].syncs * messages->len / some->len;
  counts[1].bytes = counts[1].bytes * messages->len / some->len;
  print("under load", counts, messages->len);
}

static void now_and_then(const struct wear *self) {
  g_autoptr(GPtrArray) messages = load_new(&(struct load){.source = "edged",
                                                          .operation = "update",
                                                          .type = "podstatus",
                                                          .keys = PODS,
                                                          .count = bench_count(self->bench, 10 * PODS),
                                                          .round = 2});
  struct slow_vfs_counts counts[2];
  struct slow_vfs_counts before = slow_vfs_counts();

  for (guint i = 0; i < messages->len; i++) {
    offset += STATUS_TIME;
    rig_send_settle(self->rig, g_ptr_array_index(messages, i));
  }
  counts[0] = since(before);
  before = slow_vfs_counts();
  raw_replace(self->raw, messages);
  counts[1] = since(before);
  print("a status every 10 s", counts, messages->len);
}

static void fill(const struct wear *self, const char *source, const char *type, guint count) {
  g_autoptr(GPtrArray) messages =
      load_new(&(struct load){.source = source, .operation = "update", .type = type, .keys = count, .count = count});

  rig_flood(self->rig, messages, RIG_HUB, count);
  raw_update(self->raw, messages, count);
}

void bench_wear(const struct bench *self) {
  g_autofree char *ours = bench_path(self, "wear-ours.db");
  g_autofree char *theirs = bench_path(self, "wear-raw.db");

  slow_vfs_register();
  struct wear both = {
      .bench = self,
      .rig = rig_new(self, ours, NULL, extension),
      .raw = raw_new(theirs, RAW_UPSTREAM),
  };
  fill(&both, "edgecontroller", "configmap", KEYS);
  fill(&both, "edgecontroller", "pod", PODS);
  fill(&both, "edged", "podstatus", PODS);
  under_load(&both);
  now_and_then(&both);
  rig_free(both.rig);
  raw_free(both.raw);
  slow_vfs_unregister();
}
