#include "state.h"

#include "fake_core.h"
#include "fixture.h"
#include "text.h"

#include <string.h>

/* A state and what it needs. */
struct bench {
  fake_core *core;
  struct settings settings;
  struct state state;
};
typedef struct bench bench;

static bench *bench_new(void) {
  bench *self = g_new0(bench, 1);

  self->core = fake_core_new("no database is opened");
  self->settings = (struct settings){
      .send_module = (char *)"websocket", .remote_query_timeout = 60, .remote_query_attempts = 2, .volume_timeout = 60};
  self->state = (struct state){.waiting = deliveries_new(),
                               .backlog = g_array_new(FALSE, FALSE, sizeof(struct edgecore_item)),
                               .remote = remote_new(fake_core_table(self->core), &self->settings)};
  return self;
}

static void bench_free(bench *self) {
  for (guint i = 0; i < self->state.backlog->len; i++) {
    message_unref(g_array_index(self->state.backlog, struct edgecore_item, i).message);
    message_unref(g_array_index(self->state.backlog, struct edgecore_item, i).context);
  }
  g_array_unref(self->state.backlog);
  deliveries_free(self->state.waiting, fake_core_table(self->core));
  remote_free(self->state.remote);
  fake_core_free(self->core);
  g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench, bench_free)

static struct edgecore_message *message(const char *id) {
  return fake_message(.id = id, .source = "edged", .operation = "update", .resource = "a/pod/1", .raw = id);
}

static void fill_remote(bench *self) {
  struct edgecore_message *shared[] = {message("q1"), message("q2")};
  struct edgecore_message *request = fake_message(.id = "r1", .operation = "query", .resource = "a/secret/s");
  struct edgecore_message *other = fake_message(.id = "r2", .operation = "query", .resource = "a/secret/t");

  remote_restore(self->state.remote, request, shared, 2, 1, 77000000, G_MAXINT64);
  remote_restore(self->state.remote, other, shared, 1, 2, 88000000, 78000000);
  message_unref(request);
  message_unref(other);
  message_unref(shared[0]);
  message_unref(shared[1]);
}

/* One of each kind of thing. */
static bench *bench_full(void) {
  bench *self = bench_new();
  GArray *waiting = self->state.waiting;
  const struct delivery link = {.kind = DELIVERY_LINK, .to = DESTINATION_SELF, .link = LINK_CONNECTED};
  const struct edgecore_item items[] = {
      {.size = sizeof items[0], .message = message("b1")},
      {.size = sizeof items[0], .message = message("b2"), .context = message("b3")},
      {.size = sizeof items[0], .outcome = EDGECORE_TIMEOUT, .context = message("b4")},
  };

  self->state.link = LINK_DISCONNECTED;
  self->state.sync_due = 123456789;
  self->state.outbox_taken = 42;
  deliveries_add(waiting, DELIVERY_SEND, DESTINATION_CLOUD, message("w1"), NULL);
  deliveries_add(waiting, DELIVERY_REQUEST, DESTINATION_EDGED, message("w2"), message("w3"));
  deliveries_add(waiting, DELIVERY_ASK, DESTINATION_CLOUD, message("w4"), NULL);
  deliveries_add(waiting, DELIVERY_ANSWER, DESTINATION_CALLER, message("w5"), message("w6"));
  deliveries_add(waiting, DELIVERY_REMOTE_FAILED, DESTINATION_CALLER, message("w7"), message("w8"));
  g_array_append_val(waiting, link);
  g_array_append_vals(self->state.backlog, items, 2);
  /* What is not OK has no message. */
  g_array_append_vals(self->state.backlog, &items[2], 1);
  fill_remote(self);
  return self;
}

static struct edgecore_state handed_of(const struct state_blob *blob) {
  return (struct edgecore_state){.size = sizeof(struct edgecore_state),
                                 .format = STATE_FORMAT,
                                 .data = blob->data->data,
                                 .data_size = blob->data->len,
                                 .messages = (struct edgecore_message *const *)blob->messages->pdata,
                                 .message_count = blob->messages->len};
}

static const char *id_of(const struct edgecore_message *one) {
  return one != NULL ? message_read(one)->id : "-";
}

