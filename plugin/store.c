#include "store_private.h"

#include "error.h"
#include "statements.h"
#include "text.h"

#include <string.h>

static int32_t add_functions(sqlite3 *connection, void *data, struct edgecore_error *error) {
  static const struct {
    const char *name;
    int arguments;
    void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
  } functions[] = {{"meta_sum", 3, store_sql_sum}, {"meta_ok", 4, store_sql_ok}, {"meta_key", 2, store_sql_key}};

  for (guint i = 0; i < G_N_ELEMENTS(functions); i++) {
    int result =
        sqlite3_create_function_v2(connection, functions[i].name, functions[i].arguments,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC, data, functions[i].call, NULL, NULL, NULL);
    if (result != SQLITE_OK)
      return error_set(error, EDGECORE_NO_MEMORY, "cannot add a function to SQLite: %s", sqlite3_errstr(result));
  }
  return EDGECORE_OK;
}

int32_t store_open(const char *path, database_log_fn *log, void *log_data, store **out, struct edgecore_error *error) {
  store *self = g_new0(store, 1);

  self->log = log;
  self->log_data = log_data;
  self->damaged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  int32_t code = database_open(path, statements_all(), add_functions, self, log, log_data, &self->database, error);
  if (code != EDGECORE_OK) {
    store_close(self);
    return code;
  }
  *out = self;
  return EDGECORE_OK;
}

void store_close(store *self) {
  if (self == NULL)
    return;
  database_close(self->database);
  if (self->answer != NULL)
    g_string_free(self->answer, TRUE);
  g_queue_clear(&self->damaged_keys);
  g_hash_table_unref(self->damaged);
  g_free(self);
}

database *store_database(store *self) {
  return self->database;
}

static void bind_text(sqlite3_stmt *statement, int number, const char *text) {
  sqlite3_bind_text(statement, number, text, -1, SQLITE_STATIC);
}

void store_bind_bytes(sqlite3_stmt *statement, int number, const char *text, gsize size) {
  /* A NULL pointer would bind NULL; a size over SQLite's limit fails in step, by name. */
  sqlite3_bind_text64(statement, number, text != NULL ? text : "", size, SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs a write that binds a whole row. */
static int32_t run_row(store *self, enum statement number, const struct store_row *row, gint64 *changed,
                       struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, number, error);

  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, row->key);
  bind_text(statement, 2, row->type);
  store_bind_bytes(statement, 3, row->value, row->value_size);
  sqlite3_bind_int64(statement, 4,
                     text_sum(row->key, strlen(row->key), row->type, strlen(row->type), row->value, row->value_size));
  int32_t code = database_run(self->database, statement, changed, error);
  if (code == EDGECORE_OK)
    store_forget_damaged(self, row->key);
  return code;
}

int32_t store_save(store *self, const struct store_row *row, struct edgecore_error *error) {
  return run_row(self, STATEMENT_UPSERT, row, NULL, error);
}

int32_t store_insert_or_update(store *self, const struct store_row *row, struct edgecore_error *error) {
  gint64 changed;
  int32_t code = run_row(self, STATEMENT_CHANGE, row, &changed, error);

  return code == EDGECORE_OK && changed == 0 ? store_save(self, row, error) : code;
}

int32_t store_update(store *self, const struct store_row *row, gint64 *changed, struct edgecore_error *error) {
  return run_row(self, STATEMENT_UPDATE, row, changed, error);
}

static const struct {
  const char *name;
  enum statement query;
} columns[] = {{"key", STATEMENT_QUERY_KEY}, {"type", STATEMENT_QUERY_TYPE}, {"value", STATEMENT_QUERY_VALUE}};

/* The number of a column; a name is compared, never made part of SQL. */
static int column_number(const char *name, struct edgecore_error *error) {
  for (guint i = 0; i < G_N_ELEMENTS(columns); i++)
    if (strcmp(name, columns[i].name) == 0)
      return (int)i;
  error_set(error, EDGECORE_INVALID, "table meta has no column \"%.64s\"; it has key, type and value", name);
  return -1;
}

int32_t store_update_fields(store *self, const char *key, const struct store_field *fields, guint field_count,
                            gint64 *changed, struct edgecore_error *error) {
  const char *values[G_N_ELEMENTS(columns)] = {NULL};

  for (guint i = 0; i < field_count; i++) {
    int number = column_number(fields[i].column, error);
    if (number < 0)
      return EDGECORE_INVALID;
    values[number] = fields[i].value;
  }
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_UPDATE_FIELDS, error);
  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, key);
  for (int i = 0; i < (int)G_N_ELEMENTS(columns); i++) {
    sqlite3_bind_int(statement, 2 + 2 * i, values[i] != NULL);
    bind_text(statement, 3 + 2 * i, values[i]);
  }
  return database_run(self->database, statement, changed, error);
}

