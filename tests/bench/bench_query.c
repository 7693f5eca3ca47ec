#include "bench.h"
#include "raw.h"
#include "rig.h"

#define KEYS 1000
#define PODS 110
#define BATCH 256

struct queries {
  const struct bench *bench;
  rig *rig;
  raw *raw;
};

static double flood(const struct queries *self, GPtrArray *messages) {
  gint64 start = g_get_monotonic_time();

  rig_flood(self->rig, messages, RIG_EDGED, messages->len);
  return bench_rate(messages->len, start);
}

static GPtrArray *queries_new(const struct queries *self) {
  return load_new(&(struct load){.source = "edged",
                                 .operation = "query",
                                 .type = "configmap",
                                 .keys = KEYS,
                                 .count = bench_count(self->bench, 40 * KEYS),
                                 .empty = TRUE});
}

static GPtrArray *statuses_new(const struct queries *self) {
  return load_new(&(struct load){.source = "edged",
                                 .operation = "update",
                                 .type = "podstatus",
                                 .keys = PODS,
                                 .count = bench_count(self->bench, 40 * KEYS)});
}

static double query_ours(void *data, guint round) {
  const struct queries *self = data;
  g_autoptr(GPtrArray) messages = queries_new(self);

  (void)round;
  return flood(self, messages);
}

static double query_raw(void *data, guint round) {
  const struct queries *self = data;
  g_autoptr(GPtrArray) messages = queries_new(self);
  gint64 start = g_get_monotonic_time();

  (void)round;
  raw_query(self->raw, messages);
  return bench_rate(messages->len, start);
}

/* The values that each message brings are made again and again from the same round, so they are all alike. */
static GPtrArray *unchanged_new(const struct queries *self) {
  g_autoptr(GPtrArray) messages = statuses_new(self);
  GPtrArray *unchanged = g_ptr_array_new_full(messages->len, (GDestroyNotify)(void (*)(void))message_unref);

  for (guint i = 0; i < messages->len; i++)
    g_ptr_array_add(unchanged, message_ref(g_ptr_array_index(messages, i % PODS)));
  return unchanged;
}

static double unchanged_ours(void *data, guint round) {
  const struct queries *self = data;
  g_autoptr(GPtrArray) messages = unchanged_new(self);

  (void)round;
  return flood(self, messages);
}

static double unchanged_raw(void *data, guint round) {
  const struct queries *self = data;
  g_autoptr(GPtrArray) messages = unchanged_new(self);
  gint64 start = g_get_monotonic_time();

  (void)round;
  raw_compare(self->raw, messages);
  return bench_rate(messages->len, start);
}

static double list_ours(const struct queries *self, const char *resource, guint count) {
  g_autoptr(GPtrArray) messages = load_repeat("edged", "query", resource, bench_count(self->bench, count));

  return flood(self, messages);
}

static double list_raw(const struct queries *self, const char *type, guint count) {
  gint64 start = g_get_monotonic_time();

  count = bench_count(self->bench, count);
  raw_list(self->raw, type, count);
  return bench_rate(count, start);
}

static double list_110_ours(void *data, guint round) {
  (void)round;
  return list_ours(data, "default/pod", 1000);
}

static double list_110_raw(void *data, guint round) {
  (void)round;
  return list_raw(data, "pod", 1000);
}

static double list_1000_ours(void *data, guint round) {
  (void)round;
  return list_ours(data, "default/configmap", 100);
}

static double list_1000_raw(void *data, guint round) {
  (void)round;
  return list_raw(data, "configmap", 100);
}

static void fill(const struct queries *self, const char *type, guint count) {
  g_autoptr(GPtrArray) messages = load_new(
      &(struct load){.source = "edgecontroller", .operation = "update", .type = type, .keys = count, .count = count});

  rig_flood(self->rig, messages, RIG_HUB, count);
  raw_update(self->raw, messages, BATCH);
}

void bench_queries(const struct bench *self) {
  static const struct bench_row rows[] = {
      {"query by key", "queries/s", ">= 0.5", query_ours, query_raw},
      {"unchanged podstatus", "messages/s", ">= query by key", unchanged_ours, unchanged_raw},
      {"list by type, 110 rows", "lists/s", ">= 0.8", list_110_ours, list_110_raw},
      {"list by type, 1,000 rows", "lists/s", ">= 0.8", list_1000_ours, list_1000_raw},
  };
  g_autofree char *ours = bench_path(self, "queries-ours.db");
  g_autofree char *theirs = bench_path(self, "queries-raw.db");
  struct queries both = {
      .bench = self,
      .rig = rig_new(self, ours, NULL, NULL),
      .raw = raw_new(theirs, RAW_PLUGIN),
  };

  fill(&both, "configmap", KEYS);
  fill(&both, "pod", PODS);
  fill(&both, "podstatus", PODS);
  bench_rows(self, rows, G_N_ELEMENTS(rows), &both);
  rig_free(both.rig);
  raw_free(both.raw);
}
