#include "store_private.h"

#include "error.h"
#include "resource.h"
#include "text.h"

gboolean store_read_texts(sqlite3_context *context, sqlite3_value **values, int count, const char **texts,
                          gsize *sizes) {
  for (int i = 0; i < count; i++) {
    /* First, for a text that finds no memory for its NUL is NULL afterwards. */
    gboolean is_null = sqlite3_value_type(values[i]) == SQLITE_NULL;
    texts[i] = (const char *)sqlite3_value_text(values[i]);
    sizes[i] = (gsize)sqlite3_value_bytes(values[i]);
    if (texts[i] == NULL && !is_null) {
      sqlite3_result_error_nomem(context);
      return FALSE;
    }
  }
  return TRUE;
}

void store_sql_sum(sqlite3_context *context, int count, sqlite3_value **values) {
  const char *texts[3];
  gsize sizes[3];

  if (store_read_texts(context, values, count, texts, sizes))
    sqlite3_result_int64(context, text_sum(texts[0], sizes[0], texts[1], sizes[1], texts[2], sizes[2]));
}

void store_report_damaged(store *self, const char *key) {
  char *safe = g_utf8_make_valid(key != NULL ? key : "", -1);

  if (g_hash_table_contains(self->damaged, safe)) {
    g_free(safe);
    return;
  }
  g_hash_table_add(self->damaged, safe);
  g_queue_push_tail(&self->damaged_keys, safe);
  g_autofree char *text = g_strdup_printf("the row %.*s is damaged: its checksum is wrong, it is treated as missing",
                                          text_shown(safe), safe);
  self->log(EDGECORE_LOG_ERROR, text, self->log_data);
}

gboolean store_check_row(store *self, const char *const texts[3], const gsize sizes[3], gboolean has_sum, gint64 sum) {
  const char *key = texts[0] != NULL ? texts[0] : "";
  gboolean is_whole = has_sum ? sum == text_sum(texts[0], sizes[0], texts[1], sizes[1], texts[2], sizes[2])
                              : resource_has_type(key, texts[1] != NULL ? texts[1] : "", sizes[1]);

  if (!is_whole)
    store_report_damaged(self, key);
  return is_whole;
}

void store_sql_ok(sqlite3_context *context, int count, sqlite3_value **values) {
  store *self = sqlite3_user_data(context);
  const char *texts[3];
  gsize sizes[3];

  if (!store_read_texts(context, values, count - 1, texts, sizes))
    return;
  gboolean has_sum = sqlite3_value_type(values[3]) != SQLITE_NULL;
  sqlite3_result_int(context, store_check_row(self, texts, sizes, has_sum, sqlite3_value_int64(values[3])));
}

guint64 store_damaged(const store *self) {
  return g_hash_table_size(self->damaged);
}

char *store_take_damaged(store *self) {
  return g_strdup(g_queue_pop_head(&self->damaged_keys));
}

void store_return_damaged(store *self, const char *key) {
  gpointer own;

  if (g_hash_table_lookup_extended(self->damaged, key, &own, NULL))
    g_queue_push_tail(&self->damaged_keys, own);
}

void store_forget_damaged(store *self, const char *key) {
  gpointer own;

  if (g_hash_table_size(self->damaged) == 0 || !g_hash_table_lookup_extended(self->damaged, key, &own, NULL))
    return;
  g_queue_remove(&self->damaged_keys, own);
  g_hash_table_remove(self->damaged, key);
}

/* FALSE when memory ran out: a row must not look damaged for that. */
static gboolean read_text(sqlite3_stmt *statement, enum column column, const char **text, gsize *size) {
  gboolean is_null = sqlite3_column_type(statement, column) == SQLITE_NULL;

  *text = (const char *)sqlite3_column_text(statement, column);
  *size = (gsize)sqlite3_column_bytes(statement, column);
  return *text != NULL || is_null;
}

int32_t store_read_row(store *self, sqlite3_stmt *statement, struct store_row *row, gboolean *is_whole,
                       struct edgecore_error *error) {
  const char *texts[COLUMN_SUM];
  gsize sizes[COLUMN_SUM];

  for (enum column i = COLUMN_KEY; i < COLUMN_SUM; i++)
    if (!read_text(statement, i, &texts[i], &sizes[i])) {
      sqlite3_reset(statement);
      return error_set(error, EDGECORE_NO_MEMORY, "no memory for a row of the table");
    }
  *is_whole = store_check_row(self, texts, sizes, sqlite3_column_type(statement, COLUMN_SUM) != SQLITE_NULL,
                              sqlite3_column_int64(statement, COLUMN_SUM));
  *row = (struct store_row){.key = texts[COLUMN_KEY] != NULL ? texts[COLUMN_KEY] : "",
                            .type = texts[COLUMN_TYPE] != NULL ? texts[COLUMN_TYPE] : "",
                            .value = texts[COLUMN_VALUE] != NULL ? texts[COLUMN_VALUE] : "",
                            .value_size = sizes[COLUMN_VALUE]};
  return EDGECORE_OK;
}
