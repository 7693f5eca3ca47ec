#include "sim.h"

#include "secret.h"

#include <string.h>

#define NAMESPACES 3
/* A remote query is answered, whatever the cloud does, after its time-out of 60 s and the work before and after it. */
#define QUERY_TIME_MAX (65 * G_USEC_PER_SEC)

static guint say(struct sim *self, enum saying what, guint key) {
  const struct said said = {
      .what = what, .key = key, .life = self->life, .link = self->told, .time = fake_core_now(self->core)};

  return ledger_say(self->ledger, said);
}

static char *content_of(struct sim *self, guint number) {
  g_autofree char *padding = g_strnfill(sim_chance(self, 5) ? 3000 : sim_between(self, 0, 200), 'x');

  return g_strdup_printf("{\"n\":%u,\"pad\":\"" SECRET "%s\"}", number, padding);
}

static void push(struct sim *self, guint number, const char *source, const char *operation, const char *resource,
                 const char *raw, gboolean is_sync) {
  g_autofree char *id = g_strdup_printf("m-%u", number);

  sim_trace(self, "node  > %u: %s %s %s", number, source, operation, resource);
  fake_core_push(self->core, fake_message(.id = id, .source = source, .operation = operation, .resource = resource,
                                          .raw = raw, .sync = is_sync));
}

static char *pod_resource(const char *type, guint pod) {
  return g_strdup_printf("ns%u/%s/p%u", pod % NAMESPACES, type, pod);
}

static void status(struct sim *self) {
  guint pod = sim_between(self, 0, LEDGER_PODS - 1);
  guint number = say(self, SAID_STATUS, pod);
  g_autofree char *content = content_of(self, number);
  g_autofree char *resource = pod_resource("podstatus", pod);

  push(self, number, "edged", "update", resource, content, FALSE);
  if (!sim_chance(self, 10))
    return;
  push(self, say(self, SAID_REPETITION, pod), "edged", "update", resource, content, FALSE);
}

static void state(struct sim *self, guint key) {
  guint number = say(self, SAID_STATE, key);
  g_autofree char *content = content_of(self, number);
  g_autofree char *resource = g_strdup_printf("default/nodestatus/k%u", key);

  if (key % 2 == 0)
    push(self, number, "edged", "update", resource, content, FALSE);
  else
    push(self, number, "edgefunction", "update", resource, content, TRUE);
}

static void result(struct sim *self) {
  guint number = say(self, SAID_ORDERED, 0);
  g_autofree char *content = content_of(self, number);
  g_autofree char *resource = g_strdup_printf("default/action/a%u", sim_between(self, 0, 3));

  if (sim_chance(self, 70))
    push(self, number, "edgefunction", "action_result", resource, content, TRUE);
  else
    push(self, number, "edged", "response", resource, content, FALSE);
}

static void query(struct sim *self) {
  static const char *const types[] = {"configmap", "secret", "node", "pod", "service"};
  const char *type = types[sim_between(self, 0, G_N_ELEMENTS(types) - 1)];
  guint number = say(self, SAID_QUERY, 0);
  g_autofree char *resource = sim_chance(self, 5) ? g_strdup_printf("ns0/%s", type)
                                                  : g_strdup_printf("ns0/%s/q%u", type, sim_between(self, 0, 3));

  push(self, number, "edged", "query", resource, NULL, sim_chance(self, 50));
}

void sim_node_begin(struct sim *self) {
  for (guint i = 0; i < LEDGER_PODS; i++) {
    g_autofree char *resource = pod_resource("pod", i);
    push(self, say(self, SAID_COMMAND, 0), "edgecontroller", "insert", resource, "{}", FALSE);
  }
}

void sim_node_act(struct sim *self) {
  for (guint i = sim_between(self, 0, 8); i > 0; i--)
    status(self);
  for (guint i = sim_between(self, 0, 3); i > 0; i--)
    state(self, sim_between(self, 0, LEDGER_STATES - 1));
  for (guint i = sim_between(self, 0, 4); i > 0; i--)
    result(self);
  for (guint i = sim_between(self, 0, 2); i > 0; i--)
    query(self);
}

static void get_answer(struct sim *self, struct said *said, const struct fake_sent *sent, guint number) {
  if (++said->answers > 1)
    sim_fail(self, "the query %u was answered twice", number);
  if (said->life == self->life && said->time > self->trouble && sent->time - said->time > QUERY_TIME_MAX)
    sim_fail(self, "the query %u was answered after %" G_GINT64_FORMAT " ms", number, (sent->time - said->time) / 1000);
}

static void get(struct sim *self, const struct fake_sent *sent, gboolean is_edged) {
  const struct edgecore_message_fields *fields = message_read(sent->message);
  g_autofree char *content = fake_content(sent->message);
  guint number = ledger_number_of_id(fields->parent_id);
  struct said *said = ledger_get(self->ledger, number);

  sim_trace(self, "node  < %s %s id %.8s parent %s %.40s", fields->operation, fields->resource, fields->id,
            fields->parent_id, content);
  if (strcmp(fields->operation, "createvolume") == 0) {
    if (sim_chance(self, 80))
      fake_core_complete(self->core, sent->message, EDGECORE_OK, fake_reply(sent->message, "edged", "{}"));
    return;
  }
  if (said == NULL) {
    /* A command of the cloud, passed on: it is on the disk. */
    number = ledger_number_of_id(fields->id);
    if (ledger_get(self->ledger, number) != NULL)
      ledger_acknowledge(self->ledger, number, is_edged);
    return;
  }
  if (said->what == SAID_QUERY)
    get_answer(self, said, sent, number);
  else if (strcmp(fields->operation, "error") == 0)
    said->is_refused = TRUE;
  else
    ledger_acknowledge(self->ledger, number, is_edged);
}

void sim_node_receive(struct sim *self) {
  static const char *const modules[] = {"edged", "edgemesh", "edgefunction", FAKE_CALLERS};

  for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
    g_autoptr(GPtrArray) sent = fake_core_take(self->core, modules[i]);
    for (guint j = 0; j < sent->len; j++)
      get(self, fake_sent_at(sent, j), i == 0);
  }
}
