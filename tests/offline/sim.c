#include "sim.h"

#include "failure.h"
#include "fault_vfs.h"
#include "test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <unistd.h>

#define STEPS 150

gboolean sim_chance(struct sim *self, guint percent) {
  return sim_between(self, 1, 100) <= percent;
}

guint sim_between(struct sim *self, guint low, guint high) {
  return (guint)g_rand_int_range(self->rand, (gint32)low, (gint32)high + 1);
}

void sim_fail(struct sim *self, const char *format, ...) {
  va_list arguments;

  if (self->has_failed)
    return;
  self->has_failed = TRUE;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  check_fail("seed %u, step %u, process %u: %s\nrepeat it, with all that happens: EDGECORE_OFFLINE_SEED=%u %s",
             self->seed, self->step, self->life, text, self->seed, TESTS_BUILD_DIR "/tests/offline/test-offline-sim");
}

void sim_trace(struct sim *self, const char *format, ...) {
  va_list arguments;

  if (!self->is_traced)
    return;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_print("%4u %8.3f %s\n", self->step, (double)fake_core_now(self->core) / G_USEC_PER_SEC, text);
}

/* -------------------------------------------------------------------------------------------------------- life and death */

static void copy(const char *from, const char *to) {
  g_autofree char *buffer = g_malloc(1 << 16);
  int in = open(from, O_RDONLY | O_CLOEXEC);
  ssize_t got;

  if (in < 0)
    return;
  int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  while ((got = read(in, buffer, 1 << 16)) > 0)
    if (write(out, buffer, (gsize)got) != got)
      g_error("cannot copy %s", from);
  close(in);
  close(out);
}

static void copy_database(const char *from, const char *to) {
  g_autofree char *from_wal = g_strconcat(from, "-wal", NULL);
  g_autofree char *to_wal = g_strconcat(to, "-wal", NULL);

  copy(from, to);
  copy(from_wal, to_wal);
}

static void remove_database(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
    unlink(file);
  }
}

/* In the middle of what the module does. What its neighbours have got they know; what the hub has not passed on dies with it. */
static void die(struct sim *self) {
  sim_trace(self, "==== killed");
  self->is_dead = TRUE;
  self->survivors = g_strdup_printf("%s/life%u.db", test_directory(), self->life + 1);
  copy_database(self->database, self->survivors);
  sim_node_receive(self);
  if (self->is_connected)
    sim_cloud_receive(self, sim_between(self, 0, fake_core_queued(self->core, "websocket")));
  sim_cloud_forget(self);
}

static void tick(struct sim *self) {
  if (!self->is_dead && self->kill_in > 0 && --self->kill_in == 0)
    die(self);
}

static int32_t on_call(const char *call, void *data) {
  (void)call;
  tick(data);
  return EDGECORE_OK;
}

static int on_disk(enum fault_op op, const char *path, void *data) {
  struct sim *self = data;

  (void)path;
  if (op == FAULT_WRITE || op == FAULT_SYNC || op == FAULT_TRUNCATE)
    tick(self);
  return SQLITE_OK;
}

static void be_born(struct sim *self, gint64 now) {
  char turn[16];

  self->core = fake_core_new(self->database);
  fake_core_advance(self->core, now - fake_core_now(self->core));
  fake_core_set_fault(self->core, on_call, self);
  fake_core_set_capacity(self->core, "websocket", self->hub_capacity);
  g_snprintf(turn, sizeof turn, "%u", (guint[]){1, 7, 256}[self->seed % 3]);
  fake_core_set(self->core, "metamanager.turn-max-messages", turn);
  self->told = LINK_UNKNOWN;
  self->module = fake_core_start(self->core, NULL);
}

/* Frees the process that has died, and starts the next one on what was left. */
static void rise(struct sim *self) {
  gint64 now = fake_core_now(self->core);

  ledger_end_life(self->ledger, self->life, self->trouble > 0);
  sim_cloud_drop_requests(self);
  fault_vfs_set_hook(NULL, NULL);
  fault_vfs_fail_nth(FAULT_OPEN, 0, SQLITE_OK);
  fake_core_end(self->core, self->module);
  fake_core_free(self->core);
  remove_database(self->database);
  g_free(self->database);
  self->database = g_steal_pointer(&self->survivors);
  self->is_dead = FALSE;
  self->kill_in = 0;
  self->life++;
  self->trouble = self->is_full ? now : 0;
  fault_vfs_set_hook(on_disk, self);
  be_born(self, now);
}

