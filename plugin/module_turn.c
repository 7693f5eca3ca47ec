#include "module_private.h"

#include "dispatch.h"
#include "error.h"

/* Between attempts to handle what could not even be answered with an error, in microseconds. */
#define BACKLOG_TIME_MIN 10000
#define BACKLOG_TIME_MAX 5000000
/* Before a pod status sync tells the cloud of statuses that did not reach it because the hub was full. */
#define STATUS_WAIT (5 * G_USEC_PER_SEC)
/* Before what could not be kept is offered to the outbox again: each attempt is a line in the log. */
#define KEEP_RETRY G_USEC_PER_SEC

typedef int32_t turn_body_fn(struct turn *turn, struct edgecore_item *items, guint count,
                             const struct edgecore_error *cause, struct edgecore_error *error);

static void drop_kept(module *self) {
  guint left = 0;

  for (guint i = 0; i < self->waiting->len; i++) {
    struct delivery delivery = g_array_index(self->waiting, struct delivery, i);
    if (delivery_is_for_cloud(&delivery))
      self->core->message_unref(delivery.message);
    else
      g_array_index(self->waiting, struct delivery, left++) = delivery;
  }
  g_array_set_size(self->waiting, left);
}

/* Runs the body in a transaction, and hands on its deliveries when that is on the disk. */
static int32_t run_once(module *self, turn_body_fn *body, struct edgecore_item *items, guint *count,
                        const struct edgecore_error *cause, struct edgecore_error *error) {
  database *db = store_database(self->store);
  struct turn turn = {.core = self->core,
                      .settings = &self->settings,
                      .store = self->store,
                      .outbox = self->outbox,
                      .link = self->link,
                      .deliveries = self->deliveries,
                      .waiting = self->waiting,
                      .has_wanted = self->has_wanted};

  if (*count > 1)
    database_share_reads(db);
  int32_t code = body(&turn, items, *count, cause, error);

  if (code == EDGECORE_OK)
    code = database_commit(db, error);
  if (code != EDGECORE_OK) {
    database_rollback(db);
    outbox_rolled_back(self->outbox);
    deliveries_truncate(self->deliveries, self->core, 0);
    return code;
  }
  module_committed(self);
  self->link = turn.link;
  if (turn.waiting_kept)
    drop_kept(self);
  /* Without a link, its next change begins with a sync. */
  if (turn.statuses_left && self->link != LINK_DISCONNECTED)
    self->sync_due = MIN(self->sync_due, module_now(self) + STATUS_WAIT);
  g_array_append_vals(self->waiting, self->deliveries->data, self->deliveries->len);
  g_array_set_size(self->deliveries, 0);
  *count = turn.handled;
  if (self->flush_due == G_MAXINT64 && module_may_flush(self))
    self->flush_due = module_now(self);
  return EDGECORE_OK;
}

/* *count is how many items there are, and then how many were handled. */
static int32_t run(module *self, turn_body_fn *body, struct edgecore_item *items, guint *count,
                   const struct edgecore_error *cause, struct edgecore_error *error) {
  int32_t code = run_once(self, body, items, count, cause, error);

  if (module_reopen(self, code, error))
    code = run_once(self, body, items, count, cause, error);
  if (module_is_damage(code, error) && module_mend(self, error->text))
    code = run_once(self, body, items, count, cause, error);
  return code;
}

static int32_t handle_all(struct turn *turn, struct edgecore_item *items, guint count,
                          const struct edgecore_error *cause, struct edgecore_error *error) {
  (void)cause;
  /* A query is small, but its answer may be a long list. */
  while (turn->handled < count && turn->bytes < (gsize)turn->settings->turn_max_bytes) {
    int32_t code = dispatch(turn, &items[turn->handled], error);
    if (code != EDGECORE_OK)
      return code;
    turn->handled++;
  }
  return EDGECORE_OK;
}

static int32_t handle_failure(struct turn *turn, struct edgecore_item *items, guint count,
                              const struct edgecore_error *cause, struct edgecore_error *error) {
  turn->handled = count;
  return dispatch_failure(turn, items, cause, error);
}

/* Where the disk takes nothing, what is for the cloud waits in memory, so that nobody waits behind it: the message itself where nothing of it is
 * to be stored, or else the answer. */
