#include "bench.h"
#include "raw.h"
#include "rig.h"

#define PODS 110
#define SERVICES 100
#define BATCH 256

struct lists {
  const struct bench *bench;
  rig *rig;
  raw *raw;
};

static double save_ours(void *data, guint round) {
  const struct lists *self = data;
  g_autoptr(GPtrArray) messages = load_service_lists(SERVICES, bench_count(self->bench, 100), round);
  gint64 start = g_get_monotonic_time();

  rig_chain(self->rig, messages, RIG_HUB);
  return bench_rate(messages->len, start);
}

static double save_raw(void *data, guint round) {
  const struct lists *self = data;
  g_autoptr(GPtrArray) messages = load_service_lists(SERVICES, bench_count(self->bench, 100), round);
  gint64 start = g_get_monotonic_time();

  raw_save_list(self->raw, messages, "service");
  return bench_rate(messages->len, start);
}

static double sync_ours(void *data, guint round) {
  const struct lists *self = data;
  g_autoptr(GPtrArray) messages =
      load_repeat("metaManager", "meta-internal-sync", "podstatus", bench_count(self->bench, 300));
  gint64 start = g_get_monotonic_time();

  (void)round;
  rig_chain(self->rig, messages, RIG_HUB);
  return bench_rate(messages->len, start);
}

static double sync_raw(void *data, guint round) {
  const struct lists *self = data;
  guint count = bench_count(self->bench, 300);
  gint64 start = g_get_monotonic_time();

  (void)round;
  raw_sync(self->raw, count);
  return bench_rate(count, start);
}

static void fill(const struct lists *self, const char *type) {
  g_autoptr(GPtrArray) messages = load_new(
      &(struct load){.source = "edgecontroller", .operation = "update", .type = type, .keys = PODS, .count = PODS});

  rig_flood(self->rig, messages, RIG_HUB, PODS);
  raw_update(self->raw, messages, BATCH);
}

void bench_lists(const struct bench *self) {
  static const struct bench_row rows[] = {
      {"status sync of 110 pods", "syncs/s", ">= 0.8", sync_ours, sync_raw},
      {"servicelist of 100", "lists/s", ">= 0.8", save_ours, save_raw},
  };
  g_autofree char *ours = bench_path(self, "lists-ours.db");
  g_autofree char *theirs = bench_path(self, "lists-raw.db");
  struct lists both = {
      .bench = self,
      .rig = rig_new(self, ours, NULL, NULL),
      .raw = raw_new(theirs, RAW_PLUGIN),
  };

  fill(&both, "pod");
  fill(&both, "podstatus");
  bench_rows(self, rows, G_N_ELEMENTS(rows), &both);
  rig_free(both.rig);
  raw_free(both.raw);
}
