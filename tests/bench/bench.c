#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS 5

static const struct {
  const char *name;
  bench_group_fn *run;
} groups[] = {
    {"updates", bench_updates}, {"flash", bench_flash},   {"queries", bench_queries}, {"checksum", bench_checksum},
    {"lists", bench_lists},     {"growth", bench_growth}, {"wear", bench_wear},       {"start", bench_start},
    {"swaps", bench_swaps},     {"outbox", bench_outbox},
};

static int compare(const void *a, const void *b) {
  double left = *(const double *)a;
  double right = *(const double *)b;

  return (left > right) - (left < right);
}

double bench_quantile(double *values, guint count, double share) {
  qsort(values, count, sizeof *values, compare);
  return values[MIN((guint)(share * count), count - 1)];
}

void bench_print(const char *name, const char *unit, const char *reach, double ours, double raw) {
  printf("%s\t%s\t%.6g\t", name, unit, ours);
  if (raw > 0)
    printf("%.6g\t%.4g\t%s\n", raw, ours / raw, reach);
  else
    printf("\t\t%s\n", reach);
  fflush(stdout);
}

void bench_row(const struct bench *self, const struct bench_row *row, void *data) {
  static guint round;

  if (self->only != NULL && strstr(row->name, self->only) == NULL)
    return;
  g_autofree double *ours = g_new(double, self->pairs);
  g_autofree double *raw = g_new(double, self->pairs);
  g_autofree double *ratios = g_new(double, self->pairs);

  for (guint i = 0; i < self->pairs; i++) {
    ours[i] = row->ours(data, ++round);
    raw[i] = row->raw != NULL ? row->raw(data, ++round) : 0;
    ratios[i] = raw[i] > 0 ? ours[i] / raw[i] : 0;
  }
  double median = bench_quantile(ours, self->pairs, 0.5);
  if (row->raw == NULL)
    bench_print(row->name, row->unit, row->reach, median, 0);
  else
    printf("%s\t%s\t%.6g\t%.6g\t%.4g\t%s\n", row->name, row->unit, median, bench_quantile(raw, self->pairs, 0.5),
           bench_quantile(ratios, self->pairs, 0.5), row->reach);
  fflush(stdout);
}

void bench_rows(const struct bench *self, const struct bench_row *rows, guint count, void *data) {
  for (guint i = 0; i < count; i++)
    bench_row(self, &rows[i], data);
}

guint bench_count(const struct bench *self, guint count) {
  return MAX(count / self->share, 1);
}

double bench_rate(guint count, gint64 start) {
  return count * 1e6 / (double)MAX(g_get_monotonic_time() - start, 1);
}

char *bench_path(const struct bench *self, const char *name) {
  static const char *const suffixes[] = {"-journal", "-wal", "-shm", "-mark", ""};
  char *path = g_build_filename(self->directory, name, NULL);

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
    remove(file);
  }
  return path;
}

void bench_fail(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  fprintf(stderr, "bench: %s\n", text);
  exit(1);
}

static gboolean is_wanted(const char *name, char **wanted) {
  return wanted == NULL || wanted[0] == NULL || g_strv_contains((const char *const *)wanted, name);
}

int main(int argc, char **argv) {
  g_autofree char *plugin = NULL;
  g_autofree char *directory = NULL;
  g_autofree char *fixture = NULL;
  g_autofree char *only = NULL;
  gboolean trial = FALSE;
  const GOptionEntry options[] = {
      {"plugin", 0, 0, G_OPTION_ARG_FILENAME, &plugin, "The plugin to measure", "FILE.so"},
      {"directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "Where its databases go", "DIR"},
      {"fixture", 0, 0, G_OPTION_ARG_FILENAME, &fixture, "A database that upstream wrote", "FILE"},
      {"row", 0, 0, G_OPTION_ARG_STRING, &only, "Measure the rows that have this in their name", "TEXT"},
      {"trial", 0, 0, G_OPTION_ARG_NONE, &trial, "Do little of everything: does it work?", NULL},
      {NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new("[GROUP...]");
  g_autoptr(GError) error = NULL;

  g_option_context_add_main_entries(context, options, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error))
    bench_fail("%s", error->message);
  if (plugin == NULL || directory == NULL || fixture == NULL)
    bench_fail("want --plugin, --directory and --fixture");

  const struct bench self = {.plugin = plugin,
                             .directory = directory,
                             .fixture = fixture,
                             .only = only,
                             .pairs = trial ? 1 : PAIRS,
                             .share = trial ? 100 : 1};
  for (guint i = 0; i < G_N_ELEMENTS(groups); i++)
    if (is_wanted(groups[i].name, argv + 1)) {
      fprintf(stderr, "bench: %s\n", groups[i].name);
      groups[i].run(&self);
    }
  return 0;
}
