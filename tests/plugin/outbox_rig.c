#include "outbox_rig.h"

#include <string.h>

outbox *box_open(store *rows, gint64 max_bytes) {
  outbox *self = NULL;

  if (outbox_open(rows, max_bytes, fixture_log, NULL, &self, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

struct edgecore_message_fields box_message(const char *operation, const char *resource, const char *content) {
  return (struct edgecore_message_fields){.size = sizeof(struct edgecore_message_fields),
                                          .timestamp = 1700000000000,
                                          .id = "id",
                                          .parent_id = "parent",
                                          .source = "edged",
                                          .group = "resource",
                                          .operation = operation,
                                          .resource = resource,
                                          .content_kind = EDGECORE_CONTENT_RAW,
                                          .content = content,
                                          .content_size = strlen(content)};
}

void box_put(outbox *self, const char *operation, const char *content) {
  const struct edgecore_message_fields fields = box_message(operation, "a/pod/1", content);

  if (outbox_put(self, &fields, FALSE, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

void box_put_latest(outbox *self, const char *resource, const char *content) {
  const struct edgecore_message_fields fields = box_message("update", resource, content);

  if (outbox_put(self, &fields, TRUE, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

void box_commit(store *rows, outbox *self) {
  fixture_commit(rows);
  outbox_committed(self);
}

void box_roll_back(store *rows, outbox *self) {
  database_rollback(store_database(rows));
  outbox_rolled_back(self);
}

struct taker {
  GString *contents;
  guint max;
};

static gboolean take(const struct edgecore_message_fields *fields, void *data) {
  struct taker *taker = data;

  if (taker->max == 0)
    return FALSE;
  taker->max--;
  g_string_append_printf(taker->contents, "%.*s ", (int)fields->content_size, (const char *)fields->content);
  return TRUE;
}

char *box_taken(outbox *self, guint max) {
  struct taker taker = {.contents = g_string_new(NULL), .max = max};

  check_ok(outbox_each(self, take, &taker, &failure));
  return g_string_free(taker.contents, FALSE);
}

void box_check_taken(const char *file, int line, outbox *self, guint max, const char *want) {
  g_autofree char *got = box_taken(self, max);

  test_str(file, line, "what was taken", "what is wanted", got, want);
}
