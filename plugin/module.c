#include "module_private.h"

#include "error.h"
#include "schema.h"

#include <string.h>

#define MODULE_GROUP "meta"
/* Before what waits for the hub is kept although the link is said to be up, in microseconds. */
#define HUB_PATIENCE (60 * G_USEC_PER_SEC)

/* ------------------------------------------------------------------------------------------------------- the timer */

/* A hub that stands still for so long may never have told us that it has no link; the node must not stand still with it. Not sooner: the
 * outbox is bounded, and a hub that is only slow takes everything. */
static gboolean is_stuck(module *self) {
  gint64 now = module_now(self);

  if (!module_is_crowded(self) || self->settings.edgesite) {
    self->crowded_at = G_MAXINT64;
    return FALSE;
  }
  self->crowded_at = MIN(self->crowded_at, now);
  return now - self->crowded_at >= HUB_PATIENCE;
}

static void retry_waiting(module *self) {
  guint before = self->waiting->len;

  module_deliver(self);
  if (is_stuck(self))
    module_keep_waiting(self);
  /* A neighbour that is full may itself wait for room in our queue: taking one message in lets both go on. */
  if (module_is_refused(self) && self->waiting->len >= before && !module_is_crowded(self) && self->backlog->len == 0)
    module_process(self, 1);
}

static void sync_due(module *self) {
  self->sync_due = module_now(self) + self->settings.sync_interval * G_USEC_PER_SEC;
  if (module_post_sync(self))
    module_deliver(self);
}

static void keep(module *self) {
  self->keep_due = module_keep_waiting(self) ? G_MAXINT64 : self->keep_after;
}

static void fail_expired(struct remote_entry *entry, void *data) {
  module_fail_request(data, entry, EDGECORE_TIMEOUT);
}

gint64 module_due(const module *self) {
  const gint64 due[] = {self->sync_due,   self->wait_due,   self->backlog_due, self->keep_due,          self->flush_due,
                        self->wanted_due, self->verify_due, self->idle_due,    remote_due(self->remote)};
  gint64 first = G_MAXINT64;

  for (guint i = 0; i < G_N_ELEMENTS(due); i++)
    first = MIN(first, due[i]);
  return first;
}

/* Tells the host what is held, and sets the sources to what comes next. */
static void plan(module *self) {
  gboolean flushing = self->flush_due != G_MAXINT64;
  guint64 held = self->waiting->len + self->backlog->len + remote_pending(self->remote) + (flushing ? 1 : 0);
  gboolean poll = !module_is_refused(self) && self->backlog->len == 0;

  if (held != self->held_told) {
    self->held_told = held;
    self->core->set_held(self->core, held);
  }
  if (self->inbox == NULL)
    return;
  if (poll != self->inbox_polled) {
    self->inbox_polled = poll;
    g_source_modify_unix_fd(self->inbox, self->inbox_tag, poll ? G_IO_IN : 0);
  }
  gint64 due = module_due(self);
  gint64 at = due == G_MAXINT64 ? due : g_get_monotonic_time() + MAX(due - module_now(self), 0);
  /* To set it wakes the loop once more, so it is not put off with each turn: too early, it only looks what is due. */
  if (at < self->timer_at) {
    self->timer_at = at;
    g_source_set_ready_time(self->timer, at);
  }
}

void module_run_inbox(module *self) {
  if (!module_is_refused(self) && self->backlog->len == 0)
    module_process(self, (guint)self->settings.turn_max_messages);
  plan(self);
}

void module_run_due(module *self) {
  gint64 now = module_now(self);

  if (self->wait_due <= now)
    retry_waiting(self);
  if (self->keep_due <= now)
    keep(self);
  if (self->backlog_due <= now)
    module_process(self, module_is_refused(self) ? 1 : (guint)self->settings.turn_max_messages);
  remote_retry(self->remote, now, fail_expired, self);
  if (self->sync_due <= now)
    sync_due(self);
  if (self->flush_due <= now) {
    module_flush(self);
    /* What could not be kept waited for the last of the outbox. */
    if (module_cloud_waits(self))
      module_deliver(self);
  }
  if (self->wanted_due <= now)
    module_fetch_wanted(self);
  if (MIN(self->idle_due, self->verify_due) <= now)
    module_idle(self);
  plan(self);
}

/* ----------------------------------------------------------------------------------------------------- the sources */

