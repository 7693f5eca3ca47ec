#include "verdict.h"

#include "expected.h"
#include "play.h"
#include "workload.h"

#include <string.h>

/* What became of a message. */
struct outcome {
  guint done;     /* it was answered as done, or passed on where that is the answer */
  guint errors;   /* answered with an error */
  guint done_at;  /* in the disk's log */
  gboolean empty; /* the answer says nothing */
};

static gboolean is_one_of(const char *text, const char *const *list) {
  return g_strv_contains(list, text);
}

/* Whether it is told by its answer that it is done; others are told by being passed on. */
static gboolean wants_answer(const struct edgecore_message_fields *message) {
  static const char *const silent[] = {"action_result", "publish", NULL};

  return !is_one_of(message->operation, silent);
}

static struct outcome outcome_of(const struct trial *trial, const struct edgecore_message_fields *message) {
  struct outcome outcome = {0};

  for (guint i = 0; i < trial->sent->len; i++) {
    const struct trial_sent *sent = g_ptr_array_index(trial->sent, i);
    const struct edgecore_message_fields *fields = message_read(sent->message);
    gboolean answers = strcmp(fields->parent_id, message->id) == 0;
    gboolean is_error = answers && strcmp(fields->operation, "error") == 0;
    gboolean is_itself = strcmp(fields->id, message->id) == 0 && strcmp(sent->to, "websocket") == 0;

    if (sent->is_request)
      continue;
    outcome.errors += is_error;
    if (wants_answer(message) ? answers && !is_error : is_itself) {
      outcome.done++;
      outcome.done_at = sent->at;
      outcome.empty |= fields->content_size == 0;
    }
  }
  return outcome;
}

guint verdict_done_at(const struct trial *trial, const struct edgecore_message_fields *message) {
  const struct outcome outcome = outcome_of(trial, message);

  return outcome.done > 0 ? outcome.done_at : G_MAXUINT;
}

/* After a sync that failed: an open, before `at`. */
static gboolean was_reopened(const disk *on, guint at) {
  guint failed = G_MAXUINT;

  for (guint i = 0; i < at; i++) {
    const struct disk_op *op = disk_op_at(on, i);
    if (op->kind == DISK_SYNC_FAILED && g_str_has_suffix(disk_named_at(on, op->file)->name, "-wal"))
      failed = i;
    if (op->kind == DISK_OPEN && failed != G_MAXUINT)
      failed = G_MAXUINT;
  }
  return failed == G_MAXUINT;
}

/* Its commit was before, and only the answer waited. */
static gboolean waited_for_link(const struct trial *trial, const struct work *work, const struct outcome *outcome) {
  return work->was_before_loss && outcome->done_at >= trial->link_back_at;
}

static gboolean is_query(const struct edgecore_message_fields *message) {
  return strcmp(message->operation, "query") == 0;
}

static void check_outcome(struct trial *trial, const struct work *work, const struct outcome *outcome) {
  const struct edgecore_message_fields *message = message_read(work->message);
  const char *what = NULL;

  if (strcmp(message->operation, "publish") == 0)
    return;
  if (outcome->done + outcome->errors == 0)
    what = "was not answered";
  else if (outcome->done + outcome->errors > 1)
    what = "was answered more than once";
  else if (outcome->done > 0 && work->is_refused)
    what = "is wrong, and was answered as done";
  else if (outcome->errors > 0 && work->must_succeed && !work->is_refused)
    what = "was answered with an error after the failing had ended";
  else if (outcome->errors > 0 && trial->seen == 0 && !work->is_refused)
    what = "was answered with an error, and nothing had failed";
  else if (outcome->empty)
    what = "was answered with nothing";
  else if (outcome->done > 0 && !is_query(message) && !waited_for_link(trial, work, outcome) &&
           !was_reopened(trial->rig.disk, outcome->done_at))
    what = "was answered \"OK\" after a failed sync, before the database was opened anew";
  if (what != NULL && trial->wrong->len == 0)
    g_string_printf(trial->wrong, "%s of %s from %s %s (done %u, errors %u); log: %s", message->operation,
                    message->resource, message->source, what, outcome->done, outcome->errors,
                    fake_core_log(trial->rig.core));
}

