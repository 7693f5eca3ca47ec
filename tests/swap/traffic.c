#include "traffic.h"

#include "house.h"
#include "secret.h"
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MODULE "metaManager"
#define SENDERS 3
#define STREAMS 6 /* of one sender; the odd ones are services, the others pods */
#define ALL_STREAMS (SENDERS * STREAMS)
#define ASIDE_MAX 200000 /* of one sender */
#define ASIDE_EVERY 8    /* so many rounds of all streams for each thing aside */
#define PATIENCE_MS 60000
/* With the number in it. */
#define CONTENT "{\"n\":%" G_GINT64_FORMAT ",\"secret\":\"" SECRET "\"}"

enum module { EDGED, EDGEMESH, HUB, EDGEFUNCTION, MODULES };

static const struct {
  const char *name, *group;
} modules[MODULES] = {
    [EDGED] = {"edged", "edged"},
    [EDGEMESH] = {"edgemesh", "mesh"},
    [HUB] = {"websocket", "hub"},
    [EDGEFUNCTION] = {"edgefunction", "user"},
};

/* What a stream sends, over and over, each with its number in the content. `to`: which modules get something, as bits, for a pod and for a
 * service. */
enum effect { WRITES, DELETES, READS };
#define TO(module) (1u << (module))
static const struct {
  const char *source, *operation;
  enum effect effect;
  guint to[2];
} rounds[] = {
    {"edgecontroller", "insert", WRITES, {TO(EDGED) | TO(HUB), TO(EDGEMESH) | TO(HUB)}},
    {"edgecontroller", "update", WRITES, {TO(EDGED) | TO(HUB), TO(EDGEMESH) | TO(HUB)}},
    {"edged", "query", READS, {TO(EDGED), TO(EDGEMESH)}},
    {"edged", "update", WRITES, {TO(EDGED) | TO(HUB), TO(EDGED) | TO(HUB)}},
    {"edgecontroller", "response", WRITES, {TO(EDGED), TO(EDGEMESH)}},
    {"edgecontroller", "action", WRITES, {TO(EDGEFUNCTION), TO(EDGEFUNCTION)}},
    {"edged", "query", READS, {TO(EDGED), TO(EDGEMESH)}},
    {"edgefunction", "action_result", WRITES, {TO(HUB), TO(HUB)}},
    {"edgecontroller", "delete", DELETES, {TO(EDGED) | TO(HUB), TO(EDGEMESH) | TO(HUB)}},
    {"edged", "query", READS, {TO(EDGED), TO(EDGEMESH)}},
};
#define ROUNDS ((gint64)G_N_ELEMENTS(rounds))

/* Things whose answers come when they come: in any order, but so often. */
enum aside { SECRET_QUERY, SECRET_DELETE, VOLUME, ASIDES };
static const struct {
  const char *source, *operation, *type;
  guint copies; /* sent */
  guint answers;
} asides[ASIDES] = {
    [SECRET_QUERY] = {"edged", "query", "secret", 2, 2},
    /* itself to edged, the answer to the cloud */
    [SECRET_DELETE] = {"edgecontroller", "delete", "secret", 1, 2},
    [VOLUME] = {"csi", "createvolume", "volume", 1, 1},
};

struct sender {
  traffic *traffic;
  guint number;
  gint64 next[STREAMS];
  guint next_aside;
  GThread *thread;
};

struct traffic {
  host *host;
  struct sender senders[SENDERS];
  /* Each is used by its module's thread only. */
  gint64 last[MODULES][ALL_STREAMS];
  atomic_uchar answers[ASIDES][SENDERS][ASIDE_MAX];
  atomic_bool is_ending;
  GThread *caller;
  atomic_ullong sent;
};

static guint goes_to(guint stream, gint64 number) {
  return rounds[number % ROUNDS].to[stream % 2];
}

/* The next number of the stream that the module gets something of; the largest one for none. */
static gint64 after(enum module module, guint stream, gint64 number) {
  for (gint64 next = number + 1; next <= number + ROUNDS; next++)
    if ((goes_to(stream, next) & TO(module)) != 0)
      return next;
  return G_MAXINT64;
}

/* The number whose value a query finds, -1 for none. */
static gint64 value_before(gint64 number) {
  while (--number >= 0) {
    enum effect effect = rounds[number % ROUNDS].effect;
    if (effect != READS)
      return effect == WRITES ? number : -1;
  }
  return -1;
}

