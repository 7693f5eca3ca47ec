/* The life of a node, fast: all operations over a fixed set of keys, a link that flaps, swaps back and forth, for as long as is asked for.
 * Everything is answered exactly once; memory, descriptors, threads and the WAL stay what they were. */
#include "figures.h"
#include "house.h"
#include "secret.h"
#include "test.h"

#include <dirent.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CURRENT TESTS_BUILD_DIR "/plugin/metamanager.so"
#define NEXT TESTS_BUILD_DIR "/tests/swap/metamanager-next.so"
#define ROUND 240 /* messages */
#define FLAP_EVERY 20
#define ROUNDS_PER_SWAP 4
#define KEYS 60
#define NAMESPACES 3
#define PATIENCE_S 120
/* Less than a byte for each message of a long run. Caches of free memory count as used: the test runs without (see meson.build). */
#define MEMORY_TOLERANCE 131072
/* What the plugin keeps of a WAL (4 MiB), and one largest turn on top. */
#define WAL_BYTES_MAX (8 << 20)

enum module { EDGED, EDGEMESH, HUB, EDGEFUNCTION, MODULES };

static const struct {
  const char *name, *group;
} modules[MODULES] = {
    [EDGED] = {"edged", "edged"},
    [EDGEMESH] = {"edgemesh", "mesh"},
    [HUB] = {"websocket", "hub"},
    [EDGEFUNCTION] = {"edgefunction", "user"},
};

/* What is sent in turn. `at` gets exactly one thing for it: the answer, or the message itself. */
static const struct {
  const char *source, *operation, *type;
  gboolean has_content;
  enum module at;
  gboolean is_answer;
} kinds[] = {
    {"edgecontroller", "insert", "pod", TRUE, HUB, TRUE},
    {"edged", "update", "podstatus", TRUE, EDGED, TRUE},
    {"edged", "query", "pod", FALSE, EDGED, TRUE},
    {"edgecontroller", "update", "configmap", TRUE, HUB, TRUE},
    {"edged", "query", "secret", FALSE, EDGED, TRUE},
    {"edged", "update", "nodestatus", TRUE, EDGED, TRUE},
    {"edgecontroller", "action", "function", TRUE, EDGEFUNCTION, FALSE},
    {"edgefunction", "action_result", "function", TRUE, HUB, FALSE},
    {"csi", "createvolume", "volume", FALSE, HUB, TRUE},
    {"edgecontroller", "response", "secret", TRUE, EDGED, FALSE},
    {"edged", "query", "configmap", FALSE, EDGED, TRUE},
    {"edgecontroller", "delete", "pod", FALSE, HUB, TRUE},
    {"edgecontroller", "update", "servicelist", TRUE, HUB, TRUE},
};

struct soak {
  host *host;
  char *wal;
  GMutex lock;
  GCond changed;
  guint64 round;    /* locked, and so are the next three */
  guint got[ROUND]; /* of the round: how often `at` got it */
  guint missing;
  guint64 twice; /* or of another round */
  guint64 sent, swaps, looks;
  gint64 wal_most;
};

struct footprint {
  gint64 memory; /* in use, bytes */
  guint descriptors, threads, messages;
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
  return (struct footprint){
      .memory = (gint64)(heap.uordblks + heap.hblkhd),
      .descriptors = count_entries("/proc/self/fd"),
      .threads = count_entries("/proc/self/task"),
      .messages = message_count_live(),
  };
}

static guint seconds_wanted(void) {
  const char *text = g_getenv("EDGECORE_SOAK_SECONDS");
  if (text != NULL)
    return (guint)strtoul(text, NULL, 10);
  return proof_is_full() ? 600 : 5;
}

