#include "fault_cuts.h"

#include "expected.h"
#include "power_cut.h"
#include "verdict.h"
#include "workload.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 5

/* What a message does to one row. */
struct effect {
  char *key;
  char *line;    /* NULL: it is deleted */
  guint done_at; /* in the disk's log; G_MAXUINT: it was not answered "OK" */
};

static void effect_clear(gpointer data) {
  struct effect *effect = data;

  g_free(effect->key);
  g_free(effect->line);
}

static void add_rows(GArray *effects, const struct expected *rows, guint done_at) {
  GHashTableIter iter;
  gpointer key;
  gpointer line;

  g_hash_table_iter_init(&iter, rows->rows);
  while (g_hash_table_iter_next(&iter, &key, &line)) {
    const struct effect effect = {.key = g_strdup(key), .line = g_strdup(line), .done_at = done_at};
    g_array_append_val(effects, effect);
  }
}

static void add_message(GArray *effects, const struct trial *trial, const struct work *work) {
  const struct edgecore_message_fields *message = message_read(work->message);
  guint done_at = verdict_done_at(trial, message);
  struct expected rows;

  if (work->is_refused)
    return;
  if (strcmp(message->operation, "delete") == 0) {
    const struct effect effect = {.key = g_strdup(message->resource), .done_at = done_at};
    g_array_append_val(effects, effect);
    return;
  }
  expected_init(&rows);
  expected_apply(&rows, message);
  add_rows(effects, &rows, done_at);
  expected_clear(&rows);
}

static GArray *effects_of(const struct trial *trial, const char *before) {
  GArray *effects = g_array_new(FALSE, FALSE, sizeof(struct effect));
  struct expected rows;

  g_array_set_clear_func(effects, effect_clear);
  expected_init(&rows);
  expected_start(&rows, before);
  add_rows(effects, &rows, 0);
  expected_clear(&rows);
  for (guint i = 0; i < trial->works->len; i++)
    add_message(effects, trial, g_ptr_array_index(trial->works, i));
  return effects;
}

/* The row may be as the last answered message left it, or as a later one would have it, whatever became of that. */
static gboolean is_allowed(const GArray *effects, const char *key, const char *line, guint at) {
  gboolean allowed = line == NULL;

  for (guint i = 0; i < effects->len; i++) {
    const struct effect *effect = &g_array_index(effects, struct effect, i);
    if (strcmp(effect->key, key) != 0)
      continue;
    gboolean same = g_strcmp0(effect->line, line) == 0;
    allowed = effect->done_at <= at ? same : allowed || same;
  }
  return allowed;
}

/* The key of the first row that is not as it may be; NULL when there is none. */
static const char *wrong_row(const GArray *effects, const char *text, guint at) {
  struct expected found;
  const char *wrong = NULL;

  expected_init(&found);
  expected_start(&found, text);
  for (guint i = 0; i < effects->len && wrong == NULL; i++) {
    const char *key = g_array_index(effects, struct effect, i).key;
    if (!is_allowed(effects, key, g_hash_table_lookup(found.rows, key), at))
      wrong = key;
  }
  expected_clear(&found);
  return wrong;
}

void fault_cuts(struct trial *trial, const char *before, guint64 *disks, guint64 *violations) {
  static const enum cut kinds[] = {CUT_NONE, CUT_MIXED};
  g_autoptr(GArray) effects = effects_of(trial, before);
  g_autoptr(cutter) cut = cutter_new(trial->rig.disk);
  guint end = disk_position(trial->rig.disk);

  for (guint at = 0; at <= end; at++) {
    cutter_go(cut, at);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
      g_autoptr(disk) left = cutter_disk(cut, kinds[i], trial->random);
      g_autofree char *text = rig_read(left, TRUE);
      const char *wrong = strstr(text, "integrity") != NULL ? "integrity" : wrong_row(effects, text, at);
      (*disks)++;
      if (wrong != NULL && (*violations)++ < SHOWN_MAX)
        fprintf(stderr, "%s, call %u and %u more, then a cut after operation %u of %u: %s is not as it was answered\n",
                trial->fault->name, trial->first, trial->count - 1, at, end, wrong);
      if (cutter_is_safe(cut))
        break;
    }
  }
  disk_use(trial->rig.disk);
}
