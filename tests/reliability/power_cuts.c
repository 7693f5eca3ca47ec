/* The proof that a power cut costs nothing that was answered: a workload is played on a recorded disk, the disk is rebuilt as a cut at
 * each moment may have left it, and a fresh plugin is started on it. */
#include "figures.h"
#include "play.h"
#include "power_cut.h"
#include "test.h"
#include "workload.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 5

struct proof {
  const char *name;
  struct play play;
  guint32 seed;
  GHashTable *seen; /* disks that were tried, with what they may hold */
  guint64 cuts;
  guint64 disks;
  guint64 violations;
  gboolean is_quiet; /* violations are wanted */
};

/* How often each kind of cut is drawn at each moment. */
static const guint draws[CUT_COUNT] = {
    [CUT_NONE] = 1, [CUT_ALL] = 1, [CUT_IN_ORDER] = 3, [CUT_SECTORS] = 4, [CUT_MIXED] = 3};

static void violated(struct proof *self, guint at, enum cut kind, const char *what) {
  if (self->violations++ < SHOWN_MAX && !self->is_quiet)
    fprintf(stderr, "%s: cut after operation %u of %u, kind %d (repeat with EDGECORE_SEED=%u): %s\n", self->name, at,
            disk_position(self->play.rig.disk), kind, self->seed, what);
}

static const struct step *step_at(const struct proof *self, guint i) {
  return g_ptr_array_index(self->play.steps, i);
}

/* The last step that was answered by then. */
static guint first_allowed(const struct proof *self, guint at, guint from) {
  while (from + 1 < self->play.steps->len && step_at(self, from + 1)->answered <= at)
    from++;
  return from;
}

static gboolean is_allowed(const struct proof *self, guint first, guint at, const char *text) {
  for (guint i = first; i < self->play.steps->len && (i == first || step_at(self, i)->begun < at); i++)
    if (strcmp(step_at(self, i)->text, text) == 0)
      return TRUE;
  return FALSE;
}

/* Whether the plugin still does its work: a status is stored, and edged is told so. */
static gboolean works(struct rig *rig) {
  fake_core_push(rig->core,
                 fake_message(.source = "edged", .operation = "update", .resource = "proof/podstatus/p", .raw = "{}"));
  module_run_inbox(rig->module);
  g_autoptr(GPtrArray) answers = fake_core_take(rig->core, "edged");
  if (answers->len != 1)
    return FALSE;
  g_autofree char *content = fake_content(fake_sent_at(answers, 0)->message);
  return strcmp(content, "\"OK\"") == 0;
}

static void check_disk(struct proof *self, guint at, enum cut kind, guint first, disk *left) {
  struct rig rig;

  self->disks++;
  rig_init(&rig, left);
  if (!rig_start(&rig, NULL)) {
    violated(self, at, kind, rig.why->str);
  } else {
    g_autofree char *text = rig_read(left, TRUE);
    if (!is_allowed(self, first, at, text)) {
      g_autofree char *difference = text_difference(step_at(self, first)->text, text);
      violated(self, at, kind, difference);
    } else if (rig_complained(&rig)) {
      violated(self, at, kind, fake_core_log(rig.core));
    } else if (!works(&rig)) {
      violated(self, at, kind, "the plugin does not store a message any more");
    }
  }
  rig_clear(&rig);
}

/* FALSE: the same disk was tried before. */
static gboolean is_new(struct proof *self, const disk *left, guint first) {
  guint64 key = disk_fingerprint(left) + first * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

  return g_hash_table_add(self->seen, g_memdup2(&key, sizeof key));
}

static void cut_at(struct proof *self, cutter *cut, guint at, guint first) {
  for (enum cut kind = CUT_NONE; kind < CUT_COUNT; kind++)
    for (guint i = 0; i < draws[kind]; i++) {
      g_autoptr(disk) left = cutter_disk(cut, kind, self->play.random);
      if (is_new(self, left, first))
        check_disk(self, at, kind, first, left);
      if (cutter_is_safe(cut))
        return;
    }
}

/* The rows of a text, without what is kept for the cloud. */
static char *rows_of(const char *text) {
  const char *kept = g_str_has_prefix(text, "> ") ? text : strstr(text, "\n> ");

  return kept == NULL ? g_strdup(text) : g_strndup(text, (gsize)(kept - text) + (kept != text));
}

static gboolean is_orphan(const char *row, char **rows) {
  g_autofree char *key = g_strndup(row, strcspn(row, " "));
  g_auto(GStrv) parts = g_strsplit(key, "/podstatus/", 2);

  if (parts[0] == NULL || parts[1] == NULL)
    return FALSE;
  g_autofree char *pod = g_strdup_printf("%s/pod/%s ", parts[0], parts[1]);
  for (; *rows != NULL; rows++)
    if (g_str_has_prefix(*rows, pod))
      return FALSE;
  return TRUE;
}

/* What a pod status sync leaves of the rows. */
static char *without_orphans(const char *text) {
  g_auto(GStrv) rows = g_strsplit(text, "\n", -1);
  g_autoptr(GPtrArray) left = g_ptr_array_new();

  for (char **row = rows; *row != NULL; row++)
    if (!is_orphan(*row, rows))
      g_ptr_array_add(left, *row);
  g_ptr_array_add(left, NULL);
  return g_strjoinv("\n", (char **)left->pdata);
}

