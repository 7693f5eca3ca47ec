#include "module_private.h"

#include "error.h"
#include "repair.h"
#include "schema.h"
#include "statements.h"
#include "wal_mark.h"

/* A larger file is not looked at as a whole before the module starts; what is wrong in it is found in idle time. */
#define CHECK_BYTES (16 << 20)
/* Between two repairs of a database in use, doubled each time: every one leaves a copy of the file. In microseconds. */
#define MEND_WAIT_MIN (60 * G_USEC_PER_SEC)
#define MEND_WAIT_MAX (G_GINT64_CONSTANT(24) * 3600 * G_USEC_PER_SEC)

static void log_from_store(int32_t level, const char *text, void *data) {
  module_log(data, level, text);
}

static void close_store(module *self) {
  outbox_close(g_steal_pointer(&self->outbox));
  store_close(g_steal_pointer(&self->store));
}

/* Between them these name all columns and indexes. */
static int32_t check_tables(database *db, struct edgecore_error *error) {
  static const enum statement statements[] = {STATEMENT_UPSERT, STATEMENT_VERIFY_ROWS, STATEMENT_OUTBOX_PUT,
                                              STATEMENT_WANTED_PUT};

  for (guint i = 0; i < G_N_ELEMENTS(statements); i++)
    if (database_statement(db, statements[i], error) == NULL)
      return error->code;
  return EDGECORE_OK;
}

static int32_t check_schema(module *self, struct edgecore_error *error) {
  database *db = store_database(self->store);
  guint32 version = schema_model.steps[schema_model.step_count - 1].version;
  int32_t code = database_check_header(db, SCHEMA_APPLICATION_ID, version, error);

  return code == EDGECORE_OK ? check_tables(db, error) : code;
}

static int32_t check_file(module *self, struct edgecore_error *error) {
  int32_t code = check_schema(self, error);

  return code == EDGECORE_OK ? database_quick_check(store_database(self->store), NULL, CHECK_BYTES, error) : code;
}

static int32_t try_open(module *self, gboolean check, struct edgecore_error *error) {
  const char *path = self->settings.database;

  if (repair_is_needed(path))
    return error_set(error, EDGECORE_DAMAGED, "the file is empty, but its WAL is not");
  int32_t code = store_open(path, log_from_store, self, &self->store, error);
  if (code == EDGECORE_OK && check)
    code = check_file(self, error);
  if (code != EDGECORE_OK)
    return code;
  code = outbox_open(self->store, self->settings.outbox_max_bytes, log_from_store, self, &self->outbox, error);
  return module_is_damage(code, error) ? EDGECORE_DAMAGED : code;
}

/* Whether the WAL is the one that was left here. EDGECORE_DAMAGED: it is not, and SQLite must not see it. */
static int32_t check_wal(module *self, gboolean *with_wal, struct edgecore_error *error) {
  const char *path = self->settings.database;
  g_autofree char *text = NULL;

  switch (wal_mark_check(path, &text)) {
  case WAL_FITS:
    return EDGECORE_OK;
  case WAL_GONE:
    module_log(self, EDGECORE_LOG_WARNING, text);
    wal_mark_remove(path);
    return EDGECORE_OK;
  case WAL_IS_SHORT:
    break;
  case WAL_IS_STRANGE:
    *with_wal = FALSE;
    break;
  }
  return error_set(error, EDGECORE_DAMAGED, "%s", text);
}

/* What cannot be read at first may be read by a connection that is opened anew. */
static int32_t open_twice(module *self, gboolean check, struct edgecore_error *error) {
  int32_t code = try_open(self, check, error);

  if (code != EDGECORE_DAMAGED)
    return code;
  close_store(self);
  return try_open(self, check, error);
}

static int32_t mend_file(module *self, const char *reason, struct edgecore_error *error) {
  struct edgecore_error about_wal = ERROR_INIT;
  gboolean with_wal = TRUE;

  (void)check_wal(self, &with_wal, &about_wal);
  return repair_database(self->settings.database, with_wal, reason, log_from_store, self, error);
}

static void plan_mending(module *self) {
  self->mend_wait = CLAMP(2 * self->mend_wait, MEND_WAIT_MIN, MEND_WAIT_MAX);
  self->mend_due = module_now(self) + self->mend_wait;
}

/* Without room for a fresh file a node is better off with what can be read than with nothing, as it is where the damage is found later. */
static gboolean open_damaged(module *self, const char *reason, const struct edgecore_error *cause) {
  struct edgecore_error error = ERROR_INIT;

  if (try_open(self, FALSE, &error) != EDGECORE_OK || check_schema(self, &error) != EDGECORE_OK) {
    close_store(self);
    return FALSE;
  }
  g_autofree char *text = g_strdup_printf(
      "the database is damaged (%s) and is used as it is, what can be read is served: %s", reason, cause->text);
  module_log(self, EDGECORE_LOG_ERROR, text);
  self->damage = g_strdup(reason);
  plan_mending(self);
  return TRUE;
}

int32_t module_open(module *self, gboolean check, struct edgecore_error *error) {
  gboolean with_wal = TRUE;
  int32_t code = repair_finish(self->settings.database, log_from_store, self, error);

  if (code == EDGECORE_OK && check)
    code = check_wal(self, &with_wal, error);
  /* SQLite must not see a WAL that is wrong. */
  gboolean is_wal_right = code == EDGECORE_OK;
  if (code == EDGECORE_OK)
    code = open_twice(self, check, error);
  if (code != EDGECORE_DAMAGED)
    return code;
  const struct edgecore_error reason = *error;
  close_store(self);
  code = mend_file(self, reason.text, error);
  if (code == EDGECORE_OK)
    return try_open(self, FALSE, error);
  return is_wal_right && open_damaged(self, reason.text, error) ? EDGECORE_OK : code;
}

gboolean module_is_damage(int32_t code, const struct edgecore_error *error) {
  /* What is found while a statement is prepared comes as EDGECORE_IO. */
  return code == EDGECORE_DAMAGED || (code == EDGECORE_IO && error->code == EDGECORE_DAMAGED);
}

gboolean module_reopen(module *self, int32_t code, const struct edgecore_error *error) {
  if (!module_is_damage(code, error))
    return FALSE;
  database_reopen(store_database(self->store));
  return TRUE;
}

gboolean module_mend(module *self, const char *reason) {
  struct edgecore_error error = ERROR_INIT;

  if (module_now(self) < self->mend_due)
    return FALSE;
  plan_mending(self);
  database_disconnect(store_database(self->store));
  int32_t code = mend_file(self, reason, &error);
  if (code == EDGECORE_OK) {
    g_clear_pointer(&self->damage, g_free);
    self->sum_after = self->verify_after = G_MININT64;
    self->has_wanted = TRUE;
    if (self->link == LINK_CONNECTED)
      self->wanted_due = module_now(self);
    code = outbox_reload(self->outbox, &error);
  }
  if (code != EDGECORE_OK)
    module_log(self, EDGECORE_LOG_ERROR, error.text);
  return code == EDGECORE_OK;
}