static void show_entry(struct remote_entry *entry, void *data) {
  GString *line = g_string_new(NULL);

  g_string_append_printf(line, "remote %s %d %d %d", id_of(entry->request), (int)entry->attempts,
                         (int)(entry->deadline / 1000000), entry->retry_at == G_MAXINT64 ? -1 : (int)entry->retry_at);
  for (guint i = 0; i < entry->waiters->len; i++)
    g_string_append_printf(line, " %s", id_of(g_ptr_array_index(entry->waiters, i)));
  g_ptr_array_add(data, g_string_free(line, FALSE));
}

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All of it as text. */
static char *shown(const struct state *state) {
  GString *text = g_string_new(NULL);
  g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);

  g_string_append_printf(text, "link %d sync %d taken %d\n", state->link, (int)state->sync_due,
                         (int)state->outbox_taken);
  for (guint i = 0; i < state->waiting->len; i++) {
    const struct delivery *delivery = &g_array_index(state->waiting, struct delivery, i);
    g_string_append_printf(text, "waiting %d %d %d %s %s\n", delivery->kind, delivery->to, delivery->link,
                           id_of(delivery->message), id_of(delivery->context));
  }
  for (guint i = 0; i < state->backlog->len; i++) {
    const struct edgecore_item *item = &g_array_index(state->backlog, struct edgecore_item, i);
    g_string_append_printf(text, "backlog %u %d %s %s\n", item->size, item->outcome, id_of(item->message),
                           id_of(item->context));
  }
  remote_each(state->remote, show_entry, entries);
  g_ptr_array_sort(entries, compare_lines);
  for (guint i = 0; i < entries->len; i++)
    g_string_append_printf(text, "%s\n", (const char *)entries->pdata[i]);
  return g_string_free(text, FALSE);
}

static int32_t decode(bench *self, const struct edgecore_state *handed) {
  return state_decode(fake_core_table(self->core), handed, &self->state, &failure);
}

/* Refused, with nothing leaked and nothing set. */
static void check_refused(const struct edgecore_state *handed, const char *part) {
  g_autoptr(bench) self = bench_new();

  check_fails(decode(self, handed), EDGECORE_UNSUPPORTED_STATE, part);
  check_contains(failure.text, "cannot take over the state");
  check_int_eq(self->state.link, LINK_UNKNOWN);
  check_int_eq(self->state.sync_due, 0);
  check_int_eq(self->state.outbox_taken, 0);
}

/* --------------------------------------------------------------------------------------------------------- round trip */