/* Of the updates that only the latest counts of, the last that was answered "OK" must have reached the cloud. */
static void check_latest(struct trial *trial, guint number) {
  const struct edgecore_message_fields *message =
      message_read(((const struct work *)g_ptr_array_index(trial->works, number))->message);
  guint reached = 0;

  for (guint i = number + 1; i < trial->works->len; i++) {
    const struct edgecore_message_fields *later =
        message_read(((const struct work *)g_ptr_array_index(trial->works, i))->message);
    if (strcmp(later->resource, message->resource) == 0 && outcome_of(trial, later).done > 0)
      return;
  }
  for (guint i = 0; i < trial->sent->len; i++) {
    const struct trial_sent *sent = g_ptr_array_index(trial->sent, i);
    reached += strcmp(sent->to, "websocket") == 0 && strcmp(message_read(sent->message)->id, message->id) == 0;
  }
  if (reached == 0 && trial->wrong->len == 0)
    g_string_printf(trial->wrong, "the last update of %s never reached the cloud; log: %s", message->resource,
                    fake_core_log(trial->rig.core));
}

static void apply(struct expected *expected, const struct edgecore_message_fields *message) {
  const struct edgecore_message_fields reply = {.operation = "insert",
                                                .source = "",
                                                .id = "",
                                                .resource = message->resource,
                                                .content_kind = EDGECORE_CONTENT_RAW,
                                                .content = VERDICT_REPLY,
                                                .content_size = strlen(VERDICT_REPLY)};

  if (strstr(message->operation, "volume") != NULL)
    return;
  if (is_query(message) && strstr(message->resource, "only-in-the-cloud") != NULL)
    expected_apply(expected, &reply);
  else
    expected_apply(expected, message);
}

/* The rows of a text, without what is kept for the cloud. */
static char *rows_of(const char *text) {
  const char *kept = g_str_has_prefix(text, "> ") ? text : strstr(text, "\n> ");

  return kept == NULL ? g_strdup(text) : g_strndup(text, (gsize)(kept - text) + (kept != text));
}

static void check_table(struct trial *trial, const struct expected *expected, const char *found, const char *when) {
  g_autofree char *text = expected_text(expected);
  g_autofree char *wanted = rows_of(text);
  g_autofree char *rows = rows_of(found);

  if (trial->wrong->len > 0 || strcmp(wanted, rows) == 0)
    return;
  g_autofree char *difference = text_difference(wanted, rows);
  g_string_printf(trial->wrong, "%s: %s; log: %s", when, difference, fake_core_log(trial->rig.core));
}

void verdict(struct trial *trial, const char *before, const char *after, const char *after_cut) {
  struct expected expected;

  expected_init(&expected);
  expected_start(&expected, before);
  for (guint i = 0; i < trial->works->len; i++) {
    const struct work *work = g_ptr_array_index(trial->works, i);
    const struct outcome outcome = outcome_of(trial, message_read(work->message));
    check_outcome(trial, work, &outcome);
    trial->refused += outcome.errors > 0 && !work->is_refused;
    if (outcome.done > 0)
      apply(&expected, message_read(work->message));
    if (outcome.done > 0 && strstr(message_read(work->message)->resource, "/nodestatus/") != NULL)
      check_latest(trial, i);
  }
  check_table(trial, &expected, after, "after the failing");
  check_table(trial, &expected, after_cut, "after the failing and a power cut");
  if (trial->wrong->len == 0 && strstr(after, "\n> ") != NULL)
    g_string_assign(trial->wrong, "something is kept for the cloud although it is connected");
  expected_clear(&expected);
}
