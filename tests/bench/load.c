#include "load.h"

#include "bench.h"
#include "secret.h"

#include <string.h>

/* Prime, so that all keys have their turn, in an order that is not that of the table. */
#define KEY_STEP 7919

static void unref_message(gpointer message) {
  message_unref(message);
}

static GPtrArray *messages_new(guint count) {
  return g_ptr_array_new_full(count, unref_message);
}

static void add(GPtrArray *messages, const struct edgecore_message_fields *fields) {
  struct edgecore_error error = {.size = sizeof error};
  struct edgecore_message *message = message_new(fields, &error);

  if (message == NULL)
    bench_fail("%s", error.text);
  g_ptr_array_add(messages, message);
}

static void write_value(GString *value, const struct load *load, guint key, guint i) {
  g_string_printf(value,
                  "{\"metadata\":{\"name\":\"app-%u\",\"namespace\":\"default\",\"resourceVersion\":\"%u-%u\"},"
                  "\"status\":{\"phase\":\"Running\",\"conditions\":[",
                  key, load->round, i);
  for (guint n = 0; value->len < LOAD_VALUE_SIZE - 140; n++)
    g_string_append_printf(value,
                           "{\"type\":\"Ready-%u\",\"status\":\"True\",\"lastTransitionTime\":\"2019-11-08T15:44:00Z\","
                           "\"reason\":\"round %u\"},",
                           n, load->round);
  g_string_append(value, "{}],\"message\":\"" SECRET);
  while (value->len < LOAD_VALUE_SIZE - 3)
    g_string_append_c(value, '.');
  g_string_append(value, "\"}}");
}

GPtrArray *load_new(const struct load *load) {
  GPtrArray *messages = messages_new(load->count);
  g_autoptr(GString) value = g_string_sized_new(2 * LOAD_VALUE_SIZE);

  for (guint i = 0; i < load->count; i++) {
    guint key = (guint)(i * (guint64)KEY_STEP % load->keys);
    g_autofree char *resource = g_strdup_printf("default/%s/app-%u", load->type, key);
    struct edgecore_message_fields fields = {.size = sizeof fields,
                                             .source = load->source,
                                             .group = "resource",
                                             .operation = load->operation,
                                             .resource = resource};
    if (!load->empty) {
      write_value(value, load, key, i / load->keys);
      fields.content_kind = EDGECORE_CONTENT_RAW;
      fields.content = value->str;
      fields.content_size = value->len;
    }
    add(messages, &fields);
  }
  return messages;
}

GPtrArray *load_repeat(const char *source, const char *operation, const char *resource, guint count) {
  GPtrArray *messages = messages_new(count);

  for (guint i = 0; i < count; i++)
    add(messages, &(struct edgecore_message_fields){.size = sizeof(struct edgecore_message_fields),
                                                    .source = source,
                                                    .group = "resource",
                                                    .operation = operation,
                                                    .resource = resource});
  return messages;
}

GPtrArray *load_service_lists(guint services, guint count, guint round) {
  GPtrArray *messages = messages_new(count);
  g_autoptr(GString) list = g_string_new(NULL);

  for (guint i = 0; i < count; i++) {
    g_string_assign(list, "[");
    for (guint n = 0; n < services; n++)
      g_string_append_printf(
          list,
          "%s{\"metadata\":{\"name\":\"svc-%03u\",\"namespace\":\"default\",\"selfLink\":\"/api/v1/namespaces/default/"
          "services/svc-%03u\",\"resourceVersion\":\"%u-%u\",\"creationTimestamp\":\"2019-11-08T15:44:00Z\"},"
          "\"spec\":{\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080}],"
          "\"selector\":{\"app\":\"svc-%03u\"},\"clusterIP\":\"10.96.0.%u\",\"type\":\"ClusterIP\","
          "\"sessionAffinity\":\"None\"},\"status\":{\"loadBalancer\":{}}}",
          n > 0 ? "," : "", n, n, round, i, n, n);
    g_string_append_c(list, ']');
    add(messages, &(struct edgecore_message_fields){.size = sizeof(struct edgecore_message_fields),
                                                    .source = "edgecontroller",
                                                    .group = "resource",
                                                    .operation = "update",
                                                    .resource = "default/servicelist",
                                                    .content_kind = EDGECORE_CONTENT_RAW,
                                                    .content = list->str,
                                                    .content_size = list->len});
  }
  return messages;
}

GPtrArray *load_link(const char *state) {
  GPtrArray *messages = messages_new(1);

  add(messages, &(struct edgecore_message_fields){.size = sizeof(struct edgecore_message_fields),
                                                  .source = "websocket",
                                                  .group = "resource",
                                                  .operation = "publish",
                                                  .resource = "node/connection",
                                                  .content_kind = EDGECORE_CONTENT_RAW,
                                                  .content = state,
                                                  .content_size = strlen(state)});
  return messages;
}

const char *load_key(const struct edgecore_message *message) {
  return message_read(message)->resource;
}

const char *load_type(const struct edgecore_message *message, gsize *size) {
  const char *type = strchr(load_key(message), '/') + 1;

  *size = (gsize)(strchrnul(type, '/') - type);
  return type;
}
