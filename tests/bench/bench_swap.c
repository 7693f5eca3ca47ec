#include "bench.h"
#include "load.h"
#include "rig.h"

#include <stdatomic.h>

#define SWAPS 200
#define KEYS 1000

/* Keeps the queue full until told to stop. */
struct sender {
  rig *rig;
  GPtrArray *messages;
  atomic_bool stop;
  guint sent;
};

static gpointer keep_full(gpointer data) {
  struct sender *self = data;
  struct edgecore_error error = {.size = sizeof error};

  while (!atomic_load(&self->stop)) {
    struct edgecore_message *message = g_ptr_array_index(self->messages, self->sent++ % self->messages->len);
    if (host_send(rig_host(self->rig), "metaManager", message, TRUE, &error) != EDGECORE_OK)
      bench_fail("%s", error.text);
  }
  return NULL;
}

/* Swaps as often as asked, and prints the pauses. */
static void measure(const struct bench *bench, rig *swapped, const char *median, const char *p99, const char *reach) {
  guint count = bench_count(bench, SWAPS);
  g_autofree double *pauses = g_new(double, count);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < count; i++) {
    struct host_swap_report report;
    if (!host_swap(rig_host(swapped), bench->plugin, NULL, &report, &error))
      bench_fail("%s", error->message);
    pauses[i] = (double)report.pause_us / 1000;
    host_swap_report_clear(&report);
  }
  bench_print(median, "ms", "", bench_quantile(pauses, count, 0.5), 0);
  bench_print(p99, "ms", reach, bench_quantile(pauses, count, 0.99), 0);
}

void bench_swaps(const struct bench *self) {
  g_autofree char *path = bench_path(self, "swaps.db");
  g_autoptr(GPtrArray) messages = load_new(&(struct load){
      .source = "edgecontroller", .operation = "update", .type = "configmap", .keys = KEYS, .count = 20 * KEYS});
  g_autoptr(rig) swapped = rig_new(self, path, NULL, NULL);
  struct sender sender = {.rig = swapped, .messages = messages};

  measure(self, swapped, "swap pause at rest, median", "swap pause at rest, 99 of 100", "<= 8");
  GThread *thread = g_thread_new("sender", keep_full, &sender);
  measure(self, swapped, "swap pause under full load, median", "swap pause under full load, 99 of 100", "<= 20");
  atomic_store(&sender.stop, TRUE);
  g_thread_join(thread);
  rig_settle(swapped);
  if (rig_count(swapped, RIG_HUB) != sender.sent)
    bench_fail("%u messages were sent during the swaps, but %" G_GUINT64_FORMAT " were answered", sender.sent,
               rig_count(swapped, RIG_HUB));
}