static void check_answer(const struct edgecore_message_fields *fields, gint64 number) {
  gint64 found = value_before(number);
  g_autofree char *want =
      found < 0 ? g_strdup("[]")
                : g_strdup_printf("[\"{\\\"n\\\":%" G_GINT64_FORMAT ",\\\"secret\\\":\\\"" SECRET "\\\"}\"]", found);
  check_mem_eq(fields->content, fields->content_size, want, strlen(want));
}

/* Ids are STREAM.NUMBER, or ASIDE:SENDER.NUMBER for what is aside. */
static void check_delivery(traffic *self, enum module module, const struct edgecore_message_fields *fields) {
  const char *id = strlen(fields->id) < 36 ? fields->id : fields->parent_id;
  guint aside, stream;
  gint64 number;
  if (sscanf(id, "%u:%u.%" G_GINT64_FORMAT, &aside, &stream, &number) == 3) {
    atomic_fetch_add(&self->answers[aside][stream][number], 1);
    return;
  }
  if (sscanf(id, "%u.%" G_GINT64_FORMAT, &stream, &number) != 2)
    return;
  gint64 *last = &self->last[module][stream];
  if (number != after(module, stream, *last))
    check_fail("%s got %" G_GINT64_FORMAT " of stream %u after %" G_GINT64_FORMAT, modules[module].name, number, stream,
               *last);
  *last = number;
  if (rounds[number % ROUNDS].effect == READS)
    check_answer(fields, number);
}

static void receive(host *owner, const char *name, struct edgecore_message *message, void *data) {
  traffic *self = data;
  const struct edgecore_message_fields *fields = message_read(message);
  if ((fields->flags & EDGECORE_MESSAGE_SYNC) != 0) {
    g_autoptr(any_message) answer = message_answer(message, fields->source, "{\"k\":\"" SECRET "\"}");
    check_int_eq(host_respond(owner, answer, NULL), EDGECORE_OK);
    return;
  }
  enum module module = EDGED;
  while (strcmp(modules[module].name, name) != 0)
    module++;
  check_delivery(self, module, fields);
}

static void send_one(traffic *self, const char *id, const char *source, const char *operation, const char *resource,
                     const char *content) {
  g_autoptr(any_message) message = house_message(id, source, operation, resource, content);
  check_int_eq(host_send(self->host, MODULE, message, TRUE, NULL), EDGECORE_OK);
  atomic_fetch_add(&self->sent, 1);
}

static void stream_key(guint stream, char *key, gsize size) {
  g_snprintf(key, size, "ns/%s/%u", stream % 2 == 0 ? "pod" : "service", stream);
}

static void send_next(struct sender *self, guint i) {
  guint stream = self->number * STREAMS + i;
  gint64 number = self->next[i]++;
  enum effect effect = rounds[number % ROUNDS].effect;
  char id[32], key[32], content[80];
  g_snprintf(id, sizeof id, "%u.%" G_GINT64_FORMAT, stream, number);
  g_snprintf(content, sizeof content, CONTENT, number);
  stream_key(stream, key, sizeof key);
  send_one(self->traffic, id, rounds[number % ROUNDS].source, rounds[number % ROUNDS].operation, key,
           effect == WRITES ? content : NULL);
}

static void send_aside(struct sender *self, enum aside aside, guint number) {
  char id[32], key[48];
  g_snprintf(id, sizeof id, "%d:%u.%u", aside, self->number, number);
  g_snprintf(key, sizeof key, "ns%u/%s/%u", self->number, asides[aside].type, number);
  for (guint i = 0; i < asides[aside].copies; i++)
    send_one(self->traffic, id, asides[aside].source, asides[aside].operation, key, NULL);
}

/* A whole number of rounds, so that all streams end at the same place. */
static gpointer send_all(gpointer data) {
  struct sender *self = data;
  for (guint turn = 0; !atomic_load(&self->traffic->is_ending); turn++) {
    for (guint i = 0; i < STREAMS; i++)
      send_next(self, i);
    if (turn % ASIDE_EVERY != 0 || self->next_aside == ASIDE_MAX)
      continue;
    guint number = self->next_aside++;
    send_aside(self, SECRET_QUERY, number);
    send_aside(self, VOLUME, number);
    if (number > 0)
      send_aside(self, SECRET_DELETE, number - 1);
  }
  return NULL;
}

