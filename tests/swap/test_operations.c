/* Every operation, with a swap in the middle of it: what was said and stored is the same as without one, once and in the same order. */
#include "rig.h"
#include "test.h"

#define MESSAGES 6

/* `before` prepares, and has settled when `messages` are sent. */
struct operation {
  const char *name;
  struct rig_message before[MESSAGES];
  struct rig_message messages[MESSAGES];
  guint requests;     /* sync requests to other modules, all of them under way together */
  const char *logged; /* what the log says when the last message has been taken in */
};

#define POD "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"data\":\"" SECRET "\"}"
#define LIST(kind)                                                                                                     \
  "[{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\"},\"data\":\"" SECRET                                       \
  "\"},{\"metadata\":{\"name\":\"b\",\"namespace\":\"" kind "\"}}]"
#define CONNECTED                                                                                                      \
  { "c", "edgecontroller", "publish", "node/connection", "\"cloud_connected\"" }
#define DISCONNECTED                                                                                                   \
  { "d", "edgecontroller", "publish", "node/connection", "\"cloud_disconnected\"" }

static const struct operation operations[] = {
    {"insert", {{0}}, {{"m1", "edgecontroller", "insert", "default/pod/web", POD}}, 0, NULL},
    {"insert_of_a_service", {{0}}, {{"m1", "edgecontroller", "insert", "default/service/web", POD}}, 0, NULL},
    {"update_from_the_cloud", {{0}}, {{"m1", "edgecontroller", "update", "default/pod/web", POD}}, 0, NULL},
    {"update_from_edged", {{0}}, {{"m1", "edged", "update", "default/pod/web", POD}}, 0, NULL},
    {"update_from_funcmgr", {{0}}, {{"m1", "funcmgr", "update", "default/function/f", POD}}, 0, NULL},
    {"update_from_edgefunction", {{0}}, {{"m1", "edgefunction", "update", "default/function/f", POD}}, 0, NULL},
    {"update_of_an_equal_podstatus",
     {{"m0", "edged", "update", "default/podstatus/web", "{\"up\":\"" SECRET "\"}"}},
     {{"m1", "edged", "update", "default/podstatus/web", "{\"up\":\"" SECRET "\"}"}},
     0,
     NULL},
    {"update_of_servicelist",
     {{0}},
     {{"m1", "edgecontroller", "update", "default/servicelist/all", LIST("s")}},
     0,
     NULL},
    {"update_of_endpointslist",
     {{0}},
     {{"m1", "edgecontroller", "update", "default/endpointslist/all", LIST("e")}},
     0,
     NULL},
    {"update_of_podlist", {{0}}, {{"m1", "edgecontroller", "update", "default/podlist/all", LIST("p")}}, 0, NULL},
    {"response_from_the_cloud",
     {{0}},
     {{"m1", "edgecontroller", "response", "default/secret/s", "{\"k\":\"" SECRET "\"}"}},
     0,
     NULL},
    {"response_from_edged",
     {{0}},
     {{"m1", "edged", "response", "default/volume/v", "{\"k\":\"" SECRET "\"}"}},
     0,
     NULL},
    {"delete",
     {{"m0", "edgecontroller", "insert", "default/pod/web", POD}},
     {{"m1", "edgecontroller", "delete", "default/pod/web", NULL}},
     0,
     NULL},
    {"query_of_the_table",
     {{"m0", "edgecontroller", "insert", "default/pod/web", POD}},
     {{"m1", "edged", "query", "default/pod/web", NULL}},
     0,
     NULL},
    {"query_of_all_of_a_type",
     {{"m0", "edgecontroller", "insert", "default/pod/web", POD}},
     {{"m1", "edged", "query", "default/pod", NULL}},
     0,
     NULL},
    {"query_of_the_cloud", {CONNECTED}, {{"m1", "edged", "query", "default/secret/s", NULL}}, 1, NULL},
    {"query_that_several_share",
     {CONNECTED},
     {{"m1", "edged", "query", "default/secret/s", NULL},
      {"m2", "edged", "query", "default/secret/s", NULL},
      {"m3", "edged", "query", "default/secret/s", NULL}},
     1,
     NULL},
    {"queries_of_several_objects",
     {CONNECTED},
     {{"m1", "edged", "query", "default/node/n", NULL}, {"m2", "edgemesh", "query", "default/endpoints/e", NULL}},
     2,
     NULL},
    {"publish_connected",
     {DISCONNECTED,
      {"m0", "edgecontroller", "insert", "default/pod/web", POD},
      {"m1", "edged", "update", "default/podstatus/web", "{\"up\":\"" SECRET "\"}"}},
     {CONNECTED},
     0,
     "the cloud is connected"},
    {"publish_disconnected",
     {CONNECTED},
     {{"m1", "edged", "update", "default/pod/web", POD}, DISCONNECTED, CONNECTED},
     0,
     "the cloud is disconnected"},
    {"meta_internal_sync",
     {{"m0", "edgecontroller", "insert", "default/pod/web", POD},
      {"m1", "edged", "update", "default/podstatus/web", "{\"up\":\"" SECRET "\"}"},
      {"m2", "edgecontroller", "insert", "other/pod/db", POD},
      {"m3", "edged", "update", "other/podstatus/db", "{\"up\":2}"},
      {"m4", "edged", "update", "other/podstatus/gone", "{\"up\":3}"}},
     {{"m5", "metaManager", "meta-internal-sync", "podstatus", NULL}},
     0,
     NULL},
    {"action", {{0}}, {{"m1", "edgecontroller", "action", "default/function/f", "{\"k\":\"" SECRET "\"}"}}, 0, NULL},
    {"action_result",
     {{0}},
     {{"m1", "edgefunction", "action_result", "default/function/f", "{\"k\":\"" SECRET "\"}"}},
     0,
     NULL},
    {"createvolume", {{0}}, {{"m1", "csi", "createvolume", "default/volume/v", "{\"k\":\"" SECRET "\"}"}}, 1, NULL},
    {"deletevolume", {{0}}, {{"m1", "csi", "deletevolume", "default/volume/v", "{\"k\":\"" SECRET "\"}"}}, 1, NULL},
    {"controllerpublishvolume",
     {{0}},
     {{"m1", "csi", "controllerpublishvolume", "default/volume/v", "{\"k\":\"" SECRET "\"}"}},
     1,
     NULL},
    {"controllerunpublishvolume",
     {{0}},
     {{"m1", "csi", "controllerunpublishvolume", "default/volume/v", "{\"k\":\"" SECRET "\"}"}},
     1,
     NULL},
};