TEST_CASE(State, all_that_is_written_is_read) {
  const guint before = message_count_live();
  bench *from = bench_full();
  bench *to = bench_new();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  const struct edgecore_state handed = handed_of(&blob);
  g_autofree char *want = shown(&from->state);

  /* The messages cross by reference: they outlive the one who wrote them. */
  bench_free(from);
  require_ok(decode(to, &handed));
  state_blob_clear(&blob);
  g_autofree char *got = shown(&to->state);
  check_str_eq(got, want);
  bench_free(to);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(State, of_nothing_is_read_too) {
  g_autoptr(bench) from = bench_new();
  g_autoptr(bench) to = bench_full();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  const struct edgecore_state handed = handed_of(&blob);

  from->state.link = LINK_UNKNOWN;
  require_ok(decode(to, &handed));
  check_int_eq(to->state.link, LINK_UNKNOWN);
  check_int_eq(to->state.sync_due, 0);
  check_int_eq(to->state.waiting->len, 6);
  state_blob_clear(&blob);
  state_blob_clear(&blob);
}

/* -------------------------------------------------------------------------------------------------------- damaged */

TEST_CASE(State, every_single_byte_counts) {
  const guint before = message_count_live();
  bench *from = bench_full();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  const struct edgecore_state handed = handed_of(&blob);

  for (guint i = 0; i < blob.data->len; i++) {
    const guint8 byte = blob.data->data[i];
    test_note("byte %u of %u", i, blob.data->len);
    blob.data->data[i] = (guint8)(byte ^ (1u << i % 8));
    check_refused(&handed, "its checksum is wrong");
    blob.data->data[i] = byte;
  }
  state_blob_clear(&blob);
  bench_free(from);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(State, every_shorter_length_is_refused) {
  bench *from = bench_full();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  struct edgecore_state handed = handed_of(&blob);

  for (guint size = 0; size < blob.data->len; size++) {
    test_note("%u of %u bytes", size, blob.data->len);
    handed.data_size = size;
    check_refused(&handed, size < 8 ? "it is empty" : "its checksum is wrong");
  }
  state_blob_clear(&blob);
  bench_free(from);
}

static void put(GByteArray *data, gint64 number) {
  const guint64 wire = GUINT64_TO_LE((guint64)number);

  g_byte_array_append(data, (const guint8 *)&wire, sizeof wire);
}

static void put_sum(GByteArray *data) {
  put(data, text_sum("", 0, "", 0, (const char *)data->data, data->len));
}

/* Blobs whose checksum is right and whose numbers are not: what a foreign program, or a version to come, might write. */
static void check_numbers_refused(const gint64 *numbers, guint count, guint message_count) {
  g_autoptr(GByteArray) data = g_byte_array_new();
  struct edgecore_message *one = message("m");
  struct edgecore_message *const messages[] = {one, one, NULL};

  for (guint i = 0; i < count; i++)
    put(data, numbers[i]);
  put_sum(data);
  const struct edgecore_state handed = {.size = sizeof handed,
                                        .format = STATE_FORMAT,
                                        .data = data->data,
                                        .data_size = data->len,
                                        .messages = messages,
                                        .message_count = message_count};
  check_refused(&handed, "it does not say what such a state says");
  message_unref(one);
}

#define MAGIC 0x6d6d7374
#define NONE ((gint64)G_MAXUINT32)
#define HUGE_COUNT G_MAXINT64

TEST_CASE(State, numbers_that_make_no_sense_are_refused) {
  static const struct {
    const char *what;
    guint count;
    gint64 numbers[16];
  } rows[] = {
      {"nothing", 0, {0}},
      {"the magic alone", 1, {MAGIC}},
      {"another magic", 7, {MAGIC + 1, 0, 0, 0, 0, 0, 0}},
      {"a link below", 7, {MAGIC, -1, 0, 0, 0, 0, 0}},
      {"a link above", 7, {MAGIC, 3, 0, 0, 0, 0, 0}},
      {"a place before the first", 7, {MAGIC, 0, 0, -1, 0, 0, 0}},
      {"a count that is too great by one", 7, {MAGIC, 0, 0, 0, 1, 0, 0}},
      {"a count without end", 7, {MAGIC, 0, 0, 0, HUGE_COUNT, 0, 0}},
      {"a negative count", 7, {MAGIC, 0, 0, 0, -1, 0, 0}},
      {"a backlog without end", 7, {MAGIC, 0, 0, 0, 0, HUGE_COUNT, 0}},
      {"queries without end", 7, {MAGIC, 0, 0, 0, 0, 0, HUGE_COUNT}},
      {"one number more", 8, {MAGIC, 0, 0, 0, 0, 0, 0, 0}},
      {"an unknown kind of delivery", 12, {MAGIC, 0, 0, 0, 1, 6, 0, 0, 0, NONE, 0, 0}},
      {"an unknown destination", 12, {MAGIC, 0, 0, 0, 1, 0, 6, 0, 0, NONE, 0, 0}},
      {"an unknown link", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 3, 0, NONE, 0, 0}},
      {"a message that is not there", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 0, 3, NONE, 0, 0}},
      {"a message that is NULL", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 0, 2, NONE, 0, 0}},
      {"no message to send", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 0, NONE, NONE, 0, 0}},
      {"a negative message", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 0, -1, NONE, 0, 0}},
      {"a request without a context", 12, {MAGIC, 0, 0, 0, 1, 1, 0, 0, 0, NONE, 0, 0}},
      {"an answer without a context", 12, {MAGIC, 0, 0, 0, 1, 3, 0, 0, 0, NONE, 0, 0}},
      {"an unknown outcome", 10, {MAGIC, 0, 0, 0, 0, 1, 99, 0, NONE, 0}},
      {"an item without a message", 10, {MAGIC, 0, 0, 0, 0, 1, 0, NONE, NONE, 0}},
      {"a failure without a context", 10, {MAGIC, 0, 0, 0, 0, 1, EDGECORE_TIMEOUT, NONE, NONE, 0}},
      {"a query without a request", 12, {MAGIC, 0, 0, 0, 0, 0, 1, NONE, 0, 0, 0, 0}},
      {"negative attempts", 12, {MAGIC, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 0}},
      {"a time before the clock began", 12, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 1, -1, 0, 0}},
      {"a sync before the clock began", 7, {MAGIC, 0, -1, 0, 0, 0, 0}},
      {"a place that is never given", 7, {MAGIC, 0, 0, G_MAXINT64, 0, 0, 0}},
      {"those who wait without end", 12, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, HUGE_COUNT}},
      {"one who waits that is not there", 13, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 9}},
      {"one who waits that is nobody", 13, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, NONE}},
  };
  const guint before = message_count_live();

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].what);
    check_numbers_refused(rows[i].numbers, rows[i].count, 3);
  }
  check_int_eq(message_count_live(), before);
}

