#include "model.h"

#include "database_file.h"
#include "failure.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 2000

struct step {
  guint32 version;
  char *sql;
};

struct model {
  char *table;
  gint32 application_id; /* SQLite's is signed */
  gboolean is_mended;    /* the plugin sees to a damaged file */
  guint step_count;
  struct step *steps;
};

/* What the file says of itself. */
struct schema {
  gint64 version;
  gint64 application_id;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3, sqlite3_close_v2)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(model, model_free)

static const char check_disk[] = "check the disk and the file";

static gboolean refuse_sqlite(GError **error, const char *path, sqlite3 *db, const char *what, const char *remedy) {
  int code = sqlite3_errcode(db);
  if (code == SQLITE_NOTADB)
    return database_file_refuse(error, path, "is not an SQLite database",
                                "move it away or name another file in database.source");
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return database_file_refuse(error, path, "is locked by another program", "end that program and try again");
  /* "unable to open database file" alone says too little. */
  int number = code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
  g_autofree char *why = g_strdup_printf("%s: %s%s%s", what, sqlite3_errmsg(db), number != 0 ? ": " : "",
                                         number != 0 ? g_strerror(number) : "");
  return database_file_refuse(error, path, why, remedy);
}

static gboolean pragma_read(sqlite3 *db, const char *sql, gint64 *value) {
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
    return FALSE;
  *value = sqlite3_column_int64(statement, 0);
  return TRUE;
}

/* The first page is read here, so this also finds what is no database at all, and a lock. */
static gboolean schema_read(sqlite3 *db, struct schema *schema) {
  gint64 unused;
  return pragma_read(db, "PRAGMA user_version", &schema->version) &&
         pragma_read(db, "PRAGMA application_id", &schema->application_id) &&
         pragma_read(db, "SELECT count(*) FROM sqlite_schema", &unused);
}

