#include "outbox.h"

#include "error.h"
#include "statements.h"
#include "text.h"

#include <string.h>

/* What a transaction changes, so that a roll-back is an assignment. */
struct outbox_totals {
  gint64 count;
  gint64 bytes;
  gint64 last_id;
  gint64 last_ordered; /* what is not after this one is not replaced in its place */
  guint64 evicted;
};

struct outbox {
  database *database;
  gint64 max_bytes;
  database_log_fn *log;
  void *log_data;
  struct outbox_totals now;
  struct outbox_totals committed;
  gint64 taken;
};

static int32_t read_totals(outbox *self, gboolean *has_strange, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_OUTBOX_TOTAL, error);
  gboolean row;

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, OUTBOX_ID_MAX);
  int32_t code = database_step(self->database, statement, &row, error);
  if (code == EDGECORE_OK && row) {
    self->now.count = sqlite3_column_int64(statement, 0);
    self->now.bytes = sqlite3_column_int64(statement, 1);
    self->now.last_id = MAX(self->now.last_id, sqlite3_column_int64(statement, 2));
    *has_strange = sqlite3_column_int64(statement, 3) > 0;
  }
  sqlite3_reset(statement);
  return code;
}

/* Damage may have made an id that leaves none after it, or one that looks as if it had been passed on. */
static int32_t drop_strange(outbox *self, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_OUTBOX_DELETE_STRANGE, error);
  gboolean has_strange;

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, OUTBOX_ID_MAX);
  int32_t code = database_run(self->database, statement, NULL, error);
  if (code == EDGECORE_OK)
    code = database_commit(self->database, error);
  if (code != EDGECORE_OK) {
    database_rollback(self->database);
    return code;
  }
  self->log(EDGECORE_LOG_ERROR, "messages of the outbox have ids that it never gave: they are damaged, and dropped",
            self->log_data);
  /* What comes now must not look so either. */
  self->now.last_id = self->taken;
  return read_totals(self, &has_strange, error);
}

int32_t outbox_reload(outbox *self, struct edgecore_error *error) {
  gboolean has_strange = FALSE;
  int32_t code = read_totals(self, &has_strange, error);

  if (code == EDGECORE_OK && has_strange)
    code = drop_strange(self, error);
  if (code != EDGECORE_OK)
    return code;
  /* Which of them keep their order is not worth a look at each: to replace one by an append is right for all. */
  self->now.last_ordered = self->now.last_id;
  self->committed = self->now;
  return EDGECORE_OK;
}

int32_t outbox_open(store *rows, gint64 max_bytes, database_log_fn *log, void *log_data, outbox **out,
                    struct edgecore_error *error) {
  outbox *self = g_new0(outbox, 1);

  self->database = store_database(rows);
  self->max_bytes = max_bytes;
  self->log = log;
  self->log_data = log_data;
  int32_t code = outbox_reload(self, error);
  if (code != EDGECORE_OK) {
    outbox_close(self);
    return code;
  }
  *out = self;
  return EDGECORE_OK;
}

void outbox_close(outbox *self) {
  g_free(self);
}

/* Deletes with a statement that returns the bytes of each row, and corrects the totals. */
static int32_t delete_rows(outbox *self, sqlite3_stmt *statement, gint64 *deleted, struct edgecore_error *error) {
  *deleted = 0;
  for (;;) {
    gboolean row;
    int32_t code = database_step(self->database, statement, &row, error);
    if (code != EDGECORE_OK || !row)
      return code;
    self->now.count--;
    self->now.bytes -= sqlite3_column_int64(statement, 0);
    (*deleted)++;
  }
}

/* The two numbers of the row that the statement finds, if any. */
static int32_t read_pair(outbox *self, sqlite3_stmt *statement, gint64 *first, gint64 *second, gboolean *found,
                         struct edgecore_error *error) {
  int32_t code = database_step(self->database, statement, found, error);

  if (code != EDGECORE_OK || !*found)
    return code;
  *first = sqlite3_column_int64(statement, 0);
  *second = sqlite3_column_int64(statement, 1);
  sqlite3_reset(statement);
  return EDGECORE_OK;
}

/* Deletes by id what is known to be so many messages and bytes. */
static int32_t delete_counted(outbox *self, enum statement number, gint64 id, gint64 count, gint64 bytes,
                              struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, number, error);

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, id);
  int32_t code = database_run(self->database, statement, NULL, error);
  if (code != EDGECORE_OK)
    return code;
  self->now.count -= count;
  self->now.bytes -= bytes;
  return EDGECORE_OK;
}

