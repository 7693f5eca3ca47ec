#include "trial.h"

#include "expected.h"
#include "play.h"
#include "power_cut.h"
#include "verdict.h"
#include "workload.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 8
/* Within this time all must be at rest again; what is halted is started again after the second one; in microseconds. */
#define REST_TIME (90 * G_USEC_PER_SEC)
#define REST_STEP (50 * 1000)
#define PODS 12
#define SEED 7

/* What may come after so many failing starts is not about them. */
#define STARTS_MAX 200

static void sent_free(gpointer data) {
  struct trial_sent *sent = data;

  message_unref(sent->message);
  g_free(sent);
}

static void answer_request(struct trial *self, const struct fake_sent *sent) {
  gboolean is_volume = strcmp(message_read(sent->message)->operation, "query") != 0;

  fake_core_complete(self->rig.core, sent->message, EDGECORE_OK,
                     fake_reply(sent->message, is_volume ? "edged" : "edgecontroller", VERDICT_REPLY));
}

/* Takes what was sent; other modules answer what they are asked. */
static void collect(struct trial *self) {
  static const char *const neighbours[] = {"edged", "edgemesh", "edgefunction", "websocket", FAKE_CALLERS};

  for (guint i = 0; i < G_N_ELEMENTS(neighbours); i++) {
    g_autoptr(GPtrArray) taken = fake_core_take(self->rig.core, neighbours[i]);
    for (guint j = 0; j < taken->len; j++) {
      const struct fake_sent *sent = fake_sent_at(taken, j);
      const struct trial_sent copy = {
          .to = neighbours[i],
          .message = message_ref(sent->message),
          .is_request = sent->context != NULL,
          .at = sent->context == NULL ? g_array_index(self->rig.send_at, guint, sent->number) : 0};
      g_ptr_array_add(self->sent, g_memdup2(&copy, sizeof copy));
      if (sent->context != NULL)
        answer_request(self, sent);
    }
  }
}

/* Runs the module until it has nothing to do at this time, or does not get on. */
static void pump(struct trial *self) {
  for (guint i = 0; i < 100 && rig_resume(&self->rig); i++) {
    gboolean due = module_due(self->rig.module) <= fake_core_now(self->rig.core);
    if (!due && fake_core_inbox_length(self->rig.core) == 0)
      return;
    if (due)
      module_run_due(self->rig.module);
    module_run_inbox(self->rig.module);
    collect(self);
  }
}

static gboolean is_at_rest(const struct trial *self) {
  return !self->rig.is_halted && fake_core_inbox_length(self->rig.core) == 0 && fake_core_held(self->rig.core) == 0;
}

/* From one thing that is due to the next. */
static void pass_time(struct trial *self, gint64 microseconds, gboolean until_rest) {
  gint64 end = fake_core_now(self->rig.core) + microseconds;

  for (;;) {
    pump(self);
    gint64 now = fake_core_now(self->rig.core);
    if (now >= end || (until_rest && is_at_rest(self)))
      return;
    gint64 next = self->rig.is_halted ? now + REST_STEP : MAX(module_due(self->rig.module), now + 1);
    fake_core_advance(self->rig.core, MIN(next, end) - now);
  }
}

static void send_work(struct trial *self, struct work *work) {
  g_ptr_array_add(self->works, work);
  fake_core_push(self->rig.core, message_ref(work->message));
}

/* Whether the next pod status sync, whenever that succeeds, leaves the table alone: the statuses of pods that are gone would go. */
static gboolean is_kept(const struct trial *self, const struct edgecore_message_fields *message) {
  gboolean deletes_pod = strcmp(message->operation, "delete") == 0 && strstr(message->resource, "/pod/") != NULL;

  return !deletes_pod && (self->has_pods || strstr(message->resource, "/podstatus/") == NULL);
}

static struct work *draw(struct trial *self) {
  for (;;) {
    struct work *work = self->has_requests && g_rand_int_range(self->random, 0, 3) == 0
                            ? work_draw_request(self->random)
                            : work_draw(self->random);
    if (is_kept(self, message_read(work->message)))
      return work;
    work_free(work);
  }
}

static void lose_link(struct trial *self) {
  for (guint i = 0; i < self->works->len; i++)
    ((struct work *)g_ptr_array_index(self->works, i))->was_before_loss = TRUE;
  send_work(self, work_link(FALSE));
}

static void restore_link(struct trial *self) {
  self->link_back_at = MIN(self->link_back_at, disk_position(self->rig.disk));
  send_work(self, work_link(TRUE));
}

static void turn(struct trial *self, guint number, guint turns) {
  gint32 count = g_rand_int_range(self->random, 1, 5);

  for (gint32 i = 0; i < count; i++)
    send_work(self, draw(self));
  /* Without requests the link is down for half of the time; those of the cloud need it. */
  if (number == turns / 4 && !self->has_requests)
    lose_link(self);
  if (number == turns / 2)
    restore_link(self);
  pump(self);
  if (number % 4 == 3 && rig_resume(&self->rig))
    rig_swap(&self->rig);
  if (number % 4 == 1)
    pass_time(self, 2500 * 1000, FALSE);
}

