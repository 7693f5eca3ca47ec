#include "store_private.h"

#include "statements.h"
#include "text.h"

#include <string.h>

/* A buffer larger than this is not kept for the next answer. */
#define ANSWER_KEPT (64 << 10)

static GString *begin_answer(store *self) {
  if (self->answer != NULL && self->answer->allocated_len > ANSWER_KEPT)
    g_string_free(g_steal_pointer(&self->answer), TRUE);
  if (self->answer == NULL)
    self->answer = g_string_new(NULL);
  return g_string_assign(self->answer, "[");
}

/* The values of the rows that the statement finds, as a JSON array of strings. */
static int32_t answer(store *self, enum statement number, const char *condition, struct store_json *json,
                      struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, number, error);
  GString *text = begin_answer(self);

  json->rows = 0;
  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_text(statement, 1, condition, -1, SQLITE_STATIC);
  for (;;) {
    struct store_row found;
    gboolean is_whole;
    gboolean row;
    int32_t code = database_step(self->database, statement, &row, error);
    if (code == EDGECORE_OK && row)
      code = store_read_row(self, statement, &found, &is_whole, error);
    if (code != EDGECORE_OK)
      return code;
    if (!row)
      break;
    if (!is_whole)
      continue;
    if (json->rows++ > 0)
      g_string_append_c(text, ',');
    text_append_quoted(text, found.value, found.value_size);
  }
  g_string_append_c(text, ']');
  json->text = text->str;
  json->size = text->len;
  return EDGECORE_OK;
}

int32_t store_answer_key(store *self, const char *key, struct store_json *json, struct edgecore_error *error) {
  return answer(self, STATEMENT_QUERY_KEY, key, json, error);
}

int32_t store_answer_type(store *self, const char *type, struct store_json *json, struct edgecore_error *error) {
  return answer(self, STATEMENT_QUERY_TYPE, type, json, error);
}

/* The statuses of a namespace. */
struct group {
  char *name;
  GString *values;
  guint rows;
  guint skipped;
};

static void group_free(gpointer data) {
  struct group *self = data;

  g_string_free(self->values, TRUE);
  g_free(self->name);
  g_free(self);
}

static int compare_groups(gconstpointer a, gconstpointer b) {
  const struct group *const *left = a;
  const struct group *const *right = b;

  return strcmp((*left)->name, (*right)->name);
}

static struct group *group_of(GPtrArray *groups, const char *key) {
  const char *end = strchr(key, '/');
  gsize size = end != NULL ? (gsize)(end - key) : 0;

  for (guint i = groups->len; i > 0; i--) {
    struct group *group = g_ptr_array_index(groups, i - 1);
    if (strncmp(group->name, key, size) == 0 && group->name[size] == '\0')
      return group;
  }
  struct group *group = g_new0(struct group, 1);
  group->name = g_strndup(key, size);
  group->values = g_string_new("[");
  g_ptr_array_add(groups, group);
  return group;
}

/* Values are joined as they are. json_valid stops at a NUL. */
static void add_status(GPtrArray *groups, const struct store_row *row, gboolean is_json) {
  struct group *group = group_of(groups, row->key);

  if (!is_json || memchr(row->value, '\0', row->value_size) != NULL) {
    group->skipped++;
    return;
  }
  if (group->rows++ > 0)
    g_string_append_c(group->values, ',');
  text_append_valid(group->values, row->value, row->value_size);
}

static int32_t read_statuses(store *self, GPtrArray *groups, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_EACH_PODSTATUS, error);

  if (statement == NULL)
    return EDGECORE_IO;
  for (;;) {
    struct store_row found;
    gboolean is_whole;
    gboolean row;
    int32_t code = database_step(self->database, statement, &row, error);
    if (code == EDGECORE_OK && row)
      code = store_read_row(self, statement, &found, &is_whole, error);
    if (code != EDGECORE_OK || !row)
      return code;
    if (is_whole)
      add_status(groups, &found, sqlite3_column_int(statement, COLUMN_IS_JSON) != 0);
  }
}

int32_t store_each_podstatus(store *self, store_namespace_fn *each, void *data, struct edgecore_error *error) {
  g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(group_free);
  int32_t code = read_statuses(self, groups, error);

  g_ptr_array_sort(groups, compare_groups);
  for (guint i = 0; code == EDGECORE_OK && i < groups->len; i++) {
    const struct group *group = g_ptr_array_index(groups, i);
    g_string_append_c(group->values, ']');
    const struct store_json values = {.text = group->values->str, .size = group->values->len, .rows = group->rows};
    code = each(group->name, &values, group->skipped, data, error);
  }
  return code;
}
