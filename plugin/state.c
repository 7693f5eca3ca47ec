#include "state.h"

#include "error.h"
#include "outbox.h"
#include "text.h"

#include <string.h>

#define STATE_MAGIC 0x6d6d7374u
/* For a reference that is NULL. */
#define NO_MESSAGE G_MAXUINT32

struct writer {
  const struct edgecore_core *core;
  struct state_blob blob;
};

static void put_number(struct writer *writer, gint64 number) {
  guint64 wire = GUINT64_TO_LE((guint64)number);

  g_byte_array_append(writer->blob.data, (const guint8 *)&wire, sizeof wire);
}

static void put_message(struct writer *writer, struct edgecore_message *message) {
  if (message == NULL) {
    put_number(writer, NO_MESSAGE);
    return;
  }
  put_number(writer, writer->blob.messages->len);
  g_ptr_array_add(writer->blob.messages, writer->core->message_ref(message));
}

static void put_entry(struct remote_entry *entry, void *data) {
  struct writer *writer = data;

  put_message(writer, entry->request);
  put_number(writer, entry->attempts);
  put_number(writer, entry->deadline);
  put_number(writer, entry->retry_at);
  put_number(writer, entry->waiters->len);
  for (guint i = 0; i < entry->waiters->len; i++)
    put_message(writer, g_ptr_array_index(entry->waiters, i));
}

struct state_blob state_encode(const struct edgecore_core *core, const struct state *state) {
  struct writer writer = {.core = core,
                          .blob = {.data = g_byte_array_new(),
                                   .messages = g_ptr_array_new_with_free_func((GDestroyNotify)core->message_unref)}};

  put_number(&writer, STATE_MAGIC);
  put_number(&writer, state->link);
  put_number(&writer, state->sync_due);
  put_number(&writer, state->outbox_taken);
  put_number(&writer, state->waiting->len);
  for (guint i = 0; i < state->waiting->len; i++) {
    const struct delivery *delivery = &g_array_index(state->waiting, struct delivery, i);
    put_number(&writer, delivery->kind);
    put_number(&writer, delivery->to);
    put_number(&writer, delivery->link);
    put_message(&writer, delivery->message);
    put_message(&writer, delivery->context);
  }
  put_number(&writer, state->backlog->len);
  for (guint i = 0; i < state->backlog->len; i++) {
    const struct edgecore_item *item = &g_array_index(state->backlog, struct edgecore_item, i);
    put_number(&writer, item->outcome);
    put_message(&writer, item->message);
    put_message(&writer, item->context);
  }
  put_number(&writer, remote_count(state->remote));
  remote_each(state->remote, put_entry, &writer);
  put_number(&writer, text_sum("", 0, "", 0, (const char *)writer.blob.data->data, writer.blob.data->len));
  return writer.blob;
}

void state_blob_clear(struct state_blob *blob) {
  g_clear_pointer(&blob->data, g_byte_array_unref);
  g_clear_pointer(&blob->messages, g_ptr_array_unref);
}

/* Reads from the front; once something does not fit, everything after it is 0 and `bad` says so. */
struct reader {
  const struct edgecore_state *handed;
  gsize at;
  gsize end;
  gboolean bad;
};

static gint64 get_number(struct reader *reader, gint64 min, gint64 max) {
  guint64 wire;

  if (reader->bad || reader->end - reader->at < sizeof wire) {
    reader->bad = TRUE;
    return 0;
  }
  memcpy(&wire, (const guint8 *)reader->handed->data + reader->at, sizeof wire);
  reader->at += sizeof wire;
  gint64 number = (gint64)GUINT64_FROM_LE(wire);
  reader->bad = number < min || number > max;
  return reader->bad ? 0 : number;
}

static struct edgecore_message *get_message(struct reader *reader, gboolean may_be_null) {
  gint64 number = get_number(reader, 0, NO_MESSAGE);

  if (reader->bad || (number == NO_MESSAGE && may_be_null))
    return NULL;
  if (number >= reader->handed->message_count || reader->handed->messages[number] == NULL) {
    reader->bad = TRUE;
    return NULL;
  }
  return reader->handed->messages[number];
}

/* A count of things that take at least `size` numbers each, so that a wrong one cannot make us ask for much memory. */
static guint get_count(struct reader *reader, gsize size) {
  return (guint)get_number(reader, 0, (gint64)((reader->end - reader->at) / (8 * size)));
}

