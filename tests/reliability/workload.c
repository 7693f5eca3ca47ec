#include "workload.h"

#include "message.h"
#include "secret.h"

#include <string.h>

#define KEYS 12

void work_free(gpointer data) {
  struct work *work = data;

  message_unref(work->message);
  g_free(work);
}

static struct work *work_new(struct edgecore_message *message) {
  struct work *work = g_new0(struct work, 1);

  work->message = message;
  return work;
}

static const char *draw_id(GRand *random) {
  static char id[37];

  g_snprintf(id, sizeof id, "%08x-%04x-4%03x-8%03x-%06x%06x", g_rand_int(random), g_rand_int(random) >> 16,
             g_rand_int(random) >> 20, g_rand_int(random) >> 20, g_rand_int(random) >> 8, g_rand_int(random) >> 8);
  return id;
}

/* One of four values for each key; one in eight of them needs pages of its own. */
static char *draw_value(GRand *random, gint32 key) {
  guint32 variant = (guint32)key * 4 + (guint32)g_rand_int_range(random, 0, 4);
  gsize size = variant % 8 == 0 ? 9000 : 40 + variant * 131 % 1500;
  GString *text = g_string_sized_new(size + 80);

  g_string_append_printf(
      text, "{\"metadata\":{\"name\":\"n%d\",\"namespace\":\"default\"},\"secret\":\"" SECRET "\",\"data\":\"", key);
  for (gsize i = 0; i < size; i++)
    g_string_append_c(text, "abcdefghijklmnopqrstuvwxyz"[(variant + i * (1 + variant % 5)) % 26]);
  g_string_append(text, "\"}");
  return g_string_free(text, FALSE);
}

static struct work *draw_object(GRand *random, const char *source, const char *operation, const char *type) {
  gint32 key = g_rand_int_range(random, 0, KEYS);
  g_autofree char *value = draw_value(random, key);
  g_autofree char *resource = g_strdup_printf("default/%s/n%d", type, key);

  return work_new(fake_message(.id = draw_id(random), .source = source, .operation = operation, .resource = resource,
                               .raw = value));
}

static struct work *draw_pod(GRand *random) {
  return draw_object(random, "edgecontroller", "update", "pod");
}

static struct work *draw_configmap(GRand *random) {
  return draw_object(random, "edgecontroller", "update", "configmap");
}

static struct work *draw_status(GRand *random) {
  return draw_object(random, "edged", "update", "podstatus");
}

static struct work *draw_node(GRand *random) {
  return draw_object(random, "edged", "update", "nodestatus");
}

static struct work *draw_insert(GRand *random) {
  return draw_object(random, "edgecontroller", "insert", "secret");
}

static struct work *draw_result(GRand *random) {
  return draw_object(random, "edgefunction", "action_result", "function");
}

static struct work *draw_delete(GRand *random) {
  static const char *const types[] = {"pod", "configmap", "secret", "service"};
  g_autofree char *resource = g_strdup_printf("default/%s/n%d", types[g_rand_int_range(random, 0, G_N_ELEMENTS(types))],
                                              g_rand_int_range(random, 0, KEYS));

  return work_new(
      fake_message(.id = draw_id(random), .source = "edgecontroller", .operation = "delete", .resource = resource));
}

static struct work *draw_list(GRand *random) {
  gint32 count = g_rand_int_range(random, 1, KEYS);
  GString *list = g_string_new("[");

  for (gint32 i = 0; i < count; i++) {
    g_autofree char *value = draw_value(random, i);
    g_string_append_printf(list, "%s%s", i > 0 ? "," : "", value);
  }
  g_string_append_c(list, ']');
  g_autofree char *content = g_string_free(list, FALSE);
  return work_new(fake_message(.id = draw_id(random), .source = "edgecontroller", .operation = "update",
                               .resource = g_rand_boolean(random) ? "default/servicelist" : "default/endpointslist",
                               .raw = content));
}

/* An element without a name: none of the list may be stored, the good elements neither. */
static struct work *draw_wrong(GRand *random) {
  g_autofree char *value = draw_value(random, KEYS);
  g_autofree char *content = g_strdup_printf("[%s,{\"metadata\":{}}]", value);
  struct work *work = work_new(fake_message(.id = draw_id(random), .source = "edgecontroller", .operation = "update",
                                            .resource = "default/servicelist", .raw = content));

  work->is_refused = TRUE;
  return work;
}

static struct work *draw_query(GRand *random) {
  g_autofree char *resource = g_strdup_printf("default/pod/n%d", g_rand_int_range(random, 0, KEYS));

  return work_new(fake_message(.id = draw_id(random), .source = "edged", .operation = "query", .resource = resource));
}

struct work *work_draw(GRand *random) {
  static struct work *(*const draw[])(GRand *) = {
      draw_pod,    draw_pod,    draw_pod,  draw_configmap, draw_configmap, draw_status, draw_status,
      draw_status, draw_status, draw_node, draw_insert,    draw_insert,    draw_result, draw_result,
      draw_delete, draw_delete, draw_list, draw_wrong,     draw_query,
  };

  return draw[g_rand_int_range(random, 0, G_N_ELEMENTS(draw))](random);
}

struct work *work_draw_request(GRand *random) {
  static guint serial;
  g_autofree char *resource = g_strdup_printf("default/configmap/only-in-the-cloud-%u", serial++);

  if (g_rand_boolean(random))
    return work_new(fake_message(.id = draw_id(random), .source = "edgecontroller", .operation = "createvolume",
                                 .resource = "default/volume/v", .raw = "{}"));
  return work_new(fake_message(.id = draw_id(random), .source = "edged", .operation = "query", .resource = resource));
}

struct work *work_link(gboolean connected) {
  return work_new(fake_message(.source = "eventbus", .operation = "publish", .resource = "default/connect",
                               .json = connected ? "\"cloud_connected\"" : "\"cloud_disconnected\""));
}