static gboolean run_sql(sqlite3 *db, const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* A column that is there already: SQL has no harmless way to say that. The version may be lower than the tables are, after damage. */
static gboolean is_done_already(sqlite3 *db) {
  return sqlite3_errcode(db) == SQLITE_ERROR && g_str_has_prefix(sqlite3_errmsg(db), "duplicate column name");
}

static gboolean run_steps(sqlite3 *db, const char *path, const model *self, gint64 from, GError **error) {
  for (guint i = 0; i < self->step_count; i++) {
    if (self->steps[i].version <= from || run_sql(db, self->steps[i].sql) || is_done_already(db))
      continue;
    g_autofree char *what = g_strdup_printf("table %s, step %u", self->table, self->steps[i].version);
    return refuse_sqlite(error, path, db, what,
                         "it may be another application's: name another file in database.source, or check the disk");
  }
  return TRUE;
}

static struct schema wanted_schema(const GPtrArray *models, struct schema now) {
  struct schema wanted = now;
  for (guint i = 0; i < models->len; i++) {
    const model *one = models->pdata[i];
    if (one->step_count > 0)
      wanted.version = MAX(wanted.version, one->steps[one->step_count - 1].version);
    if (one->application_id != 0)
      wanted.application_id = one->application_id;
  }
  return wanted;
}

static gboolean grow(sqlite3 *db, const char *path, const GPtrArray *models, GError **error) {
  struct schema now;
  if (!run_sql(db, "BEGIN IMMEDIATE") || !schema_read(db, &now))
    return refuse_sqlite(error, path, db, "cannot be written", check_disk);

  struct schema wanted = wanted_schema(models, now);
  for (guint i = 0; i < models->len; i++)
    if (!run_steps(db, path, models->pdata[i], now.version, error))
      return FALSE;
  g_autofree char *marks = g_strdup_printf("PRAGMA user_version = %" G_GINT64_FORMAT
                                           "; PRAGMA application_id = %" G_GINT64_FORMAT "; COMMIT",
                                           wanted.version, wanted.application_id);
  return run_sql(db, marks) || refuse_sqlite(error, path, db, "cannot be written", check_disk);
}

/* KubeEdge leaves both numbers 0. We set both at once, so a version without our application_id is not ours. */
static gboolean is_for(const model *self, struct schema found) {
  if (found.application_id == 0)
    return found.version == 0 || self->application_id == 0;
  return found.application_id == self->application_id;
}

static gboolean check_application(const char *path, const GPtrArray *models, struct schema found, GError **error) {
  for (guint i = 0; i < models->len; i++) {
    const model *one = models->pdata[i];
    if (is_for(one, found))
      continue;
    g_autofree char *why = g_strdup_printf(
        "belongs to another application (application_id 0x%x, not 0x%x; user_version %" G_GINT64_FORMAT ")",
        (guint32)found.application_id, (guint32)one->application_id, found.version);
    return database_file_refuse(error, path, why, "name another file in database.source");
  }
  return TRUE;
}

/* A flipped bit does not make it another application's. */
static guint bits_wrong(const GPtrArray *models, gint64 application_id) {
  guint least = 32;

  for (guint i = 0; i < models->len; i++) {
    const model *one = models->pdata[i];
    guint wrong = (guint)__builtin_popcount((guint32)application_id ^ (guint32)one->application_id);
    if (one->is_mended && one->application_id != 0)
      least = MIN(least, wrong);
  }
  return least;
}

/* SQLITE_ERROR where the schema is read: in a file that is ours SQLite cannot make sense of it. */
static gboolean is_damage(sqlite3 *db, gboolean is_ours_unread) {
  int code = sqlite3_extended_errcode(db);
  /* EIO comes as the second. */
  if (code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS)
    return TRUE;
  code &= 0xff;
  return code == SQLITE_NOTADB || code == SQLITE_CORRUPT || (code == SQLITE_ERROR && is_ours_unread);
}

static gboolean migrate_open(sqlite3 *db, const char *path, const GPtrArray *models, gboolean *is_ours_unread,
                             GError **error) {
  struct schema now = {0};
  sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  gboolean is_read = schema_read(db, &now);
  guint wrong = bits_wrong(models, now.application_id);
  *is_ours_unread = !is_read && wrong <= 1;
  if (!is_read)
    return refuse_sqlite(error, path, db, "cannot be read", check_disk);
  if (wrong == 1)
    return TRUE;
  if (!check_application(path, models, now, error) || !database_file_make_private(path, error))
    return FALSE;

  struct schema wanted = wanted_schema(models, now);
  if (wanted.version == now.version && wanted.application_id == now.application_id)
    return TRUE;
  if (grow(db, path, models, error))
    return TRUE;
  /* The code of what failed is still to be read from the connection. */
  if (!is_damage(db, *is_ours_unread))
    run_sql(db, "ROLLBACK");
  return FALSE;
}

/* An older plugin's steps may be shorter than ours: their own size is the distance between them. */
static const struct edgecore_model_step *step_at(const struct edgecore_model *from, guint i) {
  return (const struct edgecore_model_step *)((const char *)from->steps + (gsize)i * from->steps[0].size);
}

model *model_copy(const struct edgecore_model *from, struct edgecore_error *error) {
  if (from == NULL || from->size < sizeof *from || (from->flags & ~EDGECORE_MODEL_MENDED) != 0 || from->table == NULL ||
      (from->step_count > 0 && from->steps == NULL)) {
    failure_set(error, EDGECORE_INVALID, "register model: the struct is too short or a field is wrong");
    return NULL;
  }

  g_autoptr(model) self = g_new0(model, 1);
  self->table = g_strdup(from->table);
  self->application_id = from->application_id;
  self->is_mended = (from->flags & EDGECORE_MODEL_MENDED) != 0;
  self->steps = g_new0(struct step, from->step_count);
  for (guint i = 0; i < from->step_count; i++) {
    const struct edgecore_model_step *step = step_at(from, i);
    if (step->size < sizeof *step || step->sql == NULL || step->version != i + 1) {
      failure_set(error, EDGECORE_INVALID, "register model \"%s\": step %u is wrong or out of order", from->table,
                  i + 1);
      return NULL;
    }
    self->steps[i] = (struct step){step->version, g_strdup(step->sql)};
    self->step_count++;
  }
  return g_steal_pointer(&self);
}

void model_free(model *self) {
  for (guint i = 0; i < self->step_count; i++)
    g_free(self->steps[i].sql);
  g_free(self->steps);
  g_free(self->table);
  g_free(self);
}

static gboolean all_are_mended(const GPtrArray *models) {
  for (guint i = 0; i < models->len; i++)
    if (!((const model *)models->pdata[i])->is_mended)
      return FALSE;
  return TRUE;
}

static gboolean migrate_once(const char *path, const GPtrArray *models, gboolean *is_damaged, GError **error) {
  g_autoptr(sqlite3) db = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  gboolean is_ours_unread = FALSE;
  gboolean is_open = sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK;
  gboolean is_done = is_open ? migrate_open(db, path, models, &is_ours_unread, error)
                             : refuse_sqlite(error, path, db, "cannot be opened", check_disk);
  *is_damaged = !is_done && is_damage(db, is_ours_unread);
  return is_done;
}

static gboolean migrate(const char *path, const GPtrArray *models, GError **error) {
  /* SQLite would take an empty file for a new database, and delete the WAL. */
  if (database_file_size(path, "") == 0 && database_file_size(path, "-wal") > 0)
    return all_are_mended(models) || database_file_refuse(error, path, "is empty, but its -wal is not",
                                                          "move both away or put the database back");
  gboolean is_damaged = FALSE;
  if (migrate_once(path, models, &is_damaged, error))
    return TRUE;
  if (!is_damaged)
    return FALSE;
  /* The disk may have been gone for a moment. */
  g_clear_error(error);
  if (migrate_once(path, models, &is_damaged, error))
    return TRUE;
  if (!is_damaged || !all_are_mended(models))
    return FALSE;
  g_clear_error(error);
  return TRUE;
}

gboolean model_migrate(const char *path, const GPtrArray *models, GError **error) {
  gboolean is_made = FALSE;
  if (models->len == 0)
    return TRUE;
  if (!database_file_prepare(path, &is_made, error))
    return FALSE;
  g_autofree char *file = database_file_follow_link(path);
  gboolean is_done = migrate(file, models, error);
  if (!is_done && is_made)
    unlink(file);
  return is_done;
}

static gboolean are_equal(const model *a, const model *b) {
  if (strcmp(a->table, b->table) != 0 || a->application_id != b->application_id || a->step_count != b->step_count)
    return FALSE;
  for (guint i = 0; i < a->step_count; i++)
    if (strcmp(a->steps[i].sql, b->steps[i].sql) != 0)
      return FALSE;
  return TRUE;
}

gboolean model_lists_are_equal(const GPtrArray *a, const GPtrArray *b) {
  gboolean is_equal = a->len == b->len;
  for (guint i = 0; is_equal && i < a->len; i++)
    is_equal = are_equal(a->pdata[i], b->pdata[i]);
  return is_equal;
}
