#include "sim.h"

#include "secret.h"

#include <string.h>

/* What the cloud answers queries with, after a while. */
struct reply {
  struct edgecore_message *request;
  gint64 due;
  guint kind;
};

struct cloud {
  guint life;
  guint last;                  /* the greatest number that came */
  guint last_ordered;          /* the number of the last message that replaces nothing */
  guint states[LEDGER_STATES]; /* the last one of each resource */
  GPtrArray *replies;
};

static void reply_free(gpointer data) {
  struct reply *reply = data;

  message_unref(reply->request);
  g_free(reply);
}

struct cloud *sim_cloud_new(void) {
  struct cloud *self = g_new0(struct cloud, 1);

  self->replies = g_ptr_array_new_with_free_func(reply_free);
  return self;
}

void sim_cloud_free(struct cloud *self) {
  g_ptr_array_unref(self->replies);
  g_free(self);
}

void sim_cloud_drop_requests(struct sim *self) {
  g_ptr_array_set_size(self->cloud->replies, 0);
}

/* A new process may repeat what the old one had sent and not yet forgotten; one process repeats nothing, over any number of
 * connections. What replaces nothing has its place among all; a state only among those, and after the older ones of its resource. */
static void check_order(struct sim *self, const struct said *said, guint number) {
  struct cloud *cloud = self->cloud;

  if (cloud->life != self->life) {
    cloud->life = self->life;
    cloud->last = cloud->last_ordered = 0;
    memset(cloud->states, 0, sizeof cloud->states);
  }
  const guint before = said->what == SAID_STATE ? MAX(cloud->last_ordered, cloud->states[said->key]) : cloud->last;
  if (number <= before)
    sim_fail(self, "the cloud got %u after %u: %s", number, before,
             number == before ? "twice" : "twice or out of order");
  cloud->last = MAX(cloud->last, number);
  if (said->what == SAID_STATE)
    cloud->states[said->key] = number;
  else
    cloud->last_ordered = number;
}

static void get_known(struct sim *self, guint number, const char *what) {
  const struct said *said = ledger_get(self->ledger, number);

  if (said == NULL) {
    sim_fail(self, "the cloud got a message that nobody said: %s", what);
    return;
  }
  if (said->what == SAID_STATE || said->what == SAID_ORDERED || said->what == SAID_COMMAND)
    check_order(self, said, number);
  if (said->what == SAID_ORDERED && said->is_refused && said->life == self->life)
    sim_fail(self, "the cloud got %u, although its sender was told that it failed", number);
  if (said->what == SAID_VOLUME && said->arrivals > 0 && said->life == self->life)
    sim_fail(self, "the cloud got the answer to the volume request %u twice", number);
  ledger_arrive(self->ledger, number);
}

static void get_statuses(struct sim *self, const char *content) {
  for (const char *at = content; (at = strstr(at, "\"n\":")) != NULL; at++)
    get_known(self, ledger_number_in(at), "a status");
}

static void get_query(struct sim *self, struct edgecore_message *request) {
  struct reply reply = {.request = message_ref(request)};
  guint fate = sim_between(self, 0, 99);
  guint seconds = fate < 60 ? sim_between(self, 0, 5) : fate < 80 ? sim_between(self, 20, 130) : 100000;

  reply.due = fake_core_now(self->core) + seconds * G_USEC_PER_SEC;
  reply.kind = sim_between(self, 0, 5);
  g_ptr_array_add(self->cloud->replies, g_memdup2(&reply, sizeof reply));
}

static void get(struct sim *self, struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);
  g_autofree char *content = fake_content(message);
  guint number = ledger_number_of_id(fields->parent_id);

  sim_trace(self, "cloud < %s %s %s parent %s %.40s", fields->source, fields->operation, fields->resource,
            fields->parent_id, content);
  if (strcmp(fields->operation, "query") == 0)
    get_query(self, message);
  else if (strcmp(fields->operation, "update") == 0 && strstr(fields->resource, "/podstatus") != NULL)
    get_statuses(self, content);
  else
    get_known(self, number != G_MAXUINT ? number : ledger_number_in(content), content);
}

