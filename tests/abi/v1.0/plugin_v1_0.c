/* A plugin written against ABI 1.0 and never changed since: compiled against the frozen header in every build, it shows that a later host
 * still takes it, and that it and later versions can follow each other. The module metaManager, of which only `query` is left: it
 * answers "v1.0".
 *
 * State format 1, as later versions have it: numbers of 64 bits, a checksum at the end. It passes on the link state, when the next sync
 * is due, and how far the outbox was sent, of which it makes no use; and the requests that it could not answer yet because the
 * asker's queue was full. It cannot take deliveries or queries under way, and refuses a state that has some. */
#include <edgecore/plugin.h>

#include <glib.h>
#include <string.h>

#define MODULE "metaManager"
#define GROUP "meta"
#define STATE_FORMAT 1
#define STATE_MARK 0x6d6d7374
#define NO_MESSAGE UINT32_MAX
#define LINKS 3
#define BATCH 16
#define BATCH_BYTES (1 << 20)
#define RETRY_US 2000

/* What it keeps for the version after it. */
struct passed_on {
  uint64_t link;
  uint64_t sync_due;
  uint64_t outbox_taken;
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
  GPtrArray *held; /* the requests to answer when the asker has room, oldest first; nothing is taken in until then */
  struct passed_on passed_on;
  GArray *handed; /* what stop gave out, with the messages of `held` */
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
  return code;
}

/* Whether all that was held is answered. */
static gboolean retry(struct edgecore_plugin *self) {
  while (self->held->len > 0 && answer(self, self->held->pdata[0]) != EDGECORE_AGAIN)
    g_ptr_array_remove_index(self->held, 0);
  return self->held->len == 0;
}

static void take(struct edgecore_plugin *self, const struct edgecore_item *item) {
  const struct edgecore_core *core = self->core;
  if (item->outcome == EDGECORE_OK && item->context == NULL &&
      strcmp(core->message_read(item->message)->operation, "query") == 0 &&
      answer(self, item->message) == EDGECORE_AGAIN)
    g_ptr_array_add(self->held, core->message_ref(item->message));
  core->message_unref(item->message);
  core->message_unref(item->context);
}

