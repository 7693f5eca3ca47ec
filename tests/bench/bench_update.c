#include "bench.h"
#include "raw.h"
#include "rig.h"
#include "slow_vfs.h"

#define KEYS 1000
/* The plugin's bound for a turn, which is what it takes of a full queue. */
#define BATCH 256
#define FLASH_SYNC_US 5000

struct updates {
  const struct bench *bench;
  rig *rig;
  raw *raw;
};

static GPtrArray *updates_new(const struct updates *self, guint count, guint round) {
  return load_new(&(struct load){.source = "edgecontroller",
                                 .operation = "update",
                                 .type = "configmap",
                                 .keys = KEYS,
                                 .count = bench_count(self->bench, count),
                                 .round = round});
}

static double flood(const struct updates *self, guint count, guint round) {
  g_autoptr(GPtrArray) messages = updates_new(self, count, round);
  gint64 start = g_get_monotonic_time();

  rig_flood(self->rig, messages, RIG_HUB, messages->len);
  return bench_rate(messages->len, start);
}

static double raw_batches(const struct updates *self, guint count, guint batch, guint round) {
  g_autoptr(GPtrArray) messages = updates_new(self, count, round);
  gint64 start = g_get_monotonic_time();

  raw_update(self->raw, messages, batch);
  return bench_rate(messages->len, start);
}

static double many_ours(void *data, guint round) {
  return flood(data, 20 * KEYS, round);
}

static double many_raw(void *data, guint round) {
  return raw_batches(data, 20 * KEYS, BATCH, round);
}

static double single_ours(void *data, guint round) {
  const struct updates *self = data;
  g_autoptr(GPtrArray) messages = updates_new(self, 1500, round);
  gint64 start = g_get_monotonic_time();

  rig_chain(self->rig, messages, RIG_HUB);
  return bench_rate(messages->len, start);
}

static double single_raw(void *data, guint round) {
  return raw_batches(data, 1500, 1, round);
}

static void open_both(struct updates *self, const struct bench *bench, enum raw_mode mode) {
  g_autofree char *ours = bench_path(bench, "updates-ours.db");
  g_autofree char *theirs = bench_path(bench, "updates-raw.db");

  *self = (struct updates){
      .bench = bench,
      .rig = rig_new(bench, ours, NULL, NULL),
      .raw = raw_new(theirs, mode),
  };
  g_autoptr(GPtrArray) messages = updates_new(self, KEYS, 0);
  rig_flood(self->rig, messages, RIG_HUB, messages->len);
  raw_update(self->raw, messages, BATCH);
  rig_settle(self->rig);
}

static void close_both(struct updates *self) {
  rig_free(self->rig);
  raw_free(self->raw);
}

void bench_updates(const struct bench *self) {
  static const struct bench_row rows[] = {
      {"durable update, queue full", "messages/s", ">= 0.8", many_ours, many_raw},
      {"durable update, one at a time", "messages/s", ">= 0.9", single_ours, single_raw},
  };
  struct updates both;

  open_both(&both, self, RAW_PLUGIN);
  bench_rows(self, rows, G_N_ELEMENTS(rows), &both);
  close_both(&both);
}

static double flash_ours(void *data, guint round) {
  return flood(data, 10 * KEYS, round);
}

static double flash_upstream(void *data, guint round) {
  const struct updates *self = data;
  g_autoptr(GPtrArray) messages = updates_new(self, 20, round);
  gint64 start = g_get_monotonic_time();

  raw_replace(self->raw, messages);
  return bench_rate(messages->len, start);
}

void bench_flash(const struct bench *self) {
  static const struct bench_row row = {"durable update, 5 ms syncs; raw: upstream's way", "messages/s", ">= 50",
                                       flash_ours, flash_upstream};
  struct updates both;

  slow_vfs_register();
  open_both(&both, self, RAW_UPSTREAM);
  slow_vfs_set_sync(FLASH_SYNC_US);
  bench_row(self, &row, &both);
  slow_vfs_set_sync(0);
  close_both(&both);
  slow_vfs_unregister();
}
