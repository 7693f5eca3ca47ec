#include "repair.h"

#include "error.h"
#include "resource.h"
#include "salvage.h"
#include "schema.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* While it is being filled, and once it is whole. */
#define FILLING ".repair"
#define WHOLE ".repaired"

#define META_COLUMNS 3 /* and `sum`, where upstream's table has grown */
#define OUTBOX_COLUMNS 14
#define OUTBOX_OPERATION 9
#define OUTBOX_RESOURCE 10
#define OUTBOX_SUM 12
#define OUTBOX_CONTENT 13

enum { INSERT_META, INSERT_OUTBOX, INSERT_WANTED, IS_JSON, STATEMENT_TOTAL };

static const char *const sql[STATEMENT_TOTAL] = {
    [INSERT_META] = "INSERT OR IGNORE INTO meta(rowid, key, type, value, sum) VALUES(?1, ?2, ?3, ?4, ?5)",
    [INSERT_OUTBOX] =
        "INSERT OR IGNORE INTO metamanager_outbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [INSERT_WANTED] = "INSERT OR IGNORE INTO metamanager_wanted VALUES(?1)",
    [IS_JSON] = "SELECT json_valid(?1)",
};

struct repair {
  const char *path;
  database_log_fn *log;
  void *log_data;
  sqlite3 *fresh;
  sqlite3_stmt *statements[STATEMENT_TOTAL];
  int result;        /* of SQLite, the first that was not good */
  GHashTable *saved; /* keys */
  GHashTable *seen;  /* keys of rows that failed, and keys of the index */
  guint rows;
  guint messages;
};

G_GNUC_PRINTF(3, 4) static void say(const struct repair *self, int32_t level, const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  /* A key may have been cut in the middle of a character. */
  g_autofree char *whole = g_utf8_make_valid(text, -1);
  self->log(level, whole, self->log_data);
}

static int32_t fail_errno(struct edgecore_error *error, const char *what, const char *path) {
  return error_set(error, EDGECORE_IO, "cannot mend the database: %s %s: %s", what, path, g_strerror(errno));
}

/* So that names outlive a power cut. */
static void sync_directory_of(const char *path) {
  g_autofree char *directory = g_path_get_dirname(path);
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  close(descriptor);
}

/* A name beside the file that nothing has yet. */
static char *dated_name(const char *path) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *date = g_date_time_format(now, "%Y%m%dT%H%M%SZ");

  for (guint i = 0;; i++) {
    g_autofree char *number = i == 0 ? g_strdup("") : g_strdup_printf("-%u", i);
    g_autofree char *name = g_strconcat(path, ".damaged-", date, number, NULL);
    if (access(name, F_OK) != 0)
      return g_steal_pointer(&name);
  }
}

/* Puts the fresh file in place. In every state that a power cut may leave, the damaged file is still there under some name, and
 * the fresh one is whole under one of two; the old WAL never meets the fresh file. */
static int32_t put_in_place(const char *path, char **kept, struct edgecore_error *error) {
  g_autofree char *dated = dated_name(path);
  g_autofree char *whole = g_strconcat(path, WHOLE, NULL);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *dated_wal = g_strconcat(dated, "-wal", NULL);
  g_autofree char *shm = g_strconcat(path, "-shm", NULL);

  /* A file system without links gets a moment without the name instead; repair_finish closes it. */
  if (link(path, dated) != 0 && rename(path, dated) != 0 && errno != ENOENT)
    return fail_errno(error, "cannot keep", path);
  if (rename(wal, dated_wal) != 0 && errno != ENOENT)
    return fail_errno(error, "cannot keep", wal);
  if (unlink(shm) != 0 && errno != ENOENT)
    return fail_errno(error, "cannot remove", shm);
  sync_directory_of(path);
  if (rename(whole, path) != 0)
    return fail_errno(error, "cannot put in place", whole);
  sync_directory_of(path);
  *kept = g_steal_pointer(&dated);
  return EDGECORE_OK;
}

int32_t repair_finish(const char *path, database_log_fn *log, void *log_data, struct edgecore_error *error) {
  const struct repair self = {.path = path, .log = log, .log_data = log_data};
  g_autofree char *whole = g_strconcat(path, WHOLE, NULL);
  g_autofree char *kept = NULL;

  if (access(whole, F_OK) != 0)
    return EDGECORE_OK;
  int32_t code = put_in_place(path, &kept, error);
  if (code == EDGECORE_OK)
    say(&self, EDGECORE_LOG_WARNING, "finished an interrupted repair of %s; the damaged file is kept as %s", path,
        kept);
  return code;
}

gboolean repair_is_needed(const char *path) {
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat file;
  struct stat log;

  return stat(path, &file) == 0 && file.st_size == 0 && stat(wal, &log) == 0 && log.st_size > 0;
}

/* ------------------------------------------------------------------------------------------------- the fresh file */

static int32_t fail_sqlite(const struct repair *self, struct edgecore_error *error, const char *what) {
  return error_set(error, EDGECORE_IO, "cannot mend the database %s: %s: %s", self->path, what,
                   self->fresh != NULL ? sqlite3_errmsg(self->fresh) : "no memory");
}

