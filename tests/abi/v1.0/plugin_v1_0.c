/* A plugin written against ABI 1.0 and never changed since: compiled against the frozen header in every build, it shows that a later host
 * still takes it. The module metaManager, of which only `query` is left: it answers "v1.0".
 *
 * State format 1: the number of answers given, and the request that it could not answer yet because the asker's queue was full. */
#include <edgecore/plugin.h>

#include <glib-unix.h>
#include <glib.h>
#include <string.h>

#define MODULE "metaManager"
#define GROUP "meta"
#define STATE_FORMAT 1
#define STATE_MARK 0x302e3176 /* "v1.0" */
#define BATCH 16
#define BATCH_BYTES (1 << 20)
#define RETRY_MS 2

struct state_data {
  uint32_t mark;
  uint32_t reserved;
  uint64_t answered;
};

struct edgecore_plugin {
  const struct edgecore_core *core;
  GSource *inbox;
  GSource *retry;
  struct edgecore_message *held; /* the request to answer when the asker has room */
  struct state_data data;
  struct edgecore_message *handed[1];
};

static const struct edgecore_plugin_descriptor descriptor = {
    .size = sizeof descriptor,
    .magic = EDGECORE_PLUGIN_MAGIC,
    .abi_major = EDGECORE_ABI_MAJOR,
    .abi_minor = EDGECORE_ABI_MINOR,
    .module = MODULE,
    .group = GROUP,
    .version = "1.0.0-frozen",
    .description = "answers v1.0",
    .state_format_written = STATE_FORMAT,
    .state_format_oldest = STATE_FORMAT,
    .state_format_newest = STATE_FORMAT,
};

static int32_t explain(struct edgecore_error *error, int32_t code, const char *text) {
  if (error != NULL) {
    error->code = code;
    g_strlcpy(error->text, text, sizeof error->text);
  }
  return code;
}

static int32_t answer(struct edgecore_plugin *self, struct edgecore_message *request) {
  const struct edgecore_core *core = self->core;
  const struct edgecore_message_fields *asked = core->message_read(request);
  static const char text[] = "\"v1.0\"";
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = asked->id,
      .source = MODULE,
      .group = asked->group,
      .operation = "response",
      .resource = asked->resource,
      .content_kind = EDGECORE_CONTENT_JSON,
      .content = text,
      .content_size = sizeof text - 1,
  };
  struct edgecore_message *message = core->message_new(core, &fields, NULL);
  if (message == NULL)
    return EDGECORE_NO_MEMORY;
  int32_t code = (asked->flags & EDGECORE_MESSAGE_SYNC) != 0 ? core->send_resp(core, message, NULL)
                                                             : core->send(core, asked->source, message, NULL);
  core->message_unref(message);
  self->data.answered += code == EDGECORE_OK;
  return code;
}

static void source_drop(GSource **source) {
  if (*source == NULL)
    return;
  g_source_destroy(*source);
  g_clear_pointer(source, g_source_unref);
}

static void source_attach(GSource *source, GSourceFunc call, void *data) {
  g_source_set_callback(source, call, data, NULL);
  g_source_attach(source, g_main_context_get_thread_default());
}

static gboolean on_retry(void *data) {
  struct edgecore_plugin *self = data;
  if (answer(self, self->held) == EDGECORE_AGAIN)
    return G_SOURCE_CONTINUE;
  self->core->message_unref(g_steal_pointer(&self->held));
  self->core->set_held(self->core, 0);
  g_clear_pointer(&self->retry, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void hold(struct edgecore_plugin *self, struct edgecore_message *request) {
  self->held = self->core->message_ref(request);
  self->core->set_held(self->core, 1);
  self->retry = g_timeout_source_new(RETRY_MS);
  source_attach(self->retry, on_retry, self);
}

static gboolean on_inbox(int fd, GIOCondition condition, void *data) {
  (void)fd, (void)condition;
  struct edgecore_plugin *self = data;
  const struct edgecore_core *core = self->core;
  /* One at a time, so that at most one has to be held. */
  for (guint i = 0; i < BATCH && self->held == NULL; i++) {
    struct edgecore_item item = {.size = sizeof item};
    if (core->receive(core, &item, sizeof item, 1, BATCH_BYTES) == 0)
      break;
    if (item.outcome == EDGECORE_OK && item.context == NULL &&
        strcmp(core->message_read(item.message)->operation, "query") == 0 &&
        answer(self, item.message) == EDGECORE_AGAIN)
      hold(self, item.message);
    core->message_unref(item.message);
    core->message_unref(item.context);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean state_is_known(const struct edgecore_state *state) {
  struct state_data data;
  if (state->format != STATE_FORMAT || state->data_size != sizeof data || state->message_count > 1)
    return FALSE;
  memcpy(&data, state->data, sizeof data);
  return data.mark == STATE_MARK && data.reserved == 0;
}

const struct edgecore_plugin_descriptor *edgecore_plugin_query(void) {
  return &descriptor;
}

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  *plugin = NULL;
  const struct edgecore_module module = {.size = sizeof module, .name = MODULE, .group = GROUP};
  int32_t code = core->register_module(core, &module, error);
  if (code != EDGECORE_OK)
    return code;
  *plugin = g_new0(struct edgecore_plugin, 1);
  (*plugin)->core = core;
  (*plugin)->data.mark = STATE_MARK;
  return EDGECORE_OK;
}

int32_t edgecore_plugin_start(struct edgecore_plugin *self, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  if (state != NULL && !state_is_known(state))
    return explain(error, EDGECORE_UNSUPPORTED_STATE, "the state is not one of format 1 that v1.0 wrote");
  if (state != NULL)
    memcpy(&self->data, state->data, sizeof self->data);
  if (state != NULL && state->message_count == 1)
    hold(self, state->messages[0]);
  g_clear_pointer(&self->handed[0], self->core->message_unref);
  self->inbox = g_unix_fd_source_new(self->core->receive_fd(self->core), G_IO_IN);
  source_attach(self->inbox, G_SOURCE_FUNC(on_inbox), self);
  return EDGECORE_OK;
}

int32_t edgecore_plugin_stop(struct edgecore_plugin *self, struct edgecore_state *state, struct edgecore_error *error) {
  (void)error;
  source_drop(&self->inbox);
  source_drop(&self->retry);
  self->handed[0] = g_steal_pointer(&self->held);
  if (state == NULL)
    return EDGECORE_OK;
  state->format = STATE_FORMAT;
  state->data = &self->data;
  state->data_size = sizeof self->data;
  state->messages = self->handed;
  state->message_count = self->handed[0] != NULL;
  state->reserved = 0;
  return EDGECORE_OK;
}

void edgecore_plugin_unregister(struct edgecore_plugin *self) {
  g_clear_pointer(&self->handed[0], self->core->message_unref);
  g_free(self);
}
