#include "repair.h"

#include "error.h"
#include "image.h"
#include "repair_private.h"
#include "replace.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often all is read at most, while each time more can be read than before. */
#define ROUNDS_MAX 3

static const char *const sql[STATEMENT_TOTAL] = {
    [INSERT_META] = "INSERT OR IGNORE INTO meta(rowid, key, type, value, sum) VALUES(?1, ?2, ?3, ?4, ?5)",
    [DELETE_META] = "DELETE FROM meta WHERE key = ?1",
    [INSERT_OUTBOX] =
        "INSERT OR IGNORE INTO metamanager_outbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [INSERT_WANTED] = "INSERT OR IGNORE INTO metamanager_wanted VALUES(?1)",
    [IS_JSON] = "SELECT json_valid(?1)",
};

/* What failed first is the cause: a full disk takes the tables back, and then they are not there. */
static int32_t fail_sqlite(const struct repair *self, struct edgecore_error *error, const char *what) {
  return error_set(error, EDGECORE_IO, "cannot mend the database %s: %s: %s", self->path, what,
                   self->fresh == NULL         ? "no memory"
                   : self->result != SQLITE_OK ? sqlite3_errstr(self->result)
                                               : sqlite3_errmsg(self->fresh));
}

static int32_t create_file(const char *name, struct edgecore_error *error) {
  g_autofree char *journal = g_strconcat(name, "-journal", NULL);

  /* Of a repair that a power cut ended. */
  (void)unlink(name);
  (void)unlink(journal);
  int descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return error_set(error, EDGECORE_IO, "cannot mend the database: cannot create %s: %s", name, g_strerror(errno));
  (void)fchmod(descriptor, 0600);
  close(descriptor);
  return EDGECORE_OK;
}

static int32_t create(struct repair *self, const char *name, struct edgecore_error *error) {
  GString *setup =
      g_string_new("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF; BEGIN;");

  for (guint i = 0; i < schema_model.step_count; i++)
    g_string_append_printf(setup, "%s;", schema_model.steps[i].sql);
  g_string_append_printf(setup, "PRAGMA user_version=%u; PRAGMA application_id=%u",
                         schema_model.steps[schema_model.step_count - 1].version, schema_model.application_id);
  g_autofree char *text = g_string_free(setup, FALSE);

  int32_t code = create_file(name, error);
  if (code != EDGECORE_OK)
    return code;
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

/* Puts what can be read into the fresh file. A disk that was gone for a moment is asked again for what it did not give. */
static int32_t collect(struct repair *self, image *pages, const char *name, struct edgecore_error *error) {
  for (guint round = 1;; round++) {
    int32_t code = create(self, name, error);
    if (code != EDGECORE_OK)
      return code;
    salvage_each(pages, repair_take, self);
    if (!image_recover(pages) || round == ROUNDS_MAX)
      return EDGECORE_OK;
    close_fresh(self);
    repair_rows_clear(self);
    repair_rows_init(self);
  }
}

/* Whether it stands where a database was, so that it may be moved away: a WAL is beside it, or its header is zeros, which is what a power cut
 * makes of a file. Anything else may be a file that was named by mistake. */
static gboolean was_database(const struct repair *self, const image *pages) {
  g_autofree char *wal = g_strconcat(self->path, "-wal", NULL);

  return image_has_blank_header(pages) || access(wal, F_OK) == 0;
}

static int32_t fill(struct repair *self, image *pages, const char *name, struct edgecore_error *error) {
  int32_t code = collect(self, pages, name, error);
  guint unreadable = image_unreadable(pages);

  if (code != EDGECORE_OK)
    return code;
  if (!image_has_header(pages) && !repair_is_needed(self->path) && !repair_found_any(self) &&
      (unreadable > 0 || !was_database(self, pages)))
    return error_set(error, EDGECORE_IO, "the file %s %s; move it away or name another one in database.source",
                     self->path, unreadable > 0 ? "cannot be read" : "is not an SQLite database");
  repair_want_lost(self);
  if (self->result == SQLITE_OK)
    self->result = sqlite3_exec(self->fresh, "COMMIT", NULL, NULL, NULL);
  if (self->result != SQLITE_OK)
    return fail_sqlite(self, error, "cannot fill the fresh file");
  if (unreadable > 0)
    repair_say(self, EDGECORE_LOG_ERROR, "the disk cannot read %u pages of the database %s: replace it soon",
               unreadable, self->path);
  return EDGECORE_OK;
}

int32_t repair_finish(const char *path, database_log_fn *log, void *log_data, struct edgecore_error *error) {
  const struct repair self = {.path = path, .log = log, .log_data = log_data};
  g_autofree char *kept = NULL;
  int32_t code = replace_finish(path, &kept, error);

  if (code == EDGECORE_OK && kept != NULL)
    repair_say(&self, EDGECORE_LOG_WARNING, "finished an interrupted repair of %s; the damaged file is kept as %s",
               path, kept);
  return code;
}

gboolean repair_is_needed(const char *path) {
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat file;
  struct stat log;

  return stat(path, &file) == 0 && file.st_size == 0 && stat(wal, &log) == 0 && log.st_size > 0;
}

int32_t repair_database(const char *path, gboolean with_wal, const char *reason, database_log_fn *log, void *log_data,
                        struct edgecore_error *error) {
  struct repair self = {.path = path, .log = log, .log_data = log_data};
  g_autofree char *filling = replace_filling_name(path);
  g_autofree char *kept = NULL;
  g_autoptr(image) pages = NULL;
  int32_t code = image_open(path, with_wal, &pages, error);

  if (code != EDGECORE_OK)
    return code;
  repair_rows_init(&self);
  code = fill(&self, pages, filling, error);
  close_fresh(&self);
  if (code == EDGECORE_OK)
    code = replace_file(path, &kept, error);
  else
    (void)unlink(filling);
  if (code == EDGECORE_OK) {
    guint lost = repair_report_lost(&self);
    repair_say(&self, EDGECORE_LOG_ERROR,
               "the database %s was damaged (%s) and has been mended: saved %u rows and %u messages for the cloud, lost"
               " %u rows whose keys are known and at least %u messages; the damaged file is kept as %s",
               path, reason, g_hash_table_size(self.saved), g_hash_table_size(self.messages), lost,
               repair_lost_messages(&self), kept);
  }
  repair_rows_clear(&self);
  return code;
}
