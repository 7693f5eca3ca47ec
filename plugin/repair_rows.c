#include "repair_private.h"

#include "outbox.h"
#include "resource.h"
#include "text.h"

#include <string.h>

/* key, type, value; `sum` where upstream's table has grown; a later version may have more after that */
enum { META_KEY, META_TYPE, META_VALUE, META_SUM, META_COLUMNS };

/* As the schema has them. */
enum {
  OUTBOX_ID,
  OUTBOX_LATEST,
  OUTBOX_ANSWER,
  OUTBOX_BYTES,
  OUTBOX_MSG_ID,
  OUTBOX_PARENT_ID,
  OUTBOX_TIMESTAMP,
  OUTBOX_SOURCE,
  OUTBOX_GROUP,
  OUTBOX_OPERATION,
  OUTBOX_RESOURCE,
  OUTBOX_CONTENT_KIND,
  OUTBOX_SUM,
  OUTBOX_CONTENT,
  OUTBOX_COLUMNS
};

void repair_rows_init(struct repair *self) {
  self->saved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  self->failed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self->mentioned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self->explained = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self->messages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  self->messages_named = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

void repair_rows_clear(struct repair *self) {
  GHashTable **const all[] = {&self->saved,  &self->failed,   &self->mentioned,     &self->explained,
                              &self->wanted, &self->messages, &self->messages_named};

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_clear_pointer(all[i], g_hash_table_unref);
}

void repair_say(const struct repair *self, int32_t level, const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  /* A key may have been cut in the middle of a character. */
  g_autofree char *whole = g_utf8_make_valid(text, -1);
  self->log(level, whole, self->log_data);
}

gboolean repair_run(struct repair *self, enum repair_statement number) {
  sqlite3_stmt *statement = self->statements[number];
  int result = sqlite3_step(statement);

  sqlite3_reset(statement);
  if (result != SQLITE_DONE && self->result == SQLITE_OK)
    self->result = result;
  return result == SQLITE_DONE && sqlite3_changes(self->fresh) > 0;
}

static void count_up(GHashTable *counts, const char *key) {
  guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));

  g_hash_table_insert(counts, g_strdup(key), GUINT_TO_POINTER(count + 1));
}

static void add_id(GHashTable *ids, gint64 id) {
  g_hash_table_add(ids, g_memdup2(&id, sizeof id));
}

static gboolean is_text(const struct salvage_column *column) {
  return column->kind == SALVAGE_TEXT && text_is_utf8(column->bytes, column->size) &&
         memchr(column->bytes, '\0', column->size) == NULL;
}

static void bind(sqlite3_stmt *statement, int number, const struct salvage_column *column) {
  switch (column->kind) {
  case SALVAGE_INTEGER:
    sqlite3_bind_int64(statement, number, column->integer);
    break;
  case SALVAGE_TEXT:
    sqlite3_bind_text64(statement, number, column->bytes, column->size, SQLITE_STATIC, SQLITE_UTF8);
    break;
  case SALVAGE_BLOB:
    sqlite3_bind_blob64(statement, number, column->bytes, column->size, SQLITE_STATIC);
    break;
  case SALVAGE_NULL:
  case SALVAGE_OTHER:
    sqlite3_bind_null(statement, number);
    break;
  }
}

/* --------------------------------------------------------------------------------------------------------- the rows */

static gboolean is_json(struct repair *self, const struct salvage_column *value) {
  sqlite3_stmt *statement = self->statements[IS_JSON];

  if (!text_is_utf8(value->bytes, value->size))
    return FALSE;
  bind(statement, 1, value);
  gboolean valid = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
  sqlite3_reset(statement);
  return valid;
}

static gboolean has_sum(const struct salvage_record *record) {
  return record->column_count > META_SUM && record->columns[META_SUM].kind == SALVAGE_INTEGER;
}

static gboolean row_is_right(struct repair *self, const struct salvage_record *record, const char *key) {
  const struct salvage_column *columns = record->columns;
  const struct salvage_column *type = &columns[META_TYPE];
  const struct salvage_column *value = &columns[META_VALUE];

  if (has_sum(record))
    return text_sum(columns[META_KEY].bytes, columns[META_KEY].size, type->bytes, type->size, value->bytes,
                    value->size) == columns[META_SUM].integer;
  return record->column_count <= META_COLUMNS && resource_has_type(key, type->bytes, type->size) &&
         (value->kind == SALVAGE_NULL || is_json(self, value));
}