static int32_t evict(outbox *self, struct edgecore_error *error) {
  static const enum statement order[] = {STATEMENT_OUTBOX_EVICT_ANSWER, STATEMENT_OUTBOX_EVICT_OLDEST};

  for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
    gint64 deleted = 1;
    while (self->now.bytes > self->max_bytes && deleted > 0) {
      sqlite3_stmt *statement = database_write(self->database, order[i], error);
      if (statement == NULL)
        return EDGECORE_IO;
      int32_t code = delete_rows(self, statement, &deleted, error);
      if (code != EDGECORE_OK)
        return code;
      self->now.evicted += (guint64)deleted;
    }
  }
  return EDGECORE_OK;
}

static gint64 size_of(const struct edgecore_message_fields *message) {
  return (gint64)(strlen(message->id) + strlen(message->parent_id) + strlen(message->source) + strlen(message->group) +
                  strlen(message->operation) + strlen(message->resource) + message->content_size);
}

static guint64 sum_of_texts(const char *first, const char *second, const char *third) {
  return GUINT64_TO_LE((guint64)text_sum(first, strlen(first), second, strlen(second), third, strlen(third)));
}

gint64 outbox_sum(const struct edgecore_message_fields *message) {
  const guint64 head[] = {sum_of_texts(message->id, message->parent_id, message->source),
                          sum_of_texts(message->group, message->operation, message->resource),
                          GUINT64_TO_LE((guint64)message->timestamp), GUINT64_TO_LE((guint64)message->content_kind)};

  return text_sum((const char *)head, sizeof head, "", 0, message->content, message->content_size);
}

gboolean outbox_is_answer(const struct edgecore_message_fields *message) {
  return strcmp(message->operation, "response") == 0 || strcmp(message->operation, "error") == 0;
}

/* Both statements number their parameters alike. */
static int32_t write_row(outbox *self, enum statement number, gint64 id, const struct edgecore_message_fields *message,
                         gboolean replaces, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_write(self->database, number, error);
  const char *texts[] = {message->id,        message->parent_id, NULL, message->source, message->group,
                         message->operation, message->resource};

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, id);
  sqlite3_bind_text(statement, 2, replaces ? message->resource : NULL, -1, SQLITE_STATIC);
  sqlite3_bind_int(statement, 3, outbox_is_answer(message));
  sqlite3_bind_int64(statement, 4, size_of(message));
  for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++)
    sqlite3_bind_text(statement, 5 + i, texts[i], -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 7, message->timestamp);
  sqlite3_bind_int64(statement, 12, message->content_kind);
  sqlite3_bind_int64(statement, 13, outbox_sum(message));
  sqlite3_bind_blob64(statement, 14, message->content, message->content_size, SQLITE_STATIC);
  return database_run(self->database, statement, NULL, error);
}

static int32_t append(outbox *self, const struct edgecore_message_fields *message, gboolean replaces,
                      struct edgecore_error *error) {
  int32_t code = write_row(self, STATEMENT_OUTBOX_PUT, self->now.last_id + 1, message, replaces, error);

  if (code != EDGECORE_OK)
    return code;
  self->now.last_id++;
  self->now.count++;
  self->now.bytes += size_of(message);
  if (!replaces)
    self->now.last_ordered = self->now.last_id;
  return EDGECORE_OK;
}

/* In its place where that is seen by nobody: only other updates were kept since, and it was not passed on. That writes one page; to delete it
 * and to append writes the old page, the new one and the index. Where half of the room is used it is appended, so that what is new goes last
 * when there is none left. */
static int32_t put_latest(outbox *self, const struct edgecore_message_fields *message, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_OUTBOX_FIND_LATEST, error);
  gint64 id;
  gint64 bytes;
  gboolean found;

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_text(statement, 1, message->resource, -1, SQLITE_STATIC);
  int32_t code = read_pair(self, statement, &id, &bytes, &found, error);
  if (code != EDGECORE_OK)
    return code;
  if (found && id > MAX(self->taken, self->now.last_ordered) &&
      self->now.bytes - bytes + size_of(message) <= self->max_bytes / 2) {
    code = write_row(self, STATEMENT_OUTBOX_REPLACE, id, message, TRUE, error);
    if (code == EDGECORE_OK)
      self->now.bytes += size_of(message) - bytes;
    return code;
  }
  if (found)
    code = delete_counted(self, STATEMENT_OUTBOX_DELETE, id, 1, bytes, error);
  return code == EDGECORE_OK ? append(self, message, TRUE, error) : code;
}

