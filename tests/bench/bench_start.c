#include "bench.h"
#include "load.h"
#include "rig.h"

/* What a start works on: the fixture as upstream left it, or as the first start left it. */
struct start {
  const struct bench *bench;
  gboolean is_grown;
};

static void copy_fixture(const struct bench *bench, const char *path) {
  g_autofree char *bytes = NULL;
  gsize size;
  g_autoptr(GError) error = NULL;

  if (!g_file_get_contents(bench->fixture, &bytes, &size, &error) ||
      !g_file_set_contents(path, bytes, (gssize)size, &error))
    bench_fail("%s", error->message);
}

/* From before dlopen until a message that waited for the module is answered. */
static double start_ours(void *data, guint round) {
  const struct start *self = data;
  g_autofree char *path = bench_path(self->bench, "start.db");
  g_autoptr(GPtrArray) queries = load_repeat("edged", "query", "default/pod/none", 1);

  (void)round;
  copy_fixture(self->bench, path);
  if (self->is_grown)
    rig_free(rig_new(self->bench, path, NULL, NULL));
  gint64 start = g_get_monotonic_time();
  rig *started = rig_new(self->bench, path, NULL, NULL);
  rig_flood(started, queries, RIG_EDGED, 1);
  double time = (double)(g_get_monotonic_time() - start) / 1000;
  rig_free(started);
  return time;
}

void bench_start(const struct bench *self) {
  static const struct bench_row first = {"start, 458 rows that upstream wrote", "ms", "<= 15", start_ours, NULL};
  static const struct bench_row later = {"start, 458 rows", "ms", "<= 15", start_ours, NULL};

  bench_row(self, &first, &(struct start){.bench = self});
  bench_row(self, &later, &(struct start){.bench = self, .is_grown = TRUE});
}