/* A key whose index entry was damaged may have been stored a second time: the later record has the greater rowid. */
static gboolean is_superseded(struct repair *self, const char *key, gint64 rowid) {
  const gint64 *other = g_hash_table_lookup(self->saved, key);

  if (other == NULL)
    return FALSE;
  if (*other >= rowid)
    return TRUE;
  sqlite3_bind_text(self->statements[DELETE_META], 1, key, -1, SQLITE_STATIC);
  repair_run(self, DELETE_META);
  return FALSE;
}

static void take_row(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *columns = record->columns;
  sqlite3_stmt *statement = self->statements[INSERT_META];

  if (!is_text(&columns[META_KEY]) || columns[META_TYPE].kind != SALVAGE_TEXT ||
      (columns[META_VALUE].kind != SALVAGE_TEXT && columns[META_VALUE].kind != SALVAGE_NULL))
    return;
  g_autofree char *key = g_strndup(columns[META_KEY].bytes, columns[META_KEY].size);
  if (!row_is_right(self, record, key)) {
    /* With more columns it may be a record of some other table. */
    if (record->column_count <= META_COLUMNS)
      g_hash_table_add(self->failed, g_steal_pointer(&key));
    return;
  }
  if (is_superseded(self, key, record->rowid))
    return;
  sqlite3_bind_int64(statement, 1, record->rowid);
  for (int i = META_KEY; i < META_SUM; i++)
    bind(statement, 2 + i, &columns[i]);
  bind(statement, 5, has_sum(record) ? &columns[META_SUM] : &(struct salvage_column){.kind = SALVAGE_NULL});
  gboolean is_in = repair_run(self, INSERT_META);
  if (!is_in) {
    /* Another row has the rowid: a page that is not what it was. */
    sqlite3_bind_null(statement, 1);
    is_in = repair_run(self, INSERT_META);
  }
  if (is_in)
    g_hash_table_insert(self->saved, g_steal_pointer(&key), g_memdup2(&record->rowid, sizeof record->rowid));
}

/* ----------------------------------------------------------------------------------------------------- the messages */

static gint64 sum_of_message(const struct salvage_column *columns) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_full(OUTBOX_COLUMNS, g_free);

  for (int i = 0; i < OUTBOX_COLUMNS; i++)
    g_ptr_array_add(texts, is_text(&columns[i]) ? g_strndup(columns[i].bytes, columns[i].size) : g_strdup(""));
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .id = g_ptr_array_index(texts, OUTBOX_MSG_ID),
      .parent_id = g_ptr_array_index(texts, OUTBOX_PARENT_ID),
      .timestamp = columns[OUTBOX_TIMESTAMP].integer,
      .source = g_ptr_array_index(texts, OUTBOX_SOURCE),
      .group = g_ptr_array_index(texts, OUTBOX_GROUP),
      .operation = g_ptr_array_index(texts, OUTBOX_OPERATION),
      .resource = g_ptr_array_index(texts, OUTBOX_RESOURCE),
      .content_kind = (guint32)columns[OUTBOX_CONTENT_KIND].integer,
      .content = columns[OUTBOX_CONTENT].bytes,
      .content_size = columns[OUTBOX_CONTENT].size,
  };
  return outbox_sum(&fields);
}

static void take_message(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *columns = record->columns;
  const struct salvage_column *latest = &columns[OUTBOX_LATEST];
  sqlite3_stmt *statement = self->statements[INSERT_OUTBOX];

  if (columns[OUTBOX_RESOURCE].kind != SALVAGE_TEXT)
    return;
  add_id(self->messages_named, record->rowid);
  if (columns[OUTBOX_SUM].kind != SALVAGE_INTEGER || sum_of_message(columns) != columns[OUTBOX_SUM].integer)
    return;
  sqlite3_bind_int64(statement, 1, record->rowid);
  for (int i = OUTBOX_LATEST; i < OUTBOX_COLUMNS; i++)
    bind(statement, i + 1, &columns[i]);
  if (!repair_run(self, INSERT_OUTBOX))
    return;
  add_id(self->messages, record->rowid);
  if (is_text(latest)) {
    g_autofree char *resource = g_strndup(latest->bytes, latest->size);
    count_up(self->explained, resource);
  }
}