void sim_cloud_receive(struct sim *self, guint count) {
  g_autoptr(GPtrArray) sent = fake_core_take_some(self->core, "websocket", count);

  for (guint i = 0; i < sent->len; i++)
    get(self, fake_sent_at(sent, i)->message);
}

void sim_cloud_forget(struct sim *self) {
  g_autoptr(GPtrArray) sent = fake_core_take(self->core, "websocket");

  for (guint i = 0; i < sent->len; i++) {
    const struct edgecore_message *message = fake_sent_at(sent, i)->message;
    g_autofree char *content = fake_content(message);
    guint number = ledger_number_of_id(message_read(message)->parent_id);
    sim_trace(self, "lost  < %s %s parent %s %.40s", message_read(message)->operation, message_read(message)->resource,
              message_read(message)->parent_id, content);
    ledger_excuse(self->ledger, number != G_MAXUINT ? number : ledger_number_in(content));
  }
}

static struct edgecore_message *reply_new(const struct reply *reply) {
  static const struct {
    const char *operation;
    const char *raw;
  } kinds[] = {{"response", "{\"metadata\":{\"name\":\"one\"},\"secret\":\"" SECRET "\"}"},
               {"response", "{\"metadata\":{\"name\":\"two\"},\"secret\":\"" SECRET "\"}"},
               {"response", "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":404}"},
               {"error", "\"" SECRET "\""},
               {"response", "\"OK\""},
               {"response", "{\"metadata\":{\"name\":\"three\"}}"}};
  const struct edgecore_message_fields *fields = message_read(reply->request);

  return fake_message(.parent = fields->id, .source = "edgecontroller", .group = fields->group,
                      .operation = kinds[reply->kind].operation, .resource = fields->resource,
                      .raw = kinds[reply->kind].raw);
}

static void send_replies(struct sim *self) {
  GPtrArray *replies = self->cloud->replies;

  for (guint i = 0; i < replies->len;) {
    const struct reply *reply = g_ptr_array_index(replies, i);
    if (reply->due > fake_core_now(self->core)) {
      i++;
      continue;
    }
    gboolean is_in_time = fake_core_complete(self->core, reply->request, EDGECORE_OK, reply_new(reply));
    sim_trace(self, "cloud > reply to %s%s", message_read(reply->request)->id, is_in_time ? "" : ", too late");
    g_ptr_array_remove_index(replies, i);
  }
}

static void command(struct sim *self) {
  static const char *const operations[] = {"insert", "update", "delete"};
  const struct said said = {
      .what = SAID_COMMAND, .life = self->life, .link = self->told, .time = fake_core_now(self->core)};
  guint number = ledger_say(self->ledger, said);
  g_autofree char *id = g_strdup_printf("m-%u", number);
  g_autofree char *content = g_strdup_printf("{\"n\":%u,\"secret\":\"" SECRET "\"}", number);
  g_autofree char *resource = g_strdup_printf("default/configmap/c%u", sim_between(self, 0, 9));

  fake_core_push(self->core,
                 fake_message(.id = id, .source = "edgecontroller", .operation = operations[sim_between(self, 0, 2)],
                              .resource = resource, .raw = content));
}

static void volume(struct sim *self) {
  const struct said said = {
      .what = SAID_VOLUME, .life = self->life, .link = self->told, .time = fake_core_now(self->core)};
  guint number = ledger_say(self->ledger, said);
  g_autofree char *id = g_strdup_printf("m-%u", number);

  fake_core_push(self->core, fake_message(.id = id, .source = "edgecontroller", .operation = "createvolume",
                                          .resource = "default/volume/v", .raw = SECRET));
}

void sim_cloud_act(struct sim *self) {
  if (!self->is_connected)
    return;
  send_replies(self);
  for (guint i = sim_between(self, 0, 3); i > 0; i--)
    command(self);
  if (sim_chance(self, 5))
    volume(self);
}