static void note(struct soak *self, guint64 round, guint number) {
  g_mutex_lock(&self->lock);
  if (round != self->round || number >= ROUND || self->got[number]++ > 0)
    self->twice++;
  else if (--self->missing == 0)
    g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

static void receive(host *owner, const char *name, struct edgecore_message *message, void *data) {
  const struct edgecore_message_fields *fields = message_read(message);
  guint64 round;
  guint number, kind;
  if ((fields->flags & EDGECORE_MESSAGE_SYNC) != 0) {
    g_autoptr(any_message) answer = message_answer(message, "edgecontroller", "{\"data\":\"" SECRET "\"}");
    check_int_eq(host_respond(owner, answer, NULL), EDGECORE_OK);
    return;
  }
  gboolean is_answer = fields->parent_id[0] != '\0';
  if (sscanf(is_answer ? fields->parent_id : fields->id, "soak-%" G_GUINT64_FORMAT "-%u-%u", &round, &number, &kind) ==
          3 &&
      kinds[kind].is_answer == is_answer && strcmp(modules[kinds[kind].at].name, name) == 0)
    note(data, round, number);
}

static void send_one(struct soak *self, const char *id, const char *source, const char *operation, const char *resource,
                     const char *content) {
  g_autoptr(any_message) message = house_message(id, source, operation, resource, content);
  check_int_eq(host_send(self->host, "metaManager", message, TRUE, NULL), EDGECORE_OK);
}

static void set_link(struct soak *self, gboolean is_up) {
  send_one(self, NULL, "websocket", "publish", "node/connection", is_up ? "cloud_connected" : "cloud_disconnected");
}

/* Contents of one size, so that the database does not grow because of them. */
static void send_number(struct soak *self, guint64 round, guint number) {
  guint kind = (guint)((round + number) % G_N_ELEMENTS(kinds));
  guint key = (guint)((round * 7 + number) % KEYS);
  g_autofree char *id = g_strdup_printf("soak-%" G_GUINT64_FORMAT "-%u-%u", round, number, kind);
  g_autofree char *resource =
      g_strdup_printf("ns%u/%s/%s-%u", key % NAMESPACES, kinds[kind].type, kinds[kind].type, key);
  g_autofree char *content =
      strcmp(kinds[kind].type, "servicelist") == 0
          ? g_strdup_printf("[{\"metadata\":{\"namespace\":\"ns\",\"name\":\"s%u\"},\"n\":%012" G_GUINT64_FORMAT "}]",
                            key, round)
          : g_strdup_printf("{\"n\":\"%012" G_GUINT64_FORMAT "\",\"fill\":\"" SECRET "%0376u\"}", round, number);
  send_one(self, id, kinds[kind].source, kinds[kind].operation, resource, kinds[kind].has_content ? content : NULL);
  self->sent++;
}

static void look_at_wal(struct soak *self) {
  struct stat seen;
  self->looks++;
  if (stat(self->wal, &seen) == 0)
    self->wal_most = MAX(self->wal_most, (gint64)seen.st_size);
}

static gboolean swap(struct soak *self) {
  struct host_swap_report report;
  g_autoptr(GError) error = NULL;
  gboolean is_done = host_swap(self->host, self->swaps++ % 2 == 0 ? NEXT : CURRENT, NULL, &report, &error);
  check_no_error(error);
  check_int_eq(report.unload_left, 0);
  host_swap_report_clear(&report);
  return is_done;
}

/* FALSE when something is not answered. A swap comes when half of the messages are on their way. */
static gboolean play_round(struct soak *self, gboolean has_swap) {
  gint64 until = g_get_monotonic_time() + PATIENCE_S * G_TIME_SPAN_SECOND;
  gboolean is_up = TRUE;
  g_mutex_lock(&self->lock);
  self->round++;
  memset(self->got, 0, sizeof self->got);
  self->missing = ROUND;
  g_mutex_unlock(&self->lock);
  for (guint i = 0; i < ROUND; i++) {
    if (i % FLAP_EVERY == FLAP_EVERY - 1)
      set_link(self, is_up = !is_up);
    if (has_swap && i == ROUND / 2 && !swap(self))
      return FALSE;
    send_number(self, self->round, i);
  }
  set_link(self, TRUE);
  look_at_wal(self);
  g_mutex_lock(&self->lock);
  while (self->missing > 0 && g_cond_wait_until(&self->changed, &self->lock, until))
    ;
  guint missing = self->missing;
  for (guint i = 0; i < ROUND && missing > 0; i++)
    if (self->got[i] == 0)
      check_fail("round %" G_GUINT64_FORMAT ": nothing came for %s of %s", self->round,
                 kinds[(self->round + i) % G_N_ELEMENTS(kinds)].operation,
                 kinds[(self->round + i) % G_N_ELEMENTS(kinds)].type);
  g_mutex_unlock(&self->lock);
  return missing == 0;
}

/* Two swaps come before each look, so that the plugin's caches are as empty each time, and the same version is looked at. Then all that a
 * version opens when it is first needed is: it stores something, and sends the pod statuses, which a timer may do at any time. */
static struct footprint look_at_rest(struct soak *self) {
  if (self->swaps % 2 != 0)
    swap(self);
  swap(self);
  swap(self);
  send_one(self, NULL, "edgecontroller", "update", "ns0/configmap/looked-at", "{}");
  set_link(self, FALSE);
  set_link(self, TRUE);
  check_true(host_settle(self->host, PATIENCE_S * 1000));
  return look();
}

/* Whether it went well so far. At least so many swaps, however slow it is. */
static gboolean play(struct soak *self, gint64 until, guint64 swaps_least) {
  guint64 swaps_before = self->swaps;
  do {
    if (!play_round(self, self->round % ROUNDS_PER_SWAP == 0))
      return FALSE;
  } while (g_get_monotonic_time() < until || self->swaps < swaps_before + swaps_least);
  return TRUE;
}

static void log_trouble(int32_t level, const char *module, const char *text, void *data) {
  (void)data;
  secret_check_line(level, text);
  if (level >= EDGECORE_LOG_ERROR)
    check_fail("%s: %s", module, text);
}

static guint check_footprint(struct footprint now, struct footprint before) {
  guint wrong = 0;
  wrong += !check_int_eq(now.descriptors, before.descriptors);
  wrong += !check_int_eq(now.threads, before.threads);
  wrong += !check_int_eq(now.messages, before.messages);
  wrong += !check_int_le(now.memory, before.memory + MEMORY_TOLERANCE);
  return wrong;
}

TEST_CASE(Soak, nothing_grows) {
  gint64 seconds = seconds_wanted();
  g_autofree char *database = test_path("edge.db");
  g_autofree char *wal = g_strconcat(database, "-wal", NULL);
  g_autoptr(config) configuration = config_new();
  config_set(configuration, "database.source", database, "test");
  const struct host_options options = {.configuration = configuration, .log = log_trouble};
  g_autoptr(host) host_ = host_new(&options);
  struct soak self = {.host = host_, .wal = wal};
  g_mutex_init(&self.lock);
  g_cond_init(&self.changed);
  for (guint i = 0; i < MODULES; i++)
    require_true(host_add_module(host_, modules[i].name, modules[i].group, receive, &self, NULL));
  require_true(host_load(host_, CURRENT, NULL));

  gint64 begun = g_get_monotonic_time();
  gboolean is_well = play(&self, begun + seconds * G_TIME_SPAN_SECOND / 5, 4);
  struct footprint before = look_at_rest(&self);
  is_well = is_well && play(&self, begun + seconds * G_TIME_SPAN_SECOND, 4);
  struct footprint after = look_at_rest(&self);
  host_stop(host_);

  check_true(is_well);
  check_int_eq(self.twice, 0);
  check_int_le(self.wal_most, WAL_BYTES_MAX);
  guint grown = check_footprint(after, before);
  printf("%.0f s: memory %+" G_GINT64_FORMAT " bytes of %" G_GINT64_FORMAT
         ", descriptors %u, threads %u, WAL at most %" G_GINT64_FORMAT " bytes\n",
         (double)(g_get_monotonic_time() - begun) / 1e6, after.memory - before.memory, after.memory, after.descriptors,
         after.threads, self.wal_most);
  figure_add("soak: messages answered once", self.sent, self.missing + self.twice);
  figure_add("soak: swaps that leave nothing behind", self.swaps, grown);
  figure_add("soak: looks at the WAL's size", self.looks, self.wal_most > WAL_BYTES_MAX);
  g_mutex_clear(&self.lock);
  g_cond_clear(&self.changed);
}
