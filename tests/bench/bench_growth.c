#include "bench.h"
#include "raw.h"
#include "rig.h"

#define PODS 110
#define BATCH 256
#define COUNT 10000

/* Both sides with tables of some size. */
struct growth {
  const struct bench *bench;
  guint rows;
  rig *rig;
  raw *raw;
};

static GPtrArray *messages_new(const struct growth *self, const char *operation, guint round) {
  return load_new(&(struct load){.source = "edgecontroller",
                                 .operation = operation,
                                 .type = "configmap",
                                 .keys = self->rows,
                                 .count = bench_count(self->bench, COUNT),
                                 .round = round,
                                 .empty = operation[0] == 'q'});
}

static double query_ours(void *data, guint round) {
  const struct growth *self = data;
  g_autoptr(GPtrArray) messages = messages_new(self, "query", round);
  gint64 start = g_get_monotonic_time();

  rig_flood(self->rig, messages, RIG_EDGED, messages->len);
  return bench_rate(messages->len, start);
}

static double query_raw(void *data, guint round) {
  const struct growth *self = data;
  g_autoptr(GPtrArray) messages = messages_new(self, "query", round);
  gint64 start = g_get_monotonic_time();

  raw_query(self->raw, messages);
  return bench_rate(messages->len, start);
}

static double update_ours(void *data, guint round) {
  const struct growth *self = data;
  g_autoptr(GPtrArray) messages = messages_new(self, "update", round);
  gint64 start = g_get_monotonic_time();

  rig_flood(self->rig, messages, RIG_HUB, messages->len);
  return bench_rate(messages->len, start);
}

static double update_raw(void *data, guint round) {
  const struct growth *self = data;
  g_autoptr(GPtrArray) messages = messages_new(self, "update", round);
  gint64 start = g_get_monotonic_time();

  raw_update(self->raw, messages, BATCH);
  return bench_rate(messages->len, start);
}

static double list_ours(void *data, guint round) {
  const struct growth *self = data;
  g_autoptr(GPtrArray) messages = load_repeat("edged", "query", "default/pod", bench_count(self->bench, 500));
  gint64 start = g_get_monotonic_time();

  (void)round;
  rig_flood(self->rig, messages, RIG_EDGED, messages->len);
  return bench_rate(messages->len, start);
}

static double list_raw(void *data, guint round) {
  const struct growth *self = data;
  guint count = bench_count(self->bench, 500);
  gint64 start = g_get_monotonic_time();

  (void)round;
  raw_list(self->raw, "pod", count);
  return bench_rate(count, start);
}

static void fill(const struct growth *self, const char *type, guint count) {
  g_autoptr(GPtrArray) messages = load_new(
      &(struct load){.source = "edgecontroller", .operation = "update", .type = type, .keys = count, .count = count});

  rig_flood(self->rig, messages, RIG_HUB, count);
  raw_update(self->raw, messages, BATCH);
}

void bench_growth(const struct bench *self) {
  static const struct {
    guint rows;
    struct bench_row measured[3];
  } sizes[] = {
      {1000,
       {{"query by key, 1,000 rows", "queries/s", "", query_ours, query_raw},
        {"durable update, 1,000 rows", "messages/s", "", update_ours, update_raw},
        {"list of 110, 1,000 rows", "lists/s", "", list_ours, list_raw}}},
      {10000,
       {{"query by key, 10,000 rows", "queries/s", "", query_ours, query_raw},
        {"durable update, 10,000 rows", "messages/s", "", update_ours, update_raw},
        {"list of 110, 10,000 rows", "lists/s", "", list_ours, list_raw}}},
      {100000,
       {{"query by key, 100,000 rows", "queries/s", "at most 2.5 x slower", query_ours, query_raw},
        {"durable update, 100,000 rows", "messages/s", "at most 2.5 x slower", update_ours, update_raw},
        {"list of 110, 100,000 rows", "lists/s", "", list_ours, list_raw}}},
  };

  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *ours = bench_path(self, "growth-ours.db");
    g_autofree char *theirs = bench_path(self, "growth-raw.db");
    struct growth both = {
        .bench = self,
        .rows = bench_count(self, sizes[i].rows),
        .rig = rig_new(self, ours, NULL, NULL),
        .raw = raw_new(theirs, RAW_PLUGIN),
    };
    fill(&both, "pod", PODS);
    fill(&both, "configmap", both.rows);
    bench_rows(self, sizes[i].measured, G_N_ELEMENTS(sizes[i].measured), &both);
    rig_free(both.rig);
    raw_free(both.raw);
  }
}