static void get_deliveries(struct reader *reader, const struct edgecore_core *core, GArray *waiting) {
  guint count = get_count(reader, 5);

  for (guint i = 0; i < count && !reader->bad; i++) {
    struct delivery delivery = {.kind = (enum delivery_kind)get_number(reader, DELIVERY_SEND, DELIVERY_LINK)};
    delivery.to = (enum destination)get_number(reader, DESTINATION_CLOUD, DESTINATION_CALLER);
    delivery.link = (enum link)get_number(reader, LINK_UNKNOWN, LINK_DISCONNECTED);
    delivery.message = get_message(reader, delivery.kind == DELIVERY_LINK);
    gboolean alone = delivery.kind == DELIVERY_SEND || delivery.kind == DELIVERY_ASK || delivery.kind == DELIVERY_LINK;
    delivery.context = get_message(reader, alone);
    reader->bad |= (alone && delivery.context != NULL) || (delivery.kind == DELIVERY_LINK && delivery.message != NULL);
    if (reader->bad)
      return;
    if (delivery.message != NULL)
      core->message_ref(delivery.message);
    if (delivery.context != NULL)
      core->message_ref(delivery.context);
    g_array_append_val(waiting, delivery);
  }
}

static void get_backlog(struct reader *reader, const struct edgecore_core *core, GArray *backlog) {
  guint count = get_count(reader, 3);

  for (guint i = 0; i < count && !reader->bad; i++) {
    struct edgecore_item item = {.size = sizeof item,
                                 .outcome = (int32_t)get_number(reader, EDGECORE_OK, EDGECORE_FAILED)};
    item.message = get_message(reader, item.outcome != EDGECORE_OK);
    item.context = get_message(reader, item.outcome == EDGECORE_OK);
    if (reader->bad)
      return;
    if (item.message != NULL)
      core->message_ref(item.message);
    if (item.context != NULL)
      core->message_ref(item.context);
    g_array_append_val(backlog, item);
  }
}

static void get_remote(struct reader *reader, remote *queries) {
  guint count = get_count(reader, 5);

  for (guint i = 0; i < count && !reader->bad; i++) {
    struct edgecore_message *request = get_message(reader, FALSE);
    gint64 attempts = get_number(reader, 0, G_MAXINT32);
    gint64 deadline = get_number(reader, 0, G_MAXINT64);
    gint64 retry_at = get_number(reader, 0, G_MAXINT64);
    guint waiter_count = get_count(reader, 1);
    g_autoptr(GPtrArray) waiters = g_ptr_array_new();
    for (guint j = 0; j < waiter_count && !reader->bad; j++)
      g_ptr_array_add(waiters, get_message(reader, FALSE));
    if (!reader->bad)
      remote_restore(queries, request, (struct edgecore_message *const *)waiters->pdata, waiters->len, attempts,
                     deadline, retry_at);
  }
}

static int32_t refuse(struct edgecore_error *error, const struct edgecore_state *handed, const char *why) {
  return error_set(error, EDGECORE_UNSUPPORTED_STATE,
                   "cannot take over the state (format %u, %" G_GUINT64_FORMAT " bytes): %s", handed->format,
                   handed->data_size, why);
}

int32_t state_decode(const struct edgecore_core *core, const struct edgecore_state *handed, struct state *state,
                     struct edgecore_error *error) {
  if (handed->size < sizeof *handed || handed->reserved != 0)
    return refuse(error, handed, "its struct is shorter than this version needs, or uses fields that it does not know");
  if (handed->format < STATE_FORMAT_OLDEST || handed->format > STATE_FORMAT_NEWEST)
    return refuse(error, handed, "this version does not read that format");
  if (handed->data == NULL || handed->data_size < 8 || (handed->messages == NULL && handed->message_count > 0))
    return refuse(error, handed, "it is empty");

  struct reader reader = {.handed = handed, .end = handed->data_size - 8};
  gint64 sum;
  memcpy(&sum, (const guint8 *)handed->data + reader.end, sizeof sum);
  if ((gint64)GUINT64_FROM_LE((guint64)sum) != text_sum("", 0, "", 0, handed->data, reader.end))
    return refuse(error, handed, "its checksum is wrong");

  get_number(&reader, STATE_MAGIC, STATE_MAGIC);
  enum link link = (enum link)get_number(&reader, LINK_UNKNOWN, LINK_DISCONNECTED);
  gint64 sync_due = get_number(&reader, 0, G_MAXINT64);
  gint64 taken = get_number(&reader, 0, OUTBOX_ID_MAX);
  get_deliveries(&reader, core, state->waiting);
  get_backlog(&reader, core, state->backlog);
  get_remote(&reader, state->remote);
  if (reader.bad || reader.at != reader.end)
    return refuse(error, handed, "it does not say what such a state says");
  state->link = link;
  state->sync_due = sync_due;
  state->outbox_taken = taken;
  return EDGECORE_OK;
}
