/* Many swaps, back and forth, under a full queue of mixed operations: nothing is lost, doubled, late, or left behind in the process. */
#include "fixture.h"
#include "host.h"
#include "secret.h"
#include "test.h"
#include "traffic.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURRENT TESTS_BUILD_DIR "/plugin/metamanager.so"
#define NEXT TESTS_BUILD_DIR "/tests/swap/metamanager-grown.so"
#define SWAPS_AT_FIRST 10
/* What may differ between two looks at the same process: 128 bytes for each of 1,000 swaps, less than what could be left of one. Caches of
 * free memory count as memory in use; the test runs without (see meson.build). */
#define MEMORY_TOLERANCE 131072
/* The heap, a sanitizer's above all, may have grown by some pieces: but not by one for every fifth swap. */
#ifdef __SANITIZE_THREAD__ /* it maps memory of its own for threads, and each swap has one */
#define SWAPS_PER_MAPPING 1
#else
#define SWAPS_PER_MAPPING 5
#endif

/* What a process has, as far as a swap could leave something of it. */
struct footprint {
  gint64 memory; /* in use, bytes */
  guint descriptors;
  guint threads;
  guint mappings; /* all of them ... */
  guint files;    /* ... those of files ... */
  guint plugins;  /* ... and those of plugins' copies */
  guint messages;
};

static guint count_entries(const char *path) {
  DIR *directory = opendir(path);
  guint count = 0;
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

static struct footprint look(void) {
  struct mallinfo2 heap = mallinfo2();
  struct footprint seen = {
      .memory = (gint64)(heap.uordblks + heap.hblkhd),
      .descriptors = count_entries("/proc/self/fd"),
      .threads = count_entries("/proc/self/task"),
      .messages = message_count_live(),
  };
  g_autofree char *maps = NULL;
  g_file_get_contents("/proc/self/maps", &maps, NULL, NULL);
  g_auto(GStrv) lines = g_strsplit(maps, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    seen.mappings++;
    seen.files += strchr(*line, '/') != NULL;
    seen.plugins += strstr(*line, "/generation-") != NULL;
  }
  return seen;
}

/* How many swaps; the environment may want another number. */
static guint swaps_wanted(void) {
  const char *text = g_getenv("SWAPS");
  return text == NULL ? 1000 : (guint)strtoul(text, NULL, 10);
}

static int by_size(const void *a, const void *b) {
  gint64 first = *(const gint64 *)a;
  gint64 second = *(const gint64 *)b;
  return (first > second) - (first < second);
}

struct pauses {
  gint64 *us;
  guint count;
  guint waiting; /* messages, at most */
  guint64 handed_over;
};

static gboolean swap(host *host_, guint number, struct pauses *pauses) {
  struct host_swap_report report;
  g_autoptr(GError) error = NULL;
  test_note("swap %u", number);
  check_true(host_swap(host_, number % 2 == 0 ? NEXT : CURRENT, NULL, &report, &error));
  gboolean is_done = check_no_error(error) && check_int_eq(report.unload_left, 0);
  pauses->us[pauses->count++] = report.pause_us;
  pauses->waiting = MAX(pauses->waiting, report.messages_waiting);
  pauses->handed_over += report.state_messages;
  host_swap_report_clear(&report);
  return is_done;
}

static void swap_under_traffic(host *host_, traffic *traffic_, guint from, guint to, struct pauses *pauses) {
  traffic_begin(traffic_);
  for (guint i = from; i < to && swap(host_, i, pauses); i++)
    ;
  traffic_end(traffic_);
  traffic_check(traffic_);
}

/* Two more swaps without traffic come before each look, so that the plugin's caches are as empty each time. */
static struct footprint look_at_rest(host *host_, guint from) {
  struct pauses unused = {.us = (gint64[2]){0}};
  for (guint i = from; i < from + 2; i++)
    swap(host_, i, &unused);
  check_true(host_settle(host_, -1));
  return look();
}

static void check_footprint(struct footprint now, struct footprint before, guint swaps) {
  check_int_eq(now.descriptors, before.descriptors);
  check_int_eq(now.threads, before.threads);
  check_int_eq(now.plugins, before.plugins);
  check_int_eq(now.files, before.files);
  check_int_le(now.mappings, before.mappings + swaps / SWAPS_PER_MAPPING);
  check_int_eq(now.messages, before.messages);
  check_int_le(now.memory, before.memory + MEMORY_TOLERANCE);
}

static void log_trouble(int32_t level, const char *module, const char *text, void *data) {
  (void)data;
  secret_check_line(level, text);
  if (level >= EDGECORE_LOG_WARNING)
    check_fail("%s: %s", module, text);
}

TEST_CASE(SwapSoak, many_swaps_under_a_full_queue) {
  guint swaps = swaps_wanted();
  g_autofree char *database = test_path("edge.db");
  g_autoptr(config) configuration = config_new();
  config_set(configuration, "database.source", database, "test");
  const struct host_options options = {.configuration = configuration, .log = log_trouble};
  g_autoptr(host) host_ = host_new(&options);
  traffic *traffic_ = traffic_new(host_);
  require_true(host_load(host_, CURRENT, NULL));

  struct pauses pauses = {.us = g_new0(gint64, swaps)};
  swap_under_traffic(host_, traffic_, 0, SWAPS_AT_FIRST, &pauses);
  struct footprint before = look_at_rest(host_, 0);
  gint64 begun = g_get_monotonic_time();
  guint64 sent = traffic_sent(traffic_);
  swap_under_traffic(host_, traffic_, SWAPS_AT_FIRST, swaps, &pauses);
  struct footprint after = look_at_rest(host_, 0);
  check_footprint(after, before, swaps - SWAPS_AT_FIRST);

  qsort(pauses.us, pauses.count, sizeof pauses.us[0], by_size);
  printf("%u swaps in %.1f s under %" G_GUINT64_FORMAT " messages, at most %u waiting, %" G_GUINT64_FORMAT
         " handed over: pause %.2f ms median, %.2f ms p99, %.2f ms most\n",
         pauses.count, (double)(g_get_monotonic_time() - begun) / 1e6, traffic_sent(traffic_) - sent, pauses.waiting,
         pauses.handed_over, (double)pauses.us[pauses.count / 2] / 1e3,
         (double)pauses.us[pauses.count * 99 / 100] / 1e3, (double)pauses.us[pauses.count - 1] / 1e3);
  printf("memory %+" G_GINT64_FORMAT " bytes, mappings %u, of files %u, of plugins %u, descriptors %u, threads %u\n",
         after.memory - before.memory, after.mappings, after.files, after.plugins, after.descriptors, after.threads);
  host_stop(host_);
  traffic_check_table(traffic_, database);
  traffic_free(traffic_);
  g_free(pauses.us);
}
