/* The messages that both sides work on: 1.5 KB values, like pods as JSON, over numbered keys. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "message.h"

#include <glib.h>

#define LOAD_VALUE_SIZE 1500

struct load {
  const char *source;
  const char *operation;
  const char *type;
  guint keys;     /* default/<type>/app-<i> for i below this, which take turns */
  guint count;    /* of messages */
  guint round;    /* values of another round are different */
  gboolean empty; /* no content, as a query */
};

/* An array of messages that frees them. The caller owns it. */
GPtrArray *load_new(const struct load *load);
/* `count` messages with one resource and no content. */
GPtrArray *load_repeat(const char *source, const char *operation, const char *resource, guint count);
/* `count` updates of default/servicelist with `services` services each, different in each round. */
GPtrArray *load_service_lists(guint services, guint count, guint round);
/* The publish message that says what became of the link: "cloud_connected" or "cloud_disconnected". */
GPtrArray *load_link(const char *state);

/* The key of a message's row, and the type within it, which has no NUL behind it. */
const char *load_key(const struct edgecore_message *message);
const char *load_type(const struct edgecore_message *message, gsize *size);

#endif