static void put_pods(struct rig *rig) {
  for (guint i = 0; i < PODS; i++) {
    g_autofree char *resource = g_strdup_printf("default/pod/n%u", i);
    fake_core_push(rig->core, fake_message(.source = "edgecontroller", .operation = "update", .resource = resource,
                                           .raw = "{\"from\":\"the start\"}"));
  }
  module_run_inbox(rig->module);
}

disk *trial_base(void) {
  disk *base = disk_new();
  struct rig rig;

  rig_init(&rig, base);
  if (!rig_start(&rig, NULL))
    g_error("cannot make a database: %s", rig.why->str);
  put_pods(&rig);
  rig_clear(&rig);
  return base;
}

static void trial_init(struct trial *self, const struct trial_fault *fault, disk *on, guint first, guint count,
                       gboolean has_requests) {
  *self = (struct trial){
      .fault = fault, .first = first, .count = count, .has_requests = has_requests, .link_back_at = G_MAXUINT};
  self->sent = g_ptr_array_new_with_free_func(sent_free);
  self->works = g_ptr_array_new_with_free_func(work_free);
  self->random = g_rand_new_with_seed(SEED);
  self->wrong = g_string_new(NULL);
  rig_init(&self->rig, on);
}

/* Starts again and again while something fails. */
static gboolean start(struct trial *self) {
  for (guint i = 0; i < STARTS_MAX; i++)
    if (rig_start(&self->rig, NULL))
      return TRUE;
  g_string_printf(self->wrong, "it does not start any more: %s", self->rig.why->str);
  return FALSE;
}

static void judge(struct trial *self, const char *before) {
  g_autofree char *after = rig_read(self->rig.disk, TRUE);
  g_autoptr(cutter) cut = cutter_new(self->rig.disk);

  cutter_go(cut, disk_position(self->rig.disk));
  g_autoptr(disk) left = cutter_disk(cut, CUT_NONE, self->random);
  g_autofree char *after_cut = rig_read(left, FALSE);
  disk_use(self->rig.disk);
  verdict(self, before, after, after_cut);
}

void trial_run(struct trial *self, const struct trial_fault *fault, const disk *base, guint first, guint count,
               guint turns, gboolean has_requests) {
  disk *on = base != NULL ? disk_copy(base) : disk_new();
  g_autofree char *before = base != NULL ? rig_read(on, FALSE) : g_strdup("");

  trial_init(self, fault, on, first, count, has_requests);
  self->has_pods = base != NULL;
  disk_record(on);
  if (base == NULL)
    fault->arm(self, first, count);
  if (!start(self)) {
    fault->disarm(self);
    return;
  }
  if (base != NULL)
    fault->arm(self, first, count);
  if (has_requests)
    send_work(self, work_link(TRUE));
  for (guint i = 0; i < turns; i++)
    turn(self, i, turns);
  fault->disarm(self);
  send_work(self, work_link(TRUE));
  pass_time(self, REST_TIME, TRUE);
  if (!is_at_rest(self))
    g_string_printf(self->wrong, "it does not come to rest: %u in the queue, %" G_GUINT64_FORMAT " held, %s; log: %s",
                    fake_core_inbox_length(self->rig.core), fake_core_held(self->rig.core), self->rig.why->str,
                    fake_core_log(self->rig.core));
  /* It works again. */
  guint healthy = self->works->len;
  for (guint i = 0; i < 3; i++)
    send_work(self, draw(self));
  pass_time(self, REST_STEP, FALSE);
  for (guint i = healthy; i < self->works->len; i++)
    ((struct work *)g_ptr_array_index(self->works, i))->must_succeed = TRUE;
  if (self->wrong->len == 0)
    judge(self, before);
}

void trial_clear(struct trial *self) {
  disk *on = self->rig.disk;

  rig_clear(&self->rig);
  disk_free(on);
  g_ptr_array_unref(self->sent);
  g_ptr_array_unref(self->works);
  g_rand_free(self->random);
  g_string_free(self->wrong, TRUE);
}

/* Runs it once; whether anything was struck. */
static gboolean run_one(const struct trial_fault *fault, const disk *base, guint first, guint count, guint turns,
                        gboolean has_requests, guint64 *violations) {
  guint live = message_count_live();
  struct trial trial;

  trial_run(&trial, fault, base, first, count, turns, has_requests);
  gboolean struck = trial.seen > 0;
  g_autofree char *wrong = g_strdup(trial.wrong->str);
  trial_clear(&trial);
  if (*wrong == '\0' && message_count_live() != live) {
    g_free(wrong);
    wrong = g_strdup_printf("%u messages leaked", message_count_live() - live);
  }
  if (*wrong != '\0' && (*violations)++ < SHOWN_MAX)
    fprintf(stderr, "%s%s, call %u and %u more, %s: %s\n", fault->name, base == NULL ? " from the start" : "", first,
            count - 1, has_requests ? "with requests" : "without requests", wrong);
  return struck;
}

void trial_all(const struct trial_fault *fault, const disk *base, guint turns, gboolean has_requests, guint64 *cases,
               guint64 *violations) {
  static const guint counts[] = {1, 7};

  for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
    for (guint first = 1; run_one(fault, base, first, counts[i], turns, has_requests, violations); first++)
      (*cases)++;
}
