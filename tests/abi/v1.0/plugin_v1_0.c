/* A plugin written against ABI 1.0 and never changed since: compiled against the frozen header in every build, it shows that a later host
 * still takes it. The module metaManager, of which only `query` is left: it answers "v1.0".
 *
 * State format 1: the number of answers given, and the request that it could not answer yet because the asker's queue was full. */
#include <edgecore/plugin.h>

#include <glib.h>
#include <string.h>

#define MODULE "metaManager"
#define GROUP "meta"
#define STATE_FORMAT 1
#define STATE_MARK 0x302e3176 /* "v1.0" */
#define BATCH 16
#define BATCH_BYTES (1 << 20)
#define RETRY_US 2000

struct state_data {
  uint32_t mark;
  uint32_t reserved;
  uint64_t answered;
};

/* Polls the host's descriptor, or, while a request is held, wakes again soon. */
struct inbox {
  GSource source;
  struct edgecore_plugin *plugin;
  void *tag;
};

struct edgecore_plugin {
  const struct edgecore_core *core;
  struct inbox *inbox;
  struct edgecore_message *held; /* the request to answer when the asker has room; nothing is taken in until then */
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

/* Whether there is room for the answer to what is held, or nothing is. */
static gboolean retry(struct edgecore_plugin *self) {
  if (self->held == NULL)
    return TRUE;
  if (answer(self, self->held) == EDGECORE_AGAIN)
    return FALSE;
  self->core->message_unref(g_steal_pointer(&self->held));
  return TRUE;
}

static void take(struct edgecore_plugin *self, const struct edgecore_item *item) {
  const struct edgecore_core *core = self->core;
  if (item->outcome == EDGECORE_OK && item->context == NULL &&
      strcmp(core->message_read(item->message)->operation, "query") == 0 &&
      answer(self, item->message) == EDGECORE_AGAIN)
    self->held = core->message_ref(item->message);
  core->message_unref(item->message);
  core->message_unref(item->context);
}

static gboolean inbox_dispatch(GSource *source, GSourceFunc callback, void *data) {
  (void)callback, (void)data;
  struct inbox *inbox = (struct inbox *)source;
  struct edgecore_plugin *self = inbox->plugin;
  const struct edgecore_core *core = self->core;
  struct edgecore_item item = {.size = sizeof item};
  /* One at a time, so that at most one has to be held. */
  for (guint i = 0; i < BATCH && retry(self) && core->receive(core, &item, sizeof item, 1, BATCH_BYTES) == 1; i++)
    take(self, &item);
  core->set_held(core, self->held != NULL);
  g_source_modify_unix_fd(source, inbox->tag, self->held != NULL ? 0 : G_IO_IN);
  g_source_set_ready_time(source, self->held != NULL ? g_get_monotonic_time() + RETRY_US : -1);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs inbox_functions = {.dispatch = inbox_dispatch};

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
    self->held = self->core->message_ref(state->messages[0]);
  self->core->message_unref(g_steal_pointer(&self->handed[0]));
  self->core->set_held(self->core, self->held != NULL);
  self->inbox = (struct inbox *)g_source_new(&inbox_functions, sizeof *self->inbox);
  self->inbox->plugin = self;
  self->inbox->tag = g_source_add_unix_fd(&self->inbox->source, self->core->receive_fd(self->core), G_IO_IN);
  g_source_set_ready_time(&self->inbox->source, 0);
  g_source_attach(&self->inbox->source, g_main_context_get_thread_default());
  return EDGECORE_OK;
}

int32_t edgecore_plugin_stop(struct edgecore_plugin *self, struct edgecore_state *state, struct edgecore_error *error) {
  (void)error;
  g_source_destroy(&self->inbox->source);
  g_source_unref(&self->inbox->source);
  self->inbox = NULL;
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
  self->core->message_unref(self->handed[0]);
  g_free(self);
}