static int32_t handle_all_in_memory(struct turn *turn, struct edgecore_item *items, guint count,
                                    const struct edgecore_error *cause, struct edgecore_error *error) {
  turn->keeps_nothing = TRUE;
  return handle_all(turn, items, count, cause, error);
}

static int32_t handle_failure_in_memory(struct turn *turn, struct edgecore_item *items, guint count,
                                        const struct edgecore_error *cause, struct edgecore_error *error) {
  turn->keeps_nothing = TRUE;
  return handle_failure(turn, items, count, cause, error);
}

static int32_t keep_waiting(struct turn *turn, struct edgecore_item *items, guint count,
                            const struct edgecore_error *cause, struct edgecore_error *error) {
  (void)items;
  (void)count;
  (void)cause;
  return turn_keep_waiting(turn, error);
}

gboolean module_keep_waiting(module *self) {
  struct edgecore_error error = ERROR_INIT;
  guint count = 0;

  if (module_now(self) < self->keep_after)
    return FALSE;
  if (run(self, keep_waiting, NULL, &count, NULL, &error) == EDGECORE_OK)
    return TRUE;
  error_prefix(&error, "messages for the cloud wait in memory: ");
  module_log(self, EDGECORE_LOG_ERROR, error.text);
  self->keep_after = module_now(self) + KEEP_RETRY;
  return FALSE;
}

/* FALSE: it could not even be answered. */
static gboolean handle_one(module *self, struct edgecore_item *item) {
  struct edgecore_error cause = ERROR_INIT;
  struct edgecore_error error = ERROR_INIT;
  guint count = 1;

  if (run(self, handle_all, item, &count, NULL, &cause) == EDGECORE_OK ||
      run(self, handle_failure, item, &count, &cause, &error) == EDGECORE_OK)
    return TRUE;
  if (error.code == EDGECORE_NO_MEMORY)
    return FALSE;
  if (module_is_crowded(self))
    module_drop_held(self);
  return !module_is_crowded(self) && (run(self, handle_all_in_memory, item, &count, NULL, &error) == EDGECORE_OK ||
                                      run(self, handle_failure_in_memory, item, &count, &cause, &error) == EDGECORE_OK);
}

/* Handles the items; how many of them, from the first on, are done with. */
static guint handle(module *self, struct edgecore_item *items, guint count) {
  struct edgecore_error error = ERROR_INIT;
  guint done = count;

  if (count > 1 && run(self, handle_all, items, &done, NULL, &error) == EDGECORE_OK)
    return done;
  done = 0;
  while (done < count && handle_one(self, &items[done]))
    done++;
  return done;
}

void module_item_clear(const module *self, struct edgecore_item *item) {
  self->core->message_unref(item->message);
  self->core->message_unref(item->context);
}

static guint take(module *self, guint max) {
  guint backlog = self->backlog->len;

  if (backlog > 0) {
    guint count = MIN(backlog, max);
    g_array_set_size(self->items, 0);
    g_array_append_vals(self->items, self->backlog->data, count);
    return count;
  }
  g_array_set_size(self->items, max);
  return self->core->receive(self->core, (struct edgecore_item *)(void *)self->items->data,
                             sizeof(struct edgecore_item), max, (guint64)self->settings.turn_max_bytes);
}

void module_process(module *self, guint max) {
  gboolean from_backlog = self->backlog->len > 0;
  guint count = take(self, max);
  struct edgecore_item *items = (struct edgecore_item *)(void *)self->items->data;

  if (count == 0)
    return;
  guint done = handle(self, items, count);
  if (from_backlog && done > 0)
    g_array_remove_range(self->backlog, 0, done);
  else if (!from_backlog && done < count)
    g_array_append_vals(self->backlog, items + done, count - done);
  for (guint i = 0; i < done; i++)
    module_item_clear(self, &items[i]);

  module_deliver(self);
  self->backlog_time = done > 0 ? 0 : CLAMP(2 * self->backlog_time, BACKLOG_TIME_MIN, BACKLOG_TIME_MAX);
  if (self->backlog->len == 0)
    self->backlog_due = G_MAXINT64;
  else if (done == 0)
    self->backlog_due = module_now(self) + self->backlog_time;
  else
    /* While a neighbour is full, there is no room for more. */
    self->backlog_due = module_is_refused(self) ? self->wait_due : module_now(self);
  /* Nobody who was answered waits for it. */
  module_bound_wal(self);
}