int32_t store_update_field(store *self, const char *key, const char *column, const char *value, gint64 *changed,
                           struct edgecore_error *error) {
  return store_update_fields(self, key, &(struct store_field){.column = column, .value = value}, 1, changed, error);
}

int32_t store_query_all(store *self, const char *column, const char *condition, store_row_fn *each, void *data,
                        struct edgecore_error *error) {
  int number = column_number(column, error);

  if (number < 0)
    return EDGECORE_INVALID;
  sqlite3_stmt *statement = database_statement(self->database, columns[number].query, error);
  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, condition);
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
      each(&found, data);
  }
}

struct value_call {
  store_value_fn *each;
  void *data;
};

static void pass_value(const struct store_row *row, void *data) {
  const struct value_call *call = data;

  call->each(row->value, row->value_size, call->data);
}

int32_t store_query(store *self, const char *column, const char *condition, store_value_fn *each, void *data,
                    struct edgecore_error *error) {
  return store_query_all(self, column, condition, pass_value, &(struct value_call){.each = each, .data = data}, error);
}

int32_t store_ask(store *self, sqlite3_stmt *statement, gboolean *yes, struct edgecore_error *error) {
  gboolean row;
  int32_t code = database_step(self->database, statement, &row, error);

  *yes = code == EDGECORE_OK && row && sqlite3_column_int(statement, 0) != 0;
  sqlite3_reset(statement);
  return code;
}

/* A row that stays though its deletion was acknowledged would come back with the next list, or with the repair of the index. */
static int32_t check_hidden(store *self, const char *key, const char *type, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_HAS_HIDDEN, error);
  gboolean is_hidden;

  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, key);
  bind_text(statement, 2, type);
  int32_t code = store_ask(self, statement, &is_hidden, error);
  return code == EDGECORE_OK && is_hidden ? error_set(error, EDGECORE_DAMAGED, "the index of keys lacks %s", key)
                                          : code;
}

int32_t store_delete_by_key(store *self, const char *key, const char *type, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_DELETE, error);
  gint64 changed;

  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, key);
  int32_t code = database_run(self->database, statement, &changed, error);
  return code == EDGECORE_OK && changed == 0 ? check_hidden(self, key, type, error) : code;
}

int32_t store_has(store *self, const char *key, gboolean *has, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_HAS, error);

  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, key);
  return store_ask(self, statement, has, error);
}

int32_t store_has_value(store *self, const char *key, const char *value, gsize size, gboolean *same,
                        struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_HAS_VALUE, error);

  if (statement == NULL)
    return EDGECORE_IO;
  bind_text(statement, 1, key);
  store_bind_bytes(statement, 2, value, size);
  int32_t code = store_ask(self, statement, same, error);
  /* The caller will not write it again. */
  return code == EDGECORE_OK && *same ? database_settle(self->database, error) : code;
}

int32_t store_delete_orphaned_podstatus(store *self, gint64 *deleted, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_DELETE_ORPHANS, error);

  if (statement == NULL)
    return EDGECORE_IO;
  return database_run(self->database, statement, deleted, error);
}

int32_t store_sum_rows(store *self, guint limit, gint64 *after, guint *done, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_SUM_ROWS, error);

  *done = 0;
  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, limit);
  sqlite3_bind_int64(statement, 2, *after);
  for (;;) {
    gboolean row;
    int32_t code = database_step(self->database, statement, &row, error);
    if (code != EDGECORE_OK || !row)
      return code;
    *after = MAX(*after, sqlite3_column_int64(statement, 0));
    (*done)++;
  }
}

static int32_t verify_counts(store *self, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_VERIFY_COUNTS, error);
  gboolean same;

  if (statement == NULL)
    return EDGECORE_IO;
  int32_t code = store_ask(self, statement, &same, error);
  if (code == EDGECORE_OK && !same)
    return error_set(error, EDGECORE_DAMAGED, "the indexes of meta do not have the same number of entries");
  return code;
}

int32_t store_verify(store *self, guint limit, gint64 *after, guint *done, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_VERIFY_ROWS, error);
  gboolean row;

  *done = 0;
  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, limit);
  sqlite3_bind_int64(statement, 2, *after);
  int32_t code = database_step(self->database, statement, &row, error);
  if (code != EDGECORE_OK)
    return code;
  *done = (guint)sqlite3_column_int(statement, 0);
  gint64 wrong = sqlite3_column_int64(statement, 3);
  if (*done > 0)
    *after = sqlite3_column_int64(statement, 1);
  sqlite3_reset(statement);
  if (wrong > 0)
    return error_set(error, EDGECORE_DAMAGED, "%" G_GINT64_FORMAT " rows of meta are not in its indexes", wrong);
  return *done > 0 ? EDGECORE_OK : verify_counts(self, error);
}
