#include "message.h"

#include "fixture.h"
#include "test.h"

#include <string.h>

static struct edgecore_message_fields whole(void) {
  return (struct edgecore_message_fields){
      .size = sizeof(struct edgecore_message_fields),
      .flags = EDGECORE_MESSAGE_SYNC,
      .timestamp = 1573228800123,
      .id = "m1",
      .parent_id = "m0",
      .source = "edgecontroller",
      .group = "resource",
      .operation = "insert",
      .resource = "default/configmap/caf\xc3\xa9",
      .content_kind = EDGECORE_CONTENT_RAW,
      .content = "a\0b",
      .content_size = 3,
  };
}

TEST_CASE(Message, says_what_it_was_made_with) {
  const struct edgecore_message_fields fields = whole();
  g_autoptr(any_message) message = message_new(&fields, NULL);
  require_not_null(message);
  const struct edgecore_message_fields *read = message_read(message);
  check_int_eq(read->size, sizeof *read);
  check_int_eq(read->flags, EDGECORE_MESSAGE_SYNC);
  check_int_eq(read->timestamp, 1573228800123);
  check_str_eq(read->id, "m1");
  check_str_eq(read->parent_id, "m0");
  check_str_eq(read->source, "edgecontroller");
  check_str_eq(read->group, "resource");
  check_str_eq(read->operation, "insert");
  check_str_eq(read->resource, "default/configmap/caf\xc3\xa9");
  check_int_eq(read->content_kind, EDGECORE_CONTENT_RAW);
  check_mem_eq(read->content, read->content_size, "a\0b", 3);
  check_null(read->content_of);
}

TEST_CASE(Message, is_a_copy) {
  char text[] = "text";
  struct edgecore_message_fields fields = whole();
  fields.id = fields.source = text;
  fields.content = text;
  fields.content_size = 4;
  g_autoptr(any_message) message = message_new(&fields, NULL);
  memset(text, 'x', 4);
  check_str_eq(message_read(message)->id, "text");
  check_str_eq(message_read(message)->source, "text");
  check_mem_eq(message_read(message)->content, 4, "text", 4);
}

TEST_CASE(Message, has_defaults) {
  const struct edgecore_message_fields fields = {.size = sizeof fields};
  const gint64 before = g_get_real_time() / 1000;
  g_autoptr(any_message) message = message_new(&fields, NULL);
  require_not_null(message);
  const struct edgecore_message_fields *read = message_read(message);
  check_true(g_uuid_string_is_valid(read->id));
  check_int_eq(read->id[14], '4');
  check_str_eq(read->parent_id, "");
  check_str_eq(read->source, "");
  check_str_eq(read->resource, "");
  check_int_ge(read->timestamp, before);
  check_int_le(read->timestamp, g_get_real_time() / 1000);
  check_int_eq(read->content_kind, EDGECORE_CONTENT_NONE);
  check_null(read->content);
  check_int_eq(read->content_size, 0);
}

TEST_CASE(Message, ids_are_all_different) {
  g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < 2000; i++) {
    g_autoptr(any_message) message = message_text(i % 2 == 0 ? NULL : "", "x");
    g_hash_table_add(ids, g_strdup(message_read(message)->id));
  }
  check_int_eq(g_hash_table_size(ids), 2000);
}

TEST_CASE(Message, shares_content) {
  g_autoptr(any_message) third = NULL;
  const void *bytes;
  {
    g_autoptr(any_message) first = message_text("m1", "the bytes");
    bytes = message_read(first)->content;
    const struct edgecore_message_fields fields = {.size = sizeof fields, .id = "m2", .content_of = first};
    g_autoptr(any_message) second = message_new(&fields, NULL);
    const struct edgecore_message_fields again = {.size = sizeof again, .id = "m3", .content_of = second};
    third = message_new(&again, NULL);
  }
  const struct edgecore_message_fields *read = message_read(third);
  check_str_eq(read->id, "m3");
  check_true(read->content == bytes);
  check_int_eq(read->content_kind, EDGECORE_CONTENT_RAW);
  check_mem_eq(read->content, read->content_size, "the bytes", 9);
  check_null(read->content_of);
}