/* ------------------------------------------------------------------------------------------------------------ a step */

static void tell_link(struct sim *self, gboolean is_connected) {
  sim_trace(self, "==== %s", is_connected ? "connected" : "disconnected");
  if (!is_connected) {
    const struct said said = {
        .what = SAID_LINK, .life = self->life, .link = self->told, .time = fake_core_now(self->core)};
    ledger_say(self->ledger, said);
    sim_cloud_drop_requests(self);
  }
  self->is_connected = is_connected;
  self->told = is_connected ? LINK_CONNECTED : LINK_DISCONNECTED;
  fake_core_push(self->core, fake_message(.source = "websocket", .operation = "publish", .resource = "node/connection",
                                          .json = is_connected ? "\"cloud_connected\"" : "\"cloud_disconnected\""));
}

/* The new version takes over; when it cannot, the old one goes on, as a host does it. */
static void swap(struct sim *self) {
  struct edgecore_state state = {.size = sizeof state};
  struct edgecore_error error = FAILURE_INIT;
  module *next = NULL;

  sim_trace(self, "==== swapped");
  if (module_new(fake_core_table(self->core), &next, &error) != EDGECORE_OK ||
      module_stop(self->module, &state, &error) != EDGECORE_OK) {
    sim_fail(self, "cannot swap: %s", error.text);
    return;
  }
  if (module_start(next, &state, &error) == EDGECORE_OK) {
    module_free(self->module);
    self->module = next;
    return;
  }
  sim_trace(self, "==== ... in vain: %s", error.text);
  if (self->trouble == 0)
    sim_fail(self, "the disk is well, and the new version cannot start: %s", error.text);
  module_free(next);
  while (module_start(self->module, &state, &error) != EDGECORE_OK)
    fault_vfs_set_full(FALSE);
}

static void be_unwell(struct sim *self) {
  static const enum fault_op ops[] = {FAULT_WRITE, FAULT_SYNC, FAULT_READ};
  static const int results[] = {SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_READ};
  guint i = sim_between(self, 0, G_N_ELEMENTS(ops) - 1);

  sim_trace(self, "==== the disk is going to fail: %u", i);
  self->trouble = G_MAXINT64;
  fault_vfs_fail_nth(ops[i], sim_between(self, 1, 12), results[i]);
}

static void set_full(struct sim *self, gboolean is_full) {
  sim_trace(self, "==== the disk is %s", is_full ? "full" : "well");
  self->is_full = is_full;
  self->trouble = is_full ? G_MAXINT64 : fake_core_now(self->core);
  fault_vfs_set_full(is_full);
}

static void happen(struct sim *self) {
  if (sim_chance(self, self->flaps))
    tell_link(self, !self->is_connected);
  if (self->kill_in == 0 && sim_chance(self, self->kills))
    self->kill_in = sim_between(self, 1, 200);
  if (sim_chance(self, self->is_full ? 25 : self->fills))
    set_full(self, !self->is_full);
  if (sim_chance(self, self->errors))
    be_unwell(self);
  sim_cloud_act(self);
  sim_node_act(self);
  if (sim_chance(self, self->swaps))
    swap(self);
}

/* Mostly a moment, sometimes long enough for time-outs; hours while the plugin knows that nobody listens. */
static gint64 pass(struct sim *self) {
  guint kind = sim_between(self, 0, 99);

  if (kind < 60)
    return sim_between(self, 0, 20) * 1000;
  if (kind < 90)
    return sim_between(self, 1, 12) * G_USEC_PER_SEC;
  return sim_between(self, 1, self->told == LINK_DISCONNECTED ? 200 : 2) * G_TIME_SPAN_MINUTE / 2;
}