static gboolean inbox_dispatch(GSource *source, GSourceFunc callback, void *data) {
  (void)callback, (void)data;
  const struct inbox *inbox = (struct inbox *)source;
  struct edgecore_plugin *self = inbox->plugin;
  const struct edgecore_core *core = self->core;
  struct edgecore_item item = {.size = sizeof item};
  /* One at a time, so that no more than one has to be held. */
  for (guint i = 0; i < BATCH && retry(self) && core->receive(core, &item, sizeof item, 1, BATCH_BYTES) == 1; i++)
    take(self, &item);
  gboolean is_held = self->held->len > 0;
  core->set_held(core, self->held->len);
  g_source_modify_unix_fd(source, inbox->tag, is_held ? 0 : G_IO_IN);
  g_source_set_ready_time(source, is_held ? g_get_monotonic_time() + RETRY_US : -1);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs inbox_functions = {.dispatch = inbox_dispatch};

static uint64_t rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static uint64_t mix(uint64_t lane, uint64_t word) {
  return rotate((lane ^ word) * UINT64_C(0xd6e8feb86659fd93), 29);
}

/* Of whole numbers only. */
static uint64_t sum_numbers(uint64_t sum, const uint64_t *numbers, size_t count) {
  uint64_t lanes[4] = {sum, sum + 1, sum + 2, sum + 3};
  size_t at = 0;
  for (; at + 4 <= count; at += 4)
    for (int i = 0; i < 4; i++)
      lanes[i] = mix(lanes[i], GUINT64_FROM_LE(numbers[at + (size_t)i]));
  for (int i = 1; i < 4; i++)
    lanes[0] = mix(lanes[0], lanes[i] * UINT64_C(0xa0761d6478bd642f));
  for (; at < count; at++)
    lanes[0] = mix(lanes[0], GUINT64_FROM_LE(numbers[at]));
  return mix(mix(lanes[0], 0), 8 * count);
}

static uint64_t state_sum(const uint64_t *numbers, size_t count) {
  uint64_t sum = sum_numbers(sum_numbers(sum_numbers(UINT64_C(0xa0761d6478bd642f), NULL, 0), NULL, 0), numbers, count);
  return sum ^ sum >> 32;
}

static void put(GArray *numbers, uint64_t number) {
  number = GUINT64_TO_LE(number);
  g_array_append_val(numbers, number);
}

static GArray *state_numbers(const struct edgecore_plugin *self) {
  GArray *numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
  put(numbers, STATE_MARK);
  put(numbers, self->passed_on.link);
  put(numbers, self->passed_on.sync_due);
  put(numbers, self->passed_on.outbox_taken);
  put(numbers, 0); /* deliveries */
  put(numbers, self->held->len);
  for (guint i = 0; i < self->held->len; i++) {
    put(numbers, EDGECORE_OK);
    put(numbers, i);
    put(numbers, NO_MESSAGE);
  }
  put(numbers, 0); /* queries under way */
  put(numbers, state_sum((const uint64_t *)(const void *)numbers->data, numbers->len));
  return numbers;
}

/* Sets what is passed on and adds to `held`, or says what is wrong. */
static const char *state_take(struct edgecore_plugin *self, const struct edgecore_state *state) {
  size_t count = (size_t)(state->data_size / sizeof(uint64_t));
  if (state->format != STATE_FORMAT || state->data_size % sizeof(uint64_t) != 0 || count < 8)
    return "it is not of format 1";
  g_autofree uint64_t *numbers = g_memdup2(state->data, (gsize)state->data_size);
  if (GUINT64_FROM_LE(numbers[count - 1]) != state_sum(numbers, count - 1))
    return "its checksum is wrong";
  for (size_t i = 0; i < count; i++)
    numbers[i] = GUINT64_FROM_LE(numbers[i]);
  if (numbers[0] != STATE_MARK || numbers[1] >= LINKS)
    return "it does not say what such a state says";
  uint64_t requests = numbers[5];
  if (numbers[4] != 0 || requests > count || count != 8 + 3 * requests || numbers[count - 2] != 0)
    return "it has deliveries or queries under way";
  for (const uint64_t *item = numbers + 6; item < numbers + 6 + 3 * requests; item += 3)
    if (item[0] != EDGECORE_OK || item[1] >= state->message_count || item[2] != NO_MESSAGE)
      return "it has an outcome that waits";
  for (const uint64_t *item = numbers + 6; item < numbers + 6 + 3 * requests; item += 3)
    g_ptr_array_add(self->held, self->core->message_ref(state->messages[item[1]]));
  self->passed_on = (struct passed_on){numbers[1], numbers[2], numbers[3]};
  return NULL;
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
  (*plugin)->held = g_ptr_array_new_with_free_func((GDestroyNotify)core->message_unref);
  (*plugin)->passed_on.sync_due = INT64_MAX;
  return EDGECORE_OK;
}

int32_t edgecore_plugin_start(struct edgecore_plugin *self, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  /* It may be started with its own state: what that has is held already then. */
  g_ptr_array_unref(self->held);
  self->held = g_ptr_array_new_with_free_func((GDestroyNotify)self->core->message_unref);
  const char *wrong = state == NULL ? NULL : state_take(self, state);
  if (wrong != NULL) {
    g_autofree char *text = g_strdup_printf("v1.0 cannot take the state: %s", wrong);
    return explain(error, EDGECORE_UNSUPPORTED_STATE, text);
  }
  g_clear_pointer(&self->handed, g_array_unref);
  self->core->set_held(self->core, self->held->len);
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
  if (state == NULL)
    return EDGECORE_OK;
  self->handed = state_numbers(self);
  state->format = STATE_FORMAT;
  state->data = self->handed->data;
  state->data_size = self->handed->len * sizeof(uint64_t);
  state->messages = (struct edgecore_message *const *)self->held->pdata;
  state->message_count = self->held->len;
  state->reserved = 0;
  return EDGECORE_OK;
}

void edgecore_plugin_unregister(struct edgecore_plugin *self) {
  g_clear_pointer(&self->handed, g_array_unref);
  g_ptr_array_unref(self->held);
  g_free(self);
}