static gpointer call_all(gpointer data) {
  traffic *self = data;
  while (!atomic_load(&self->is_ending)) {
    struct edgecore_error why = {.size = sizeof why};
    g_autoptr(any_message) message = house_message(NULL, "edgecontroller", "insert", "ns/configmap/sync", SECRET);
    g_autoptr(any_message) answer = host_send_sync(self->host, MODULE, message, PATIENCE_MS, &why);
    if (!test_that(answer != NULL, __FILE__, __LINE__, "a caller got no answer: %s", why.text))
      break;
    g_autofree char *content = message_content(answer);
    check_str_eq(content, "\"OK\"");
  }
  return NULL;
}

traffic *traffic_new(host *owner) {
  traffic *self = g_new0(traffic, 1);
  self->host = owner;
  for (guint i = 0; i < MODULES; i++) {
    check_true(host_add_module(owner, modules[i].name, modules[i].group, receive, self, NULL));
    for (guint j = 0; j < ALL_STREAMS; j++)
      self->last[i][j] = -1;
  }
  for (guint i = 0; i < SENDERS; i++)
    self->senders[i] = (struct sender){.traffic = self, .number = i};
  return self;
}

void traffic_free(traffic *self) {
  g_free(self);
}

void traffic_begin(traffic *self) {
  atomic_store(&self->is_ending, FALSE);
  send_one(self, NULL, "edgecontroller", "publish", "node/connection", "cloud_connected");
  for (guint i = 0; i < SENDERS; i++)
    self->senders[i].thread = g_thread_new("sender", send_all, &self->senders[i]);
  self->caller = g_thread_new("caller", call_all, self);
}

void traffic_end(traffic *self) {
  atomic_store(&self->is_ending, TRUE);
  for (guint i = 0; i < SENDERS; i++)
    g_thread_join(self->senders[i].thread);
  g_thread_join(self->caller);
  check_true(host_settle(self->host, PATIENCE_MS));
}

static void check_asides(traffic *self, guint sender) {
  guint count = self->senders[sender].next_aside;
  for (guint aside = 0; aside < ASIDES; aside++) {
    guint wrong = 0;
    for (guint i = 0; i < count - (aside == SECRET_DELETE ? 1 : 0); i++)
      wrong += atomic_load(&self->answers[aside][sender][i]) != asides[aside].answers;
    test_that(wrong == 0, __FILE__, __LINE__, "%u of %u times not %u answers to %s of sender %u", wrong, count,
              asides[aside].answers, asides[aside].operation, sender);
  }
}

void traffic_check(traffic *self) {
  for (guint i = 0; i < MODULES; i++)
    for (guint j = 0; j < ALL_STREAMS; j++) {
      gint64 sent = self->senders[j / STREAMS].next[j % STREAMS];
      test_that(after(i, j, self->last[i][j]) >= sent, __FILE__, __LINE__, "%s lacks the end of stream %u",
                modules[i].name, j);
    }
  for (guint i = 0; i < SENDERS; i++)
    check_asides(self, i);
}

void traffic_check_table(traffic *self, const char *database) {
  for (guint i = 0; i < ALL_STREAMS; i++) {
    char key[32];
    stream_key(i, key, sizeof key);
    gint64 found = value_before(self->senders[i / STREAMS].next[i % STREAMS]);
    g_autofree char *sql = g_strdup_printf("SELECT value FROM meta WHERE key = '%s'", key);
    g_autofree char *value = database_value(database, sql);
    g_autofree char *want = found < 0 ? g_strdup("") : g_strdup_printf(CONTENT, found);
    check_str_eq(value, want);
  }
  g_autofree char *count = database_value(database, "SELECT count(*) FROM meta WHERE type IN ('pod', 'service')");
  guint left = 0;
  for (guint i = 0; i < ALL_STREAMS; i++)
    left += value_before(self->senders[i / STREAMS].next[i % STREAMS]) >= 0;
  g_autofree char *want = g_strdup_printf("%u", left);
  check_str_eq(count, want);
}

guint64 traffic_sent(traffic *self) {
  return atomic_load(&self->sent);
}