int32_t outbox_put(outbox *self, const struct edgecore_message_fields *message, gboolean replaces,
                   struct edgecore_error *error) {
  /* It would throw out all others, and in the end itself. */
  if (size_of(message) > self->max_bytes) {
    self->now.evicted++;
    return EDGECORE_OK;
  }
  int32_t code = replaces ? put_latest(self, message, error) : append(self, message, FALSE, error);

  if (code != EDGECORE_OK)
    return code;
  return self->now.bytes > self->max_bytes ? evict(self, error) : EDGECORE_OK;
}

static const char *text_at(sqlite3_stmt *statement, int column) {
  const char *text = (const char *)sqlite3_column_text(statement, column);

  return text != NULL ? text : "";
}

static struct edgecore_message_fields fields_of(sqlite3_stmt *statement) {
  return (struct edgecore_message_fields){
      .size = sizeof(struct edgecore_message_fields),
      .id = text_at(statement, 1),
      .parent_id = text_at(statement, 2),
      .timestamp = sqlite3_column_int64(statement, 3),
      .source = text_at(statement, 4),
      .group = text_at(statement, 5),
      .operation = text_at(statement, 6),
      .resource = text_at(statement, 7),
      .content_kind = (guint32)sqlite3_column_int64(statement, 8),
      .content = sqlite3_column_blob(statement, 10),
      .content_size = (guint64)sqlite3_column_bytes(statement, 10),
  };
}

int32_t outbox_each(outbox *self, outbox_message_fn *each, void *data, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_OUTBOX_READ, error);

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, self->taken);
  for (;;) {
    gboolean row;
    int32_t code = database_step(self->database, statement, &row, error);
    if (code != EDGECORE_OK || !row)
      return code;
    struct edgecore_message_fields message = fields_of(statement);
    gint64 id = sqlite3_column_int64(statement, 0);
    if (outbox_sum(&message) != sqlite3_column_int64(statement, 9)) {
      g_autofree char *text = g_strdup_printf(
          "message %" G_GINT64_FORMAT " of the outbox is damaged: its checksum is wrong, it is not sent", id);
      self->log(EDGECORE_LOG_ERROR, text, self->log_data);
    } else if (!each(&message, data)) {
      sqlite3_reset(statement);
      return EDGECORE_OK;
    }
    self->taken = id;
  }
}

int32_t outbox_delete_taken(outbox *self, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_OUTBOX_TOTAL_THROUGH, error);
  gint64 count;
  gint64 bytes;
  gboolean found;

  if (statement == NULL)
    return EDGECORE_IO;
  sqlite3_bind_int64(statement, 1, self->taken);
  int32_t code = read_pair(self, statement, &count, &bytes, &found, error);
  if (code != EDGECORE_OK || !found || count == 0)
    return code;
  return delete_counted(self, STATEMENT_OUTBOX_DELETE_THROUGH, self->taken, count, bytes, error);
}

gint64 outbox_taken(const outbox *self) {
  return self->taken;
}

void outbox_set_taken(outbox *self, gint64 taken) {
  self->taken = taken;
  self->now.last_id = self->committed.last_id = MAX(self->committed.last_id, taken);
}

void outbox_committed(outbox *self) {
  guint64 evicted = self->now.evicted - self->committed.evicted;

  if (evicted > 0) {
    g_autofree char *text = g_strdup_printf("the outbox for the cloud is over its bound of %" G_GINT64_FORMAT
                                            " bytes (metamanager.outbox-max-bytes): dropped %" G_GUINT64_FORMAT
                                            " messages, %" G_GUINT64_FORMAT " since the start",
                                            self->max_bytes, evicted, self->now.evicted);
    self->log(EDGECORE_LOG_WARNING, text, self->log_data);
  }
  self->committed = self->now;
}

void outbox_rolled_back(outbox *self) {
  self->now = self->committed;
}

gboolean outbox_is_empty(const outbox *self) {
  return self->now.count == 0;
}

gboolean outbox_has_more(const outbox *self) {
  return self->now.count > 0 && self->now.last_id > self->taken;
}

gint64 outbox_bytes(const outbox *self) {
  return self->now.bytes;
}

guint64 outbox_evicted(const outbox *self) {
  return self->committed.evicted;
}
