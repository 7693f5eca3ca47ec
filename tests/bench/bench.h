/* The benchmark's frame: measures a row as alternating pairs of ours and raw, and prints the figures as lines for tests/bench/run.
 *
 * "Ours" is the work end to end through the real host and the built plugin, "raw" the same work done directly on libsqlite3. What goes
 * wrong ends the program with a message: a figure of work that was not done is worth nothing. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <glib.h>

struct bench {
  const char *plugin;    /* the built metamanager.so */
  const char *directory; /* for databases; it is on the disk that is measured */
  const char *fixture;   /* a database that upstream wrote */
  const char *only;      /* NULL, or a part of the names of the rows that are measured */
  guint pairs;
  guint share; /* every count is divided by this; 1 for real figures */
};

/* One figure of a row; `round` is another number in each call. */
typedef double bench_figure_fn(void *data, guint round);

struct bench_row {
  const char *name;
  const char *unit;
  const char *reach; /* what the row is to reach, for people */
  bench_figure_fn *ours;
  bench_figure_fn *raw; /* NULL: there is no raw figure */
};

/* Measures the row as often as the frame says, prints medians. The ratio is the median of the pairs' ratios, because
 * what else the machine does disturbs both halves of a pair. */
void bench_row(const struct bench *self, const struct bench_row *row, void *data);
/* The same for several rows with the same data. */
void bench_rows(const struct bench *self, const struct bench_row *rows, guint count, void *data);
/* Prints a row that was measured otherwise; raw is 0 when there is none. */
void bench_print(const char *name, const char *unit, const char *reach, double ours, double raw);

/* `count` for real figures, less (but at least 1) for a trial. */
guint bench_count(const struct bench *self, guint count);
/* Things per second from a number of them and the time since `start`, in g_get_monotonic_time's microseconds. */
double bench_rate(guint count, gint64 start);
/* A path in the directory, without a file there or beside it. The caller owns it. */
char *bench_path(const struct bench *self, const char *name);
/* The value below which `share` of them lie; sorts them. */
double bench_quantile(double *values, guint count, double share);
G_NORETURN void bench_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A file each: rows about one thing. */
typedef void bench_group_fn(const struct bench *self);
bench_group_fn bench_updates;
bench_group_fn bench_flash;
bench_group_fn bench_queries;
bench_group_fn bench_checksum;
bench_group_fn bench_lists;
bench_group_fn bench_growth;
bench_group_fn bench_wear;
bench_group_fn bench_start;
bench_group_fn bench_swaps;
bench_group_fn bench_outbox;

#endif