struct module_source {
  GSource base;
  module *module;
};

static gboolean dispatch_inbox(GSource *source, GSourceFunc callback, gpointer data) {
  (void)callback;
  (void)data;
  module_run_inbox(((struct module_source *)source)->module);
  return G_SOURCE_CONTINUE;
}

static gboolean dispatch_timer(GSource *source, GSourceFunc callback, gpointer data) {
  module *self = ((struct module_source *)source)->module;

  (void)callback;
  (void)data;
  self->timer_at = G_MAXINT64;
  module_run_due(self);
  if (self->timer_at == G_MAXINT64)
    g_source_set_ready_time(source, -1);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs inbox_functions = {.dispatch = dispatch_inbox};
static GSourceFuncs timer_functions = {.dispatch = dispatch_timer};

static GSource *source_new(module *self, GSourceFuncs *functions, const char *name) {
  GSource *source = g_source_new(functions, sizeof(struct module_source));

  ((struct module_source *)source)->module = self;
  g_source_set_name(source, name);
  return source;
}

static void attach(module *self) {
  GMainContext *context = g_main_context_get_thread_default();

  self->inbox = source_new(self, &inbox_functions, MODULE_NAME " inbox");
  self->inbox_tag = g_source_add_unix_fd(self->inbox, self->core->receive_fd(self->core), G_IO_IN);
  self->inbox_polled = TRUE;
  self->timer_at = G_MAXINT64;
  self->timer = source_new(self, &timer_functions, MODULE_NAME " timer");
  g_source_attach(self->inbox, context);
  g_source_attach(self->timer, context);
}

static void detach(GSource **source) {
  if (*source == NULL)
    return;
  g_source_destroy(*source);
  g_source_unref(g_steal_pointer(source));
}

/* ------------------------------------------------------------------------------------------------------------- life */

static int32_t register_all(const struct edgecore_core *core, struct edgecore_error *error) {
  const struct edgecore_module registration = {.size = sizeof registration, .name = MODULE_NAME, .group = MODULE_GROUP};
  int32_t code = core->register_module(core, &registration, error);

  return code == EDGECORE_OK ? core->register_model(core, &schema_model, error) : code;
}

int32_t module_new(const struct edgecore_core *core, module **out, struct edgecore_error *error) {
  struct settings settings;

  if (core->size < sizeof *core)
    return error_set(error, EDGECORE_INVALID, "the host's table of functions has %u bytes, this plugin needs %zu",
                     core->size, sizeof *core);
  int32_t code = register_all(core, error);
  if (code == EDGECORE_OK)
    code = settings_read(core, &settings, error);
  if (code != EDGECORE_OK)
    return code;

  module *self = g_new0(module, 1);
  self->core = core;
  self->settings = settings;
  self->clock = core->get_extension(core, EDGECORE_EXTENSION_CLOCK);
  *out = self;
  return EDGECORE_OK;
}

void module_free(module *self) {
  if (self == NULL)
    return;
  state_blob_clear(&self->handed);
  settings_clear(&self->settings);
  g_free(self);
}

/* Closes and frees all that start made. */
static void close_all(module *self) {
  detach(&self->inbox);
  detach(&self->timer);
  outbox_close(g_steal_pointer(&self->outbox));
  store_close(g_steal_pointer(&self->store));
  g_clear_pointer(&self->wanted_after, g_free);
  g_clear_pointer(&self->damage, g_free);
  deliveries_free(g_steal_pointer(&self->deliveries), self->core);
  deliveries_free(g_steal_pointer(&self->waiting), self->core);
  if (self->backlog != NULL)
    for (guint i = 0; i < self->backlog->len; i++)
      module_item_clear(self, &g_array_index(self->backlog, struct edgecore_item, i));
  g_clear_pointer(&self->backlog, g_array_unref);
  g_clear_pointer(&self->items, g_array_unref);
  remote_free(g_steal_pointer(&self->remote));
  self->started = FALSE;
}

static void set_up(module *self) {
  gint64 now = module_now(self);

  self->deliveries = deliveries_new();
  self->waiting = deliveries_new();
  self->backlog = g_array_new(FALSE, FALSE, sizeof(struct edgecore_item));
  self->items = g_array_new(FALSE, FALSE, sizeof(struct edgecore_item));
  self->remote = remote_new(self->core, &self->settings);
  self->link = self->settings.edgesite ? LINK_CONNECTED : LINK_UNKNOWN;
  self->sync_due = now + self->settings.sync_interval * G_USEC_PER_SEC;
  self->wait_due = self->backlog_due = self->keep_due = self->flush_due = self->verify_due = G_MAXINT64;
  self->crowded_at = G_MAXINT64;
  self->wait_time = self->backlog_time = 0;
  self->idle_due = now + 2 * G_USEC_PER_SEC;
  self->idle_by = now + MODULE_IDLE_BY;
  self->sum_after = self->verify_after = self->mend_due = self->keep_after = G_MININT64;
  self->mend_wait = 0;
  self->has_wanted = TRUE;
  self->wanted_due = self->link == LINK_CONNECTED ? now : G_MAXINT64;
  self->held_told = G_MAXUINT64; /* the version before may have told another number */
}

static int32_t take_over(module *self, const struct edgecore_state *handed, struct edgecore_error *error) {
  struct state state = {.waiting = self->waiting, .backlog = self->backlog, .remote = self->remote};
  gint64 now = module_now(self);
  int32_t code = state_decode(self->core, handed, &state, error);

  if (code != EDGECORE_OK)
    return code;
  if (!self->settings.edgesite)
    self->link = state.link;
  self->wanted_due = self->link == LINK_CONNECTED ? now : G_MAXINT64;
  self->sync_due = MIN(state.sync_due, self->sync_due);
  outbox_set_taken(self->outbox, state.outbox_taken);
  if (self->waiting->len > 0)
    self->wait_due = now;
  if (self->backlog->len > 0)
    self->backlog_due = now;
  return EDGECORE_OK;
}

int32_t module_start(module *self, const struct edgecore_state *state, struct edgecore_error *error) {
  if (self->started)
    return error_set(error, EDGECORE_INVALID, "the module %s is started already", MODULE_NAME);

  settings_follow_link(&self->settings);
  set_up(self);
  int32_t code = module_open(self, state == NULL, error);
  if (code == EDGECORE_OK && state != NULL)
    code = take_over(self, state, error);
  if (code != EDGECORE_OK) {
    close_all(self);
    return code;
  }
  /* The state may have been our own, after a roll-back. */
  state_blob_clear(&self->handed);
  /* What an earlier process has left: it may have been told that the link is down. */
  if (state == NULL && !self->settings.edgesite && !outbox_is_empty(self->outbox))
    self->link = LINK_DISCONNECTED;
  if (module_may_flush(self))
    self->flush_due = module_now(self);
  self->started = TRUE;
  attach(self);
  plan(self);
  return EDGECORE_OK;
}

static void hand_over(module *self, struct edgecore_state *out) {
  const struct state state = {.link = self->link,
                              .sync_due = self->sync_due,
                              .outbox_taken = outbox_taken(self->outbox),
                              .waiting = self->waiting,
                              .backlog = self->backlog,
                              .remote = self->remote};

  self->handed = state_encode(self->core, &state);
  out->format = STATE_FORMAT;
  out->data = self->handed.data->data;
  out->data_size = self->handed.data->len;
  out->messages = (struct edgecore_message *const *)self->handed.messages->pdata;
  out->message_count = self->handed.messages->len;
  out->reserved = 0;
}

/* No version follows: what is for the cloud survives in the outbox, the rest is lost with its receivers. */
static void end(module *self) {
  if (!self->settings.edgesite)
    module_keep_waiting(self);
  if (self->waiting->len + self->backlog->len > 0) {
    g_autofree char *text = g_strdup_printf("stopped with %u deliveries and %u messages that nobody took",
                                            self->waiting->len, self->backlog->len);
    module_log(self, EDGECORE_LOG_WARNING, text);
  }
  /* So that a program that closes the database after us, and removes the WAL with that, leaves nothing to wonder about. */
  database_checkpoint(store_database(self->store));
}

int32_t module_stop(module *self, struct edgecore_state *state, struct edgecore_error *error) {
  if (!self->started)
    return error_set(error, EDGECORE_INVALID, "the module %s is not started", MODULE_NAME);
  if (state != NULL && state->size < sizeof *state)
    return error_set(error, EDGECORE_INVALID, "the struct for the state has %u bytes, this plugin needs %zu",
                     state->size, sizeof *state);
  if (state != NULL)
    hand_over(self, state);
  else
    end(self);
  close_all(self);
  return EDGECORE_OK;
}
