#include "bench.h"
#include "load.h"
#include "rig.h"

#include <malloc.h>
#include <sqlite3.h>

#define KEYS 1000
#define KEPT 10000
#define PODS 110
#define HOUR_MINUTES 60
#define NODE_STATUSES_PER_MINUTE 6

struct outbox {
  const struct bench *bench;
  const char *path;
  rig *rig;
};

static void tell_link(const struct outbox *self, const char *state) {
  g_autoptr(GPtrArray) link = load_link(state);

  rig_send_settle(self->rig, g_ptr_array_index(link, 0));
}

static GPtrArray *messages_new(const struct outbox *self, const char *operation, guint keys, guint count, guint round) {
  return load_new(&(struct load){.source = "edgefunction",
                                 .operation = operation,
                                 .type = "configmap",
                                 .keys = keys,
                                 .count = bench_count(self->bench, count),
                                 .round = round});
}

/* Microseconds for a message that is stored, and goes to the cloud or is kept for it; nobody is told "OK". */
static double time_message(const struct outbox *self, const char *operation, guint round) {
  g_autoptr(GPtrArray) messages = messages_new(self, operation, KEYS, 10 * KEYS, round);
  gint64 start = g_get_monotonic_time();

  rig_flood(self->rig, messages, RIG_EDGED, 0);
  rig_settle(self->rig);
  return (double)(g_get_monotonic_time() - start) / messages->len;
}

static double write_time(void *data, guint round) {
  const struct outbox *self = data;

  tell_link(self, "cloud_connected");
  return time_message(self, "update", round);
}

/* What keeping adds to that. */
static double keep_time(const struct outbox *self, const char *operation, guint round) {
  tell_link(self, "cloud_connected");
  double connected = time_message(self, operation, round);

  tell_link(self, "cloud_disconnected");
  return MAX(time_message(self, operation, round + G_MAXINT32) - connected, 0);
}

static double keep_in_order(void *data, guint round) {
  return keep_time(data, "action_result", round);
}

static double keep_latest(void *data, guint round) {
  return keep_time(data, "update", round);
}

static double flush_rate(void *data, guint round) {
  const struct outbox *self = data;
  g_autoptr(GPtrArray) messages = messages_new(self, "update", KEPT, KEPT, round);
  g_autoptr(GPtrArray) link = load_link("cloud_connected");

  tell_link(self, "cloud_disconnected");
  rig_flood(self->rig, messages, RIG_EDGED, 0);
  rig_settle(self->rig);
  gint64 start = g_get_monotonic_time();
  rig_flood(self->rig, link, RIG_HUB, messages->len);
  double rate = bench_rate(messages->len, start);
  rig_settle(self->rig);
  return rate;
}

static double update_rate(void *data, guint round) {
  return 1e6 / write_time(data, round);
}

static double kept_bytes(const struct outbox *self) {
  sqlite3 *connection;
  sqlite3_stmt *statement;

  if (sqlite3_open_v2(self->path, &connection, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(connection, "SELECT total(bytes) FROM metamanager_outbox", -1, &statement, NULL) !=
          SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW)
    bench_fail("%s: %s", self->path, sqlite3_errmsg(connection));
  double bytes = sqlite3_column_double(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return bytes;
}

/* A minute of a node: its own status every ten seconds, and one change of each pod's. */
static void pass_minute(const struct outbox *self, guint minute) {
  g_autoptr(GPtrArray) node = load_new(&(struct load){.source = "edged",
                                                      .operation = "update",
                                                      .type = "nodestatus",
                                                      .keys = 1,
                                                      .count = NODE_STATUSES_PER_MINUTE,
                                                      .round = minute});
  g_autoptr(GPtrArray) pods = load_new(&(struct load){
      .source = "edged", .operation = "update", .type = "podstatus", .keys = PODS, .count = PODS, .round = minute});

  rig_flood(self->rig, node, RIG_EDGED, node->len);
  rig_flood(self->rig, pods, RIG_EDGED, pods->len);
  rig_settle(self->rig);
}

static void pass_hour(const struct outbox *self, guint hour) {
  for (guint minute = 0; minute < bench_count(self->bench, HOUR_MINUTES); minute++)
    pass_minute(self, hour * HOUR_MINUTES + minute);
}

static void offline_hour(const struct bench *bench) {
  g_autofree char *path = bench_path(bench, "outbox-hour.db");
  struct outbox self = {.bench = bench, .path = path, .rig = rig_new(bench, path, NULL, NULL)};

  tell_link(&self, "cloud_disconnected");
  pass_hour(&self, 0);
  gsize before = mallinfo2().uordblks;
  pass_hour(&self, 1);
  gsize after = mallinfo2().uordblks;
  bench_print("an hour offline, 110 pods: outbox", "KiB", "< 1024", kept_bytes(&self) / 1024, 0);
  bench_print("an hour offline, 110 pods: memory growth", "KiB", "0", ((double)after - (double)before) / 1024, 0);
  rig_free(self.rig);
}

void bench_outbox(const struct bench *self) {
  static const struct bench_row rows[] = {
      {"keeping an action_result; raw: an update of ours", "us", "<= 1.3", keep_in_order, write_time},
      {"keeping an update, the latest wins; raw: as above", "us", "<= 1.3", keep_latest, write_time},
      {"flush of 10,000 kept messages; raw: updates of ours", "messages/s", ">= 0.5", flush_rate, update_rate},
  };
  static const char *const settings[] = {"metamanager.outbox-max-bytes", "67108864", NULL};
  g_autofree char *path = bench_path(self, "outbox.db");
  struct outbox both = {.bench = self, .path = path, .rig = rig_new(self, path, settings, NULL)};

  bench_rows(self, rows, G_N_ELEMENTS(rows), &both);
  rig_free(both.rig);
  offline_hour(self);
}