/* Swaps, or fails to. */
typedef void swap_fn(rig *self);

static void swap_forth(rig *self) {
  rig_swap(self, VARIANT("next"), "1.1.0-next");
}

static void swap_forth_and_back(rig *self) {
  rig_swap(self, VARIANT("next"), "1.1.0-next");
  rig_swap(self, CURRENT, PROJECT_VERSION);
}

static void swap_in_vain(rig *self) {
  g_autofree char *why = rig_swap_fails(self, VARIANT("start-fails"));
  check_contains(why, "a file of this version is missing");
}

static void swap_not(rig *self) {
  (void)self;
}

static const struct {
  const char *name;
  swap_fn *swap;
} swaps[] = {{"forth", swap_forth}, {"forth_and_back", swap_forth_and_back}, {"in_vain", swap_in_vain}};

struct outcome {
  char *deliveries;
  char *table;
};

static void outcome_clear(struct outcome *self) {
  g_free(self->deliveries);
  g_free(self->table);
}

static rig *prepare(const struct operation *operation) {
  rig *self = rig_new(0, 0, 0);
  for (const struct rig_message *message = operation->before; message < operation->before + MESSAGES; message++)
    if (message->operation != NULL)
      rig_send(self, message);
  rig_settle(self);
  rig_forget(self);
  return self;
}

static void send_all(rig *self, const struct operation *operation) {
  for (const struct rig_message *message = operation->messages; message < operation->messages + MESSAGES; message++)
    if (message->operation != NULL)
      rig_send(self, message);
}

static struct outcome finish(rig *self) {
  rig_settle(self);
  struct outcome outcome = {.deliveries = rig_deliveries(self), .table = rig_table(self)};
  rig_free(self);
  return outcome;
}

/* The data is on the disk, nothing has been delivered: all modules are full. */
static struct outcome swap_before_delivery(const struct operation *operation, swap_fn *swap) {
  rig *self = prepare(operation);
  rig_shut(self);
  send_all(self, operation);
  if (operation->logged != NULL)
    rig_wait_log(self, operation->logged);
  rig_wait_refused(self, 3);
  swap(self);
  rig_open(self);
  return finish(self);
}

/* Other modules have been asked and have not answered. */
static struct outcome swap_before_answer(const struct operation *operation, swap_fn *swap) {
  rig *self = prepare(operation);
  rig_set_answering(self, FALSE);
  guint asked = rig_asked(self);
  send_all(self, operation);
  rig_wait_asked(self, asked + operation->requests);
  swap(self);
  rig_answer_all(self);
  return finish(self);
}