static void trace_log(struct sim *self) {
  g_auto(GStrv) lines = g_strsplit(fake_core_log(self->core), "\n", -1);

  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    sim_trace(self, "log   : %s", lines[i]);
  fake_core_clear_log(self->core);
}

static void live(struct sim *self, gint64 time) {
  if (!self->is_dead)
    fake_core_run_for(self->core, self->module, time);
  if (self->is_traced)
    trace_log(self);
  if (self->is_dead) {
    rise(self);
    return;
  }
  sim_node_receive(self);
  if (self->is_connected)
    sim_cloud_receive(self, sim_between(self, 1, 64));
}

static gboolean is_at_rest(const struct sim *self) {
  return fake_core_queued(self->core, "websocket") == 0 && fake_core_held(self->core) == 0 &&
         fake_core_inbox_length(self->core) == 0 && fake_core_requests(self->core) == 0;
}

/* All is well again: what is left must arrive. */
static void recover(struct sim *self) {
  fault_vfs_fail_nth(FAULT_OPEN, 0, SQLITE_OK);
  self->kill_in = 0;
  if (self->is_full)
    set_full(self, FALSE);
  tell_link(self, FALSE);
  live(self, 10 * G_USEC_PER_SEC);
  tell_link(self, TRUE);
  for (guint quiet = 0, i = 0; quiet < 3; i++) {
    live(self, 100000);
    quiet = is_at_rest(self) ? quiet + 1 : 0;
    if (i > 10000) {
      sim_fail(self, "it does not come to rest: %u for the hub, %" G_GUINT64_FORMAT " held",
               fake_core_queued(self->core, "websocket"), fake_core_held(self->core));
      return;
    }
  }
}

/* -------------------------------------------------------------------------------------------------------------- a seed */

static void choose(struct sim *self) {
  static const guint capacities[] = {2, 5, 16, 64, 1024};
  static const guint percents[] = {0, 2, 5, 20};

  self->hub_capacity = capacities[sim_between(self, 0, G_N_ELEMENTS(capacities) - 1)];
  self->flaps = (guint[]){5, 15, 50}[sim_between(self, 0, 2)];
  self->kills = percents[sim_between(self, 0, 2)];
  self->swaps = percents[sim_between(self, 0, 3)];
  self->fills = percents[sim_between(self, 0, 2)];
  self->errors = percents[sim_between(self, 0, 2)];
}

static void begin(struct sim *self) {
  self->database = g_strdup_printf("%s/life0.db", test_directory());
  fault_vfs_install();
  fault_vfs_set_syncing(FALSE);
  fake_database(self->database);
  fault_vfs_set_hook(on_disk, self);
  choose(self);
  be_born(self, 0);
  sim_node_begin(self);
  tell_link(self, TRUE);
  for (guint i = 0; i < LEDGER_PODS; i++)
    live(self, 20000);
}

static void end(struct sim *self) {
  fault_vfs_set_hook(NULL, NULL);
  fake_core_end(self->core, self->module);
  fake_core_free(self->core);
  fault_vfs_remove();
  remove_database(self->database);
  g_free(self->database);
  g_rand_free(self->rand);
  ledger_free(self->ledger);
  sim_cloud_free(self->cloud);
}

gboolean sim_run(guint seed, gboolean is_traced) {
  guint messages = message_count_live();
  struct sim self = {.seed = seed, .is_traced = is_traced};

  self.rand = g_rand_new_with_seed(seed);
  g_random_set_seed(seed);
  self.ledger = ledger_new();
  self.cloud = sim_cloud_new();
  begin(&self);
  for (self.step = 1; self.step <= STEPS && !self.has_failed; self.step++) {
    happen(&self);
    live(&self, pass(&self));
  }
  if (!self.has_failed)
    recover(&self);
  g_autofree char *missing = self.has_failed ? NULL : ledger_settle(self.ledger);
  if (missing != NULL)
    sim_fail(&self, "%s", missing);
  end(&self);
  if (!self.has_failed && message_count_live() != messages)
    sim_fail(&self, "%u messages were never released", message_count_live() - messages);
  return !self.has_failed;
}