static int32_t create(struct repair *self, const char *name, struct edgecore_error *error) {
  GString *setup =
      g_string_new("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF; BEGIN;");

  for (guint i = 0; i < schema_model.step_count; i++)
    g_string_append_printf(setup, "%s;", schema_model.steps[i].sql);
  g_string_append_printf(setup, "PRAGMA user_version=%u; PRAGMA application_id=%u",
                         schema_model.steps[schema_model.step_count - 1].version, schema_model.application_id);
  g_autofree char *text = g_string_free(setup, FALSE);

  (void)unlink(name);
  int descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return fail_errno(error, "cannot create", name);
  (void)fchmod(descriptor, 0600);
  close(descriptor);
  if (sqlite3_open_v2(name, &self->fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
      sqlite3_exec(self->fresh, text, NULL, NULL, NULL) != SQLITE_OK)
    return fail_sqlite(self, error, "cannot create its tables");
  for (guint i = 0; i < STATEMENT_TOTAL; i++)
    if (sqlite3_prepare_v2(self->fresh, sql[i], -1, &self->statements[i], NULL) != SQLITE_OK)
      return fail_sqlite(self, error, "cannot prepare");
  return EDGECORE_OK;
}

static void close_fresh(struct repair *self) {
  for (guint i = 0; i < STATEMENT_TOTAL; i++)
    sqlite3_finalize(g_steal_pointer(&self->statements[i]));
  sqlite3_close(g_steal_pointer(&self->fresh));
}

static gboolean run(struct repair *self, sqlite3_stmt *statement) {
  int result = sqlite3_step(statement);

  sqlite3_reset(statement);
  if (result != SQLITE_DONE && self->result == SQLITE_OK)
    self->result = result;
  return result == SQLITE_DONE && sqlite3_changes(self->fresh) > 0;
}

/* -------------------------------------------------------------------------------------------------- what is found */

static gboolean is_json(struct repair *self, const struct salvage_column *value) {
  sqlite3_stmt *statement = self->statements[IS_JSON];

  if (!text_is_utf8(value->bytes, value->size))
    return FALSE;
  sqlite3_bind_text64(statement, 1, value->bytes, value->size, SQLITE_STATIC, SQLITE_UTF8);
  gboolean valid = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
  sqlite3_reset(statement);
  return valid;
}

static gboolean row_is_right(struct repair *self, const struct salvage_record *record, const char *key) {
  const struct salvage_column *columns = record->columns;

  if (record->column_count > META_COLUMNS && columns[3].kind == SALVAGE_INTEGER)
    return text_sum(columns[0].bytes, columns[0].size, columns[1].bytes, columns[1].size, columns[2].bytes,
                    columns[2].size) == columns[3].integer;
  struct resource resource = resource_parse(key);
  return strlen(resource.type) == columns[1].size && memcmp(resource.type, columns[1].bytes, columns[1].size) == 0 &&
         (columns[2].kind == SALVAGE_NULL || is_json(self, &columns[2]));
}

static void take_row(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *columns = record->columns;
  sqlite3_stmt *statement = self->statements[INSERT_META];

  if (columns[0].kind != SALVAGE_TEXT || columns[1].kind != SALVAGE_TEXT ||
      (columns[2].kind != SALVAGE_TEXT && columns[2].kind != SALVAGE_NULL) ||
      !text_is_utf8(columns[0].bytes, columns[0].size))
    return;
  g_autofree char *key = g_strndup(columns[0].bytes, columns[0].size);
  if (!row_is_right(self, record, key)) {
    g_hash_table_add(self->seen, g_steal_pointer(&key));
    return;
  }
  sqlite3_bind_int64(statement, 1, record->rowid);
  sqlite3_bind_text64(statement, 2, columns[0].bytes, columns[0].size, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_text64(statement, 3, columns[1].bytes, columns[1].size, SQLITE_STATIC, SQLITE_UTF8);
  if (columns[2].kind == SALVAGE_NULL)
    sqlite3_bind_null(statement, 4);
  else
    sqlite3_bind_text64(statement, 4, columns[2].bytes, columns[2].size, SQLITE_STATIC, SQLITE_UTF8);
  if (record->column_count > META_COLUMNS && columns[3].kind == SALVAGE_INTEGER)
    sqlite3_bind_int64(statement, 5, columns[3].integer);
  else
    sqlite3_bind_null(statement, 5);
  if (run(self, statement)) {
    self->rows++;
    g_hash_table_add(self->saved, g_steal_pointer(&key));
  }
}

static void take_message(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *columns = record->columns;
  const struct salvage_column *resource = &columns[OUTBOX_RESOURCE];
  const struct salvage_column *operation = &columns[OUTBOX_OPERATION];
  const struct salvage_column *content = &columns[OUTBOX_CONTENT];
  sqlite3_stmt *statement = self->statements[INSERT_OUTBOX];

  if (resource->kind != SALVAGE_TEXT || operation->kind != SALVAGE_TEXT ||
      columns[OUTBOX_SUM].kind != SALVAGE_INTEGER ||
      text_sum(resource->bytes, resource->size, operation->bytes, operation->size, content->bytes, content->size) !=
          columns[OUTBOX_SUM].integer)
    return;
  sqlite3_bind_int64(statement, 1, record->rowid);
  for (int i = 1; i < OUTBOX_COLUMNS; i++)
    switch (columns[i].kind) {
    case SALVAGE_INTEGER:
      sqlite3_bind_int64(statement, i + 1, columns[i].integer);
      break;
    case SALVAGE_TEXT:
      sqlite3_bind_text64(statement, i + 1, columns[i].bytes, columns[i].size, SQLITE_STATIC, SQLITE_UTF8);
      break;
    case SALVAGE_BLOB:
      sqlite3_bind_blob64(statement, i + 1, columns[i].bytes, columns[i].size, SQLITE_STATIC);
      break;
    case SALVAGE_NULL:
    case SALVAGE_OTHER:
      sqlite3_bind_null(statement, i + 1);
      break;
    }
  self->messages += run(self, statement);
}

/* The index on the key tells which rows there were, even where the rows themselves are gone. */
static void note_key(struct repair *self, const struct salvage_record *record) {
  const struct salvage_column *key = &record->columns[0];

  if (record->column_count == 2 && key->kind == SALVAGE_TEXT && record->columns[1].kind == SALVAGE_INTEGER &&
      text_is_utf8(key->bytes, key->size) && memchr(key->bytes, '/', key->size) != NULL)
    g_hash_table_add(self->seen, g_strndup(key->bytes, key->size));
}

static void take(const struct salvage_record *record, void *data) {
  struct repair *self = data;

  if (record->in_index)
    note_key(self, record);
  else if (record->column_count == META_COLUMNS || record->column_count == META_COLUMNS + 1)
    take_row(self, record);
  else if (record->column_count == OUTBOX_COLUMNS)
    take_message(self, record);
}

/* ------------------------------------------------------------------------------------------------------ the whole */

static guint report_lost(struct repair *self) {
  GHashTableIter iter;
  gpointer key;
  guint lost = 0;

  g_hash_table_iter_init(&iter, self->seen);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    if (g_hash_table_contains(self->saved, key))
      continue;
    gboolean wanted = resource_is_remote(resource_parse(key).kind);
    lost++;
    if (wanted) {
      sqlite3_bind_text(self->statements[INSERT_WANTED], 1, key, -1, SQLITE_STATIC);
      run(self, self->statements[INSERT_WANTED]);
    }
    say(self, EDGECORE_LOG_WARNING, "lost the row %.*s%s", text_shown(key), (const char *)key,
        wanted ? "; the cloud will be asked for it" : "");
  }
  return lost;
}

static int32_t fill(struct repair *self, const image *pages, const char *name, guint *lost,
                    struct edgecore_error *error) {
  int32_t code = create(self, name, error);

  if (code != EDGECORE_OK)
    return code;
  salvage_each(pages, take, self);
  /* An empty file beside a WAL is what is left of one of ours. */
  if (!image_has_header(pages) && !repair_is_needed(self->path) &&
      self->rows + self->messages + g_hash_table_size(self->seen) == 0)
    return error_set(error, EDGECORE_IO,
                     "the file %s is not an SQLite database; move it away or name another one in database.source",
                     self->path);
  *lost = report_lost(self);
  if (self->result == SQLITE_OK)
    self->result = sqlite3_exec(self->fresh, "COMMIT", NULL, NULL, NULL);
  return self->result == SQLITE_OK ? EDGECORE_OK : fail_sqlite(self, error, "cannot fill the fresh file");
}

int32_t repair_database(const char *path, const char *reason, database_log_fn *log, void *log_data,
                        struct edgecore_error *error) {
  struct repair self = {.path = path, .log = log, .log_data = log_data};
  g_autofree char *filling = g_strconcat(path, FILLING, NULL);
  g_autofree char *whole = g_strconcat(path, WHOLE, NULL);
  g_autofree char *kept = NULL;
  g_autoptr(image) pages = NULL;
  guint lost = 0;
  int32_t code = image_open(path, &pages, error);

  if (code != EDGECORE_OK)
    return code;
  self.saved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  code = fill(&self, pages, filling, &lost, error);
  close_fresh(&self);
  g_hash_table_unref(self.saved);
  g_hash_table_unref(self.seen);
  if (code == EDGECORE_OK && rename(filling, whole) != 0)
    code = fail_errno(error, "cannot rename", filling);
  if (code == EDGECORE_OK)
    code = put_in_place(path, &kept, error);
  if (code != EDGECORE_OK) {
    (void)unlink(filling);
    return code;
  }
  say(&self, EDGECORE_LOG_ERROR,
      "the database %s was damaged (%s) and has been mended: saved %u rows and %u messages for the cloud, lost %u"
      " rows whose keys are known; the damaged file is kept as %s",
      path, reason, self.rows, self.messages, lost, kept);
  return EDGECORE_OK;
}
