#include "play.h"

#include "workload.h"

#include <string.h>

/* A module that has not come to rest after so many steps never will. */
#define STEPS_MAX 1000

static const char *const neighbours[] = {"edged", "edgemesh", "edgefunction", "websocket", FAKE_CALLERS};

static void step_free(gpointer data) {
  struct step *step = data;

  g_free(step->text);
  g_clear_pointer(&step->works, g_ptr_array_unref);
  g_free(step);
}

char *text_difference(const char *expected, const char *found) {
  g_auto(GStrv) wanted = g_strsplit(expected, "\n", -1);
  g_auto(GStrv) seen = g_strsplit(found, "\n", -1);
  guint i = 0;

  while (wanted[i] != NULL && seen[i] != NULL && strcmp(wanted[i], seen[i]) == 0)
    i++;
  return g_strdup_printf("line %u: expected \"%s\", found \"%s\"", i + 1, wanted[i] != NULL ? wanted[i] : "(end)",
                         seen[i] != NULL ? seen[i] : "(end)");
}

static struct step *step_begin(struct play *self) {
  struct step *step = g_new0(struct step, 1);

  step->begun = disk_position(self->rig.disk);
  g_ptr_array_add(self->steps, step);
  return step;
}

static void step_end(struct play *self, struct step *step, guint answered) {
  g_autofree char *found = rig_read(self->rig.disk, FALSE);

  step->answered = answered;
  step->text = expected_text(&self->expected);
  if (self->wrong->len == 0 && strcmp(found, step->text) != 0) {
    g_autofree char *difference = text_difference(step->text, found);
    g_string_printf(self->wrong, "after step %u, with the module alive: %s", self->steps->len - 1, difference);
  }
}

/* The rows of a database that may be older than the plugin; "" for none. */
static char *read_grown(const disk *on) {
  g_autoptr(disk) copy = disk_copy(on);
  struct rig rig;

  rig_init(&rig, copy);
  if (!rig_start(&rig, NULL))
    g_error("cannot start: %s", rig.why->str);
  char *text = rig_read(copy, FALSE);
  rig_clear(&rig);
  return text;
}

void play_init(struct play *self, disk *on, guint32 seed) {
  g_autofree char *there = read_grown(on);

  *self = (struct play){.steps = g_ptr_array_new_with_free_func(step_free),
                        .random = g_rand_new_with_seed(seed),
                        .wrong = g_string_new(NULL)};
  expected_init(&self->expected);
  expected_start(&self->expected, there);
  rig_init(&self->rig, on);
  disk_record(on);
  struct step *first = step_begin(self);
  first->text = expected_text(&self->expected);
  if (!rig_start(&self->rig, NULL))
    g_string_assign(self->wrong, self->rig.why->str);
}

void play_clear(struct play *self) {
  rig_clear(&self->rig);
  expected_clear(&self->expected);
  g_ptr_array_unref(self->steps);
  g_rand_free(self->random);
  g_string_free(self->wrong, TRUE);
}

/* Empties all queues; what the hub got may have been kept until now. */
static void take_all(struct play *self, gboolean was_kept) {
  for (guint i = 0; i < G_N_ELEMENTS(neighbours); i++) {
    g_autoptr(GPtrArray) sent = fake_core_take(self->rig.core, neighbours[i]);
    if (was_kept && strcmp(neighbours[i], "websocket") == 0)
      for (guint j = 0; j < sent->len; j++)
        expected_taken(&self->expected, message_read(fake_sent_at(sent, j)->message));
  }
}

/* The hub has little room, so that what is kept leaves in several steps. */
static void play_due(struct play *self) {
  struct step *step = step_begin(self);

  fake_core_set_capacity(self->rig.core, "websocket", 16);
  module_run_due(self->rig.module);
  fake_core_set_capacity(self->rig.core, "websocket", FAKE_CAPACITY);
  take_all(self, TRUE);
  step_end(self, step, disk_position(self->rig.disk));
}

static gboolean is_due(const struct play *self) {
  return module_due(self->rig.module) <= fake_core_now(self->rig.core);
}

void play_turn(struct play *self, GPtrArray *works) {
  static const struct edgecore_message_fields sync = {.operation = "meta-internal-sync", .resource = "podstatus"};

  /* What it posted to itself goes first. */
  if (is_due(self))
    play_due(self);
  struct step *step = step_begin(self);
  guint next = rig_next_send(&self->rig);
  expected_turn(&self->expected);
  /* What is in the queue already is the module's own pod status sync. */
  step->syncs = fake_core_inbox_length(self->rig.core) > 0;
  if (step->syncs)
    expected_apply(&self->expected, &sync);
  step->works = works;
  for (guint i = 0; i < works->len; i++) {
    const struct work *work = g_ptr_array_index(works, i);
    fake_core_push(self->rig.core, message_ref(work->message));
    if (work->is_refused)
      expected_refuse(&self->expected, message_read(work->message));
    else
      expected_apply(&self->expected, message_read(work->message));
  }
  module_run_inbox(self->rig.module);
  take_all(self, FALSE);
  step_end(self, step,
           rig_next_send(&self->rig) > next ? g_array_index(self->rig.send_at, guint, next)
                                            : disk_position(self->rig.disk));
}

static void settle(struct play *self) {
  for (guint i = 0; i < STEPS_MAX; i++) {
    if (is_due(self))
      play_due(self);
    else if (fake_core_inbox_length(self->rig.core) > 0)
      play_turn(self, g_ptr_array_new_with_free_func(work_free));
    else
      return;
  }
  g_string_assign(self->wrong, "the module does not come to rest");
}

void play_time(struct play *self, gint64 microseconds) {
  gint64 end = fake_core_now(self->rig.core) + microseconds;

  for (gint64 now; self->wrong->len == 0 && (now = fake_core_now(self->rig.core)) < end;) {
    gint64 next = MIN(module_due(self->rig.module), end);
    fake_core_advance(self->rig.core, MAX(next - now, 0));
    settle(self);
  }
}

void play_swap(struct play *self) {
  struct step *step = step_begin(self);

  if (!rig_swap(&self->rig))
    g_string_assign(self->wrong, self->rig.why->str);
  step_end(self, step, step->begun);
}

static GPtrArray *draw_works(struct play *self) {
  GPtrArray *works = g_ptr_array_new_with_free_func(work_free);
  gint32 count = g_rand_int_range(self->random, 1, g_rand_int_range(self->random, 0, 8) == 0 ? 24 : 6);

  for (gint32 i = 0; i < count; i++)
    if (g_rand_int_range(self->random, 0, 24) == 0)
      g_ptr_array_add(works, work_link(g_rand_boolean(self->random)));
    else
      g_ptr_array_add(works, work_draw(self->random));
  return works;
}

void play_turns(struct play *self, guint turns) {
  for (guint i = 0; i < turns && self->wrong->len == 0; i++) {
    gint32 what = g_rand_int_range(self->random, 0, 16);
    play_turn(self, draw_works(self));
    if (what < 3)
      settle(self);
    else if (what < 5)
      play_time(self, g_rand_int_range(self->random, 1, 5) * G_USEC_PER_SEC);
    else if (what == 5)
      play_swap(self);
  }
}