/* ------------------------------------------------------------------------------------------- what tells of the others */

/* The indexes tell which rows and messages there were, even where they themselves are gone. */
static void note_entry(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *key = &record->columns[0];

  if (record->column_count != 2 || record->columns[1].kind != SALVAGE_INTEGER)
    return;
  if (key->kind == SALVAGE_INTEGER) {
    add_id(self->messages_named, record->columns[1].integer);
  } else if (is_text(key) && memchr(key->bytes, '/', key->size) != NULL) {
    g_autofree char *text = g_strndup(key->bytes, key->size);
    count_up(self->mentioned, text);
  }
}

static void note_wanted(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *key = &record->columns[0];

  if (!is_text(key) || memchr(key->bytes, '/', key->size) == NULL)
    return;
  char *text = g_strndup(key->bytes, key->size);
  count_up(self->explained, text);
  g_hash_table_add(self->wanted, text);
}

void repair_take(const struct salvage_record *record, void *data) {
  struct repair *self = data;

  if (self->result != SQLITE_OK)
    return;
  /* What we delete is overwritten; upstream leaves it as it was, and without a checksum. */
  if (record->is_free && !has_sum(record))
    return;
  if (record->in_index)
    note_entry(self, record);
  else if (record->column_count == 1)
    note_wanted(self, record);
  /* A later version may have added columns to either table. */
  else if (record->column_count >= OUTBOX_COLUMNS)
    take_message(self, record);
  else if (record->column_count >= META_SUM)
    take_row(self, record);
}

gboolean repair_found_any(const struct repair *self) {
  return g_hash_table_size(self->saved) + g_hash_table_size(self->messages) + g_hash_table_size(self->failed) +
             g_hash_table_size(self->mentioned) >
         0;
}

static void want(struct repair *self, const char *key) {
  sqlite3_bind_text(self->statements[INSERT_WANTED], 1, key, -1, SQLITE_STATIC);
  repair_run(self, INSERT_WANTED);
}

/* `what` follows the key in the log. */
typedef void lost_fn(struct repair *self, const char *key, const char *what);

static guint each_lost(struct repair *self, lost_fn *lost) {
  GHashTableIter iter;
  gpointer key;
  gpointer count;
  guint found = 0;

  g_hash_table_iter_init(&iter, self->failed);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    if (!g_hash_table_contains(self->saved, key)) {
      lost(self, key, "");
      found++;
    }
  g_hash_table_iter_init(&iter, self->mentioned);
  while (g_hash_table_iter_next(&iter, &key, &count))
    if (!g_hash_table_contains(self->saved, key) && !g_hash_table_contains(self->failed, key) &&
        GPOINTER_TO_UINT(count) > GPOINTER_TO_UINT(g_hash_table_lookup(self->explained, key))) {
      lost(self, key, " or a message about it");
      found++;
    }
  return found;
}

static void want_lost(struct repair *self, const char *key, const char *what) {
  (void)what;
  if (resource_is_remote(resource_parse(key).kind))
    want(self, key);
}

static void say_lost(struct repair *self, const char *key, const char *what) {
  repair_say(self, EDGECORE_LOG_WARNING, "lost the row %.*s%s%s", text_shown(key), key, what,
             resource_is_remote(resource_parse(key).kind) ? "; the cloud will be asked for it" : "");
}

void repair_want_lost(struct repair *self) {
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, self->wanted);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    if (!g_hash_table_contains(self->saved, key))
      want_lost(self, key, "");
  (void)each_lost(self, want_lost);
}

guint repair_report_lost(struct repair *self) {
  return each_lost(self, say_lost);
}

guint repair_lost_messages(const struct repair *self) {
  GHashTableIter iter;
  gpointer id;
  guint lost = 0;

  g_hash_table_iter_init(&iter, self->messages_named);
  while (g_hash_table_iter_next(&iter, &id, NULL))
    lost += !g_hash_table_contains(self->messages, id);
  return lost;
}