/* The same shapes with good numbers are taken, so it is not the shape that is refused above. */
TEST_CASE(State, the_smallest_of_each_thing_is_taken) {
  static const struct {
    const char *want;
    guint count;
    gint64 numbers[16];
  } rows[] = {
      {"link 2 sync 5 taken 6\n", 7, {MAGIC, 2, 5, 6, 0, 0, 0}},
      {"link 0 sync 0 taken 0\nwaiting 0 0 0 m -\n", 12, {MAGIC, 0, 0, 0, 1, 0, 0, 0, 0, NONE, 0, 0}},
      {"link 0 sync 0 taken 0\nwaiting 5 4 1 - -\n", 12, {MAGIC, 0, 0, 0, 1, 5, 4, 1, NONE, NONE, 0, 0}},
      {"link 0 sync 0 taken 0\nremote m 1 0 0 m\n", 13, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1}},
      /* One that has found no room yet. */
      {"link 0 sync 0 taken 0\nremote m 0 0 0 m\n", 13, {MAGIC, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1}},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(bench) self = bench_new();
    g_autoptr(GByteArray) data = g_byte_array_new();
    struct edgecore_message *one = message("m");
    struct edgecore_message *const messages[] = {one, one};
    for (guint j = 0; j < rows[i].count; j++)
      put(data, rows[i].numbers[j]);
    put_sum(data);
    const struct edgecore_state handed = {.size = sizeof handed,
                                          .format = STATE_FORMAT,
                                          .data = data->data,
                                          .data_size = data->len,
                                          .messages = messages,
                                          .message_count = 2};
    test_note("row %u", i);
    require_ok(decode(self, &handed));
    g_autofree char *got = shown(&self->state);
    check_str_eq(got, rows[i].want);
    message_unref(one);
  }
}

/* ----------------------------------------------------------------------------------------------------------- foreign */

TEST_CASE(State, a_foreign_blob_is_refused) {
  static const char text[] = "{\"state\": \"of another program, which is long enough to be read as numbers\"}";
  struct edgecore_state handed = {
      .size = sizeof handed, .format = STATE_FORMAT, .data = text, .data_size = sizeof text};

  check_refused(&handed, "its checksum is wrong");
  handed.data = NULL;
  check_refused(&handed, "it is empty");
}

TEST_CASE(State, another_format_is_refused_by_its_number) {
  g_autoptr(bench) from = bench_full();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  struct edgecore_state handed = handed_of(&blob);

  handed.format = STATE_FORMAT_OLDEST - 1;
  check_refused(&handed, "does not read that format");
  handed.format = STATE_FORMAT_NEWEST + 1;
  check_refused(&handed, "does not read that format");
  handed.format = G_MAXUINT32;
  check_refused(&handed, "format 4294967295");
  state_blob_clear(&blob);
}

TEST_CASE(State, a_struct_from_another_contract_is_refused) {
  g_autoptr(bench) from = bench_full();
  struct state_blob blob = state_encode(fake_core_table(from->core), &from->state);
  struct edgecore_state handed = handed_of(&blob);

  handed.size = sizeof handed - 1;
  check_refused(&handed, "its struct is shorter");
  handed.size = sizeof handed;
  handed.reserved = 1;
  check_refused(&handed, "uses fields that it does not know");
  handed.reserved = 0;
  handed.messages = NULL;
  check_refused(&handed, "it is empty");
  handed = handed_of(&blob);
  handed.message_count--;
  check_refused(&handed, "it does not say what such a state says");
  state_blob_clear(&blob);
}