static void push_sync(struct rig *rig) {
  fake_core_push(rig->core, fake_message(.operation = "meta-internal-sync", .resource = "podstatus"));
}

/* The process is killed, not the power cut; the messages are sent again, answered, and then the power goes. What a sync deletes depends on
 * whether the turn after it was committed before the kill; after one more it does not. */
static void kill_at(struct proof *self, cutter *cut, guint at, const struct step *step) {
  g_autoptr(disk) left = cutter_killed(cut);
  struct rig rig;

  self->disks++;
  rig_init(&rig, left);
  if (rig_start(&rig, NULL)) {
    if (step->syncs)
      push_sync(&rig);
    for (guint i = 0; i < step->works->len; i++)
      fake_core_push(rig.core, message_ref(((struct work *)g_ptr_array_index(step->works, i))->message));
    if (step->syncs)
      push_sync(&rig);
    module_run_inbox(rig.module);
  } else {
    violated(self, at, CUT_ALL, rig.why->str);
  }
  {
    g_autoptr(cutter) later = cutter_new(left);
    cutter_go(later, disk_position(left));
    g_autoptr(disk) rest = cutter_disk(later, CUT_NONE, self->play.random);
    disk_use(rest);
    g_autofree char *text = rig_read(rest, TRUE);
    g_autofree char *found = rows_of(text);
    g_autofree char *answered = rows_of(step->text);
    g_autofree char *wanted = step->syncs ? without_orphans(answered) : g_strdup(answered);
    if (strcmp(found, wanted) != 0) {
      g_autofree char *difference = text_difference(wanted, found);
      g_autofree char *what =
          g_strconcat("killed, sent again, then cut: ", difference, "; ", fake_core_log(rig.core), NULL);
      violated(self, at, CUT_ALL, what);
    }
  }
  disk_use(left);
  rig_clear(&rig);
}

static void cut_everywhere(struct proof *self) {
  g_autoptr(cutter) cut = cutter_new(self->play.rig.disk);
  guint first = 0;

  for (guint at = 0; at <= disk_position(self->play.rig.disk); at++) {
    cutter_go(cut, at);
    self->cuts++;
    first = first_allowed(self, at, first);
    cut_at(self, cut, at, first);
    if (first + 1 < self->play.steps->len) {
      const struct step *next = step_at(self, first + 1);
      if (next->works != NULL && next->begun < at)
        kill_at(self, cut, at, next);
    }
  }
}

static void proof_init(struct proof *self, const char *name, disk *on, guint32 seed) {
  *self = (struct proof){.name = name, .seed = seed};
  self->seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  play_init(&self->play, on, seed);
}

static void proof_clear(struct proof *self) {
  disk_use(self->play.rig.disk);
  play_clear(&self->play);
  g_hash_table_unref(self->seen);
}

static void play_and_cut(const char *name, disk *on, guint32 seed, guint turns, guint64 *cuts, guint64 *disks,
                         guint64 *violations) {
  struct proof proof;

  proof_init(&proof, name, on, seed);
  play_turns(&proof.play, turns);
  if (!check_str_eq(proof.play.wrong->str, "")) {
    proof_clear(&proof);
    return;
  }
  cut_everywhere(&proof);
  printf("%s: %u operations, %u steps, %" G_GUINT64_FORMAT " disks\n", name, disk_position(on), proof.play.steps->len,
         proof.disks);
  *cuts += proof.cuts;
  *disks += proof.disks;
  *violations += proof.violations;
  proof_clear(&proof);
}

static disk *fixture_disk(void) {
  g_autofree char *bytes = NULL;
  gsize size;
  disk *on = disk_new();

  if (!g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL))
    g_error("the fixture is missing");
  disk_put(on, rig_path(), bytes, size);
  return on;
}

TEST_CASE(PowerCut, nothing_that_was_answered_is_lost_and_nothing_else_is_there) {
  guint32 seed = proof_seed(1);
  guint32 count = proof_is_full() ? 20 : 1;
  guint64 cuts = 0;
  guint64 disks = 0;
  guint64 violations = 0;

  proof_keep_memory();
  for (guint32 i = 0; i < count; i++) {
    g_autoptr(disk) fresh = disk_new();
    g_autoptr(disk) old = fixture_disk();
    play_and_cut("first creation and a day's work", fresh, seed + i, 56, &cuts, &disks, &violations);
    play_and_cut("upstream's database, grown", old, seed + i, 5, &cuts, &disks, &violations);
  }
  figure_add("power cut: moments", cuts, violations);
  figure_add("power cut: disks", disks, violations);
  check_int_eq(violations, 0);
  check_int_ge(disks, 10000);
}

/* The proof must be able to fail: with a disk that lies about its syncs it does. */
static void expect_violations(const char *suffix) {
  g_autoptr(disk) on = disk_new();
  struct proof proof;

  disk_ignore_sync(on, suffix);
  proof_init(&proof, "lies", on, proof_seed(1));
  proof.is_quiet = TRUE;
  play_turns(&proof.play, 12);
  cut_everywhere(&proof);
  check_int_ge(proof.violations, 1);
  proof_clear(&proof);
}

TEST_CASE(PowerCut, a_disk_that_lies_about_syncs_is_found_out) {
  expect_violations("");
}

TEST_CASE(PowerCut, a_wal_that_is_not_synced_is_found_out) {
  expect_violations("-wal");
}