/* They have answered, and that cannot be delivered. */
static struct outcome swap_after_answer(const struct operation *operation, swap_fn *swap) {
  rig *self = prepare(operation);
  rig_set_answering(self, FALSE);
  guint asked = rig_asked(self);
  send_all(self, operation);
  rig_wait_asked(self, asked + operation->requests);
  rig_shut(self);
  rig_answer_all(self);
  rig_wait_refused(self, 3);
  swap(self);
  rig_open(self);
  return finish(self);
}

static struct outcome run_without_swap(const struct operation *operation) {
  return swap_before_answer(operation, swap_not);
}

static void check_same(const struct operation *operation, const char *when, const struct outcome *want,
                       struct outcome (*run)(const struct operation *, swap_fn *)) {
  for (guint i = 0; i < G_N_ELEMENTS(swaps); i++) {
    test_note("swap %s, %s", swaps[i].name, when);
    struct outcome got = run(operation, swaps[i].swap);
    check_str_eq(got.deliveries, want->deliveries);
    check_str_eq(got.table, want->table);
    outcome_clear(&got);
  }
}

static void operation_run(const void *data) {
  const struct operation *operation = data;
  struct outcome want = run_without_swap(operation);
  check_str_eq(want.deliveries[0] == '\0' ? "nothing" : "something", "something");
  check_same(operation, "before delivery", &want, swap_before_delivery);
  if (operation->requests > 0) {
    check_same(operation, "before the answer", &want, swap_before_answer);
    check_same(operation, "after the answer", &want, swap_after_answer);
  }
  outcome_clear(&want);
}

TEST_GENERATOR(operations) {
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
    test_add("SwapDuring", operations[i].name, __FILE__, __LINE__, operation_run, &operations[i]);
}

TEST_CASE(SwapDuring, a_sync_query_of_the_cloud) {
  g_autoptr(rig) self = rig_new(0, 0, 0);
  const struct rig_message connected = CONNECTED;
  rig_send(self, &connected);
  rig_settle(self);
  rig_forget(self);
  rig_set_answering(self, FALSE);
  const struct rig_message query = {"q1", "edged", "query", "default/secret/s", NULL};
  const struct rig_message same = {"q2", "edged", "query", "default/secret/s", NULL};
  rig_call *call = rig_call_begin(self, &query);
  rig_wait_asked(self, 1);
  rig_send(self, &same);
  swap_forth(self);
  rig_answer_all(self);
  g_autofree char *answer = rig_call_end(call);
  check_str_eq(answer, RIG_ANSWER("default/secret/s"));
  rig_settle(self);
  g_autofree char *deliveries = rig_deliveries(self);
  check_str_eq(deliveries,
               "edged: response of default/secret/s from edged, id *, parent q2: " RIG_ANSWER(
                   "default/secret/s") "\n"
                                       "websocket: query of default/secret/s from edged, id *, parent , sync: \n");
}

/* What was kept for the cloud is sent by several versions, one after the other, while they swap. */
TEST_CASE(SwapDuring, the_outbox_is_sent) {
  enum { COUNT = 1000, RESOURCES = 5, SWAPS = 20 };
  g_autoptr(rig) self = rig_new(64, 0, 0);
  const struct rig_message disconnected = DISCONNECTED;
  const struct rig_message connected = CONNECTED;
  g_autoptr(GString) want = g_string_new(NULL);
  rig_send(self, &disconnected);
  for (guint i = 0; i < COUNT; i++) {
    g_autofree char *id = g_strdup_printf("m%u", i);
    g_autofree char *resource = g_strdup_printf("default/function/%u", i % RESOURCES);
    const struct rig_message result = {id, "edgefunction", "action_result", resource, "{}"};
    rig_send(self, &result);
  }
  for (guint i = 0; i < COUNT; i++) {
    guint number = i % (COUNT / RESOURCES) * RESOURCES + i / (COUNT / RESOURCES);
    g_string_append_printf(want,
                           "websocket: action_result of default/function/%u from edgefunction, id m%u, parent : {}\n",
                           number % RESOURCES, number);
  }
  rig_settle(self);
  swap_forth_and_back(self);
  rig_send(self, &connected);
  for (guint i = 0; i < SWAPS; i++)
    swap_forth_and_back(self);
  rig_settle(self);
  g_autofree char *got = rig_deliveries(self);
  check_str_eq(got, want->str);
}