TEST_CASE(Message, lives_while_it_is_referenced) {
  const guint before = message_count_live();
  struct edgecore_message *message = message_text("m1", "x");
  check_true(message_ref(message) == message);
  message_unref(message);
  check_int_eq(message_count_live(), before + 1);
  check_str_eq(message_read(message)->id, "m1");
  message_unref(message);
  check_int_eq(message_count_live(), before);
  message_unref(NULL);
}

static void check_refused(const struct edgecore_message_fields *fields, const char *part) {
  struct edgecore_error error = {.size = sizeof error};
  const guint before = message_count_live();
  check_null(message_new(fields, &error));
  check_int_eq(error.code, EDGECORE_INVALID);
  check_contains(error.text, part);
  check_null(message_new(fields, NULL));
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Message, refuses_text_that_is_not_utf8) {
  const struct {
    const char *name;
    size_t offset;
  } rows[] = {
      {"id", offsetof(struct edgecore_message_fields, id)},
      {"parent_id", offsetof(struct edgecore_message_fields, parent_id)},
      {"source", offsetof(struct edgecore_message_fields, source)},
      {"group", offsetof(struct edgecore_message_fields, group)},
      {"operation", offsetof(struct edgecore_message_fields, operation)},
      {"resource", offsetof(struct edgecore_message_fields, resource)},
  };
  static const char *const texts[] = {"\xff", "plain text up to here \xc3", "eight by\xc0\x80te", "\xed\xa0\x80"};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    for (guint k = 0; k < G_N_ELEMENTS(texts); k++) {
      test_note("%s, text %u", rows[i].name, k);
      struct edgecore_message_fields fields = whole();
      memcpy((char *)&fields + rows[i].offset, &texts[k], sizeof texts[k]);
      g_autofree char *said = g_strdup_printf("%s is not UTF-8", rows[i].name);
      check_refused(&fields, said);
    }
}

TEST_CASE(Message, refuses_what_the_contract_does_not_know) {
  struct edgecore_message_fields fields = whole();
  fields.flags = 2;
  check_refused(&fields, "flag");
  fields = whole();
  fields.content_kind = 3;
  check_refused(&fields, "kind");
  fields = whole();
  fields.reserved = 1;
  check_refused(&fields, "reserved");
  fields = whole();
  fields.size = sizeof fields - 8;
  check_refused(&fields, "short");
  fields = whole();
  fields.content = NULL;
  check_refused(&fields, "content");
  fields = whole();
  fields.content_kind = EDGECORE_CONTENT_NONE;
  check_refused(&fields, "content");
}

TEST_CASE(Message, too_much_content_is_an_error) {
  struct edgecore_message_fields fields = whole();
  fields.content_size = UINT64_MAX;
  struct edgecore_error error = {.size = sizeof error};
  check_null(message_new(&fields, &error));
  check_int_eq(error.code, EDGECORE_NO_MEMORY);
}

TEST_CASE(Message, takes_the_fields_of_a_later_minor) {
  struct {
    struct edgecore_message_fields fields;
    uint64_t later;
  } longer = {.fields = whole(), .later = 7};
  longer.fields.size = sizeof longer;
  g_autoptr(any_message) message = message_new(&longer.fields, NULL);
  require_not_null(message);
  check_str_eq(message_read(message)->id, "m1");
}

static gpointer ref_and_unref(gpointer message) {
  for (guint i = 0; i < 50000; i++)
    message_unref(message_ref(message));
  message_unref(message);
  return NULL;
}

TEST_CASE(Message, may_be_referenced_by_many_threads) {
  const guint before = message_count_live();
  struct edgecore_message *message = message_text("m1", "x");
  GThread *threads[4];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("ref", ref_and_unref, message_ref(message));
  message_unref(message);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
  check_int_eq(message_count_live(), before);
}
