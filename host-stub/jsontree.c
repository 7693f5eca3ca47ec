#include "jsontree.h"
#include "failure.h"
#include <sqlite3.h>
#include <string.h>

struct json_reader {
  sqlite3 *connection; /* NULL before the first text */
  sqlite3_stmt *walk;
};

/* SQLite's names of the kinds. */
static enum json_kind kind_of(const char *type) {
  static const struct {
    const char *type;
    enum json_kind kind;
  } kinds[] = {{"text", JSON_TEXT},  {"integer", JSON_INTEGER}, {"object", JSON_OBJECT}, {"array", JSON_LIST},
               {"true", JSON_TRUTH}, {"false", JSON_TRUTH},     {"real", JSON_FRACTION}};

  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (strcmp(type, kinds[i].type) == 0)
      return kinds[i].kind;
  return JSON_NULL;
}

static void free_value(gpointer value) {
  json_value_free(value);
}

static int prepare(json_reader *self) {
  static const char sql[] = "SELECT key, type, atom, id, parent FROM json_tree(?1)";

  if (self->walk != NULL)
    return SQLITE_OK;
  int result = sqlite3_open_v2(":memory:", &self->connection,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
  if (result == SQLITE_OK)
    result = sqlite3_prepare_v3(self->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->walk, NULL);
  if (result != SQLITE_OK)
    sqlite3_close(g_steal_pointer(&self->connection));
  return result;
}

/* `is_named`: it stands in an object; in a list its key is its place. NULL: there is not enough memory. */
static json_value *value_of_row(sqlite3_stmt *row, gboolean is_named) {
  const char *type = (const char *)sqlite3_column_text(row, 1);
  g_autoptr(json_value) value = g_new0(json_value, 1);

  if (type == NULL)
    return NULL;
  value->kind = kind_of(type);
  if (is_named)
    value->name = g_strdup((const char *)sqlite3_column_text(row, 0));
  if (value->kind == JSON_TEXT)
    value->text = g_strdup((const char *)sqlite3_column_text(row, 2));
  if (value->kind == JSON_INTEGER || value->kind == JSON_TRUTH)
    value->integer = sqlite3_column_int64(row, 2);
  if (value->kind == JSON_LIST || value->kind == JSON_OBJECT)
    value->held = g_ptr_array_new_with_free_func(free_value);
  if ((is_named && value->name == NULL) || (value->kind == JSON_TEXT && value->text == NULL))
    return NULL;
  return g_steal_pointer(&value);
}

/* What is open around a value while the tree is walked: a value comes after the one that holds it, and before that one's next. */
struct open {
  json_value *value;
  gint64 id;
};

static json_value *build(sqlite3_stmt *walk, int *result) {
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(struct open));
  g_autoptr(json_value) root = NULL;

  while ((*result = sqlite3_step(walk)) == SQLITE_ROW) {
    gint64 parent = sqlite3_column_int64(walk, 4);
    while (open->len > 0 && g_array_index(open, struct open, open->len - 1).id != parent)
      g_array_set_size(open, open->len - 1);
    json_value *holder = open->len > 0 ? g_array_index(open, struct open, open->len - 1).value : NULL;
    json_value *value = value_of_row(walk, holder != NULL && holder->kind == JSON_OBJECT);
    if (value == NULL) {
      *result = SQLITE_NOMEM;
      return NULL;
    }
    if (holder != NULL)
      g_ptr_array_add(holder->held, value);
    else
      root = value;
    const struct open next = {.value = value, .id = sqlite3_column_int64(walk, 3)};
    if (value->held != NULL)
      g_array_append_val(open, next);
  }
  return *result == SQLITE_DONE ? g_steal_pointer(&root) : NULL;
}

json_reader *json_reader_new(void) {
  return g_new0(json_reader, 1);
}

void json_reader_free(json_reader *self) {
  if (self == NULL)
    return;
  sqlite3_finalize(self->walk);
  sqlite3_close(self->connection);
  g_free(self);
}

json_value *json_reader_read(json_reader *self, const char *text, gsize size, GError **error) {
  json_value *root = NULL;
  int result = prepare(self);

  if (result == SQLITE_OK)
    result = sqlite3_bind_text64(self->walk, 1, text, size, SQLITE_STATIC, SQLITE_UTF8);
  if (result == SQLITE_OK) {
    root = build(self->walk, &result);
    sqlite3_reset(self->walk);
    sqlite3_clear_bindings(self->walk);
  }
  if (root == NULL)
    g_set_error(error, HOST_ERROR, EDGECORE_NO_MEMORY, "cannot read the JSON text: %s", sqlite3_errstr(result));
  return root;
}

void json_value_free(json_value *self) {
  if (self == NULL)
    return;
  g_free(self->name);
  g_free(self->text);
  g_clear_pointer(&self->held, g_ptr_array_unref);
  g_free(self);
}

const json_value *json_value_member(const json_value *object, const char *name) {
  for (guint i = 0; i < object->held->len; i++) {
    const json_value *member = g_ptr_array_index(object->held, i);
    if (strcmp(member->name, name) == 0)
      return member;
  }
  return NULL;
}
