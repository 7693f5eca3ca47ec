#include "module_private.h"

#include "error.h"
#include "repair.h"

/* How long the structure of the file may be looked at before the module starts, in microseconds; all of it is checked in idle time. */
#define CHECK_TIME 100000
/* Between two repairs of a database in use: each leaves a copy of the file. */
#define MEND_INTERVAL (60 * G_USEC_PER_SEC)

static void log_from_store(int32_t level, const char *text, void *data) {
  module_log(data, level, text);
}

static void close_store(module *self) {
  outbox_close(g_steal_pointer(&self->outbox));
  store_close(g_steal_pointer(&self->store));
}

static int32_t try_open(module *self, gboolean check, struct edgecore_error *error) {
  const char *path = self->settings.database;

  if (repair_is_needed(path))
    return error_set(error, EDGECORE_DAMAGED, "the file is empty, but its WAL is not");
  int32_t code = store_open(path, log_from_store, self, &self->store, error);
  if (code == EDGECORE_OK && check)
    code = database_quick_check(store_database(self->store), CHECK_TIME, error);
  if (code != EDGECORE_OK)
    return code;
  code = outbox_open(self->store, self->settings.outbox_max_bytes, log_from_store, self, &self->outbox, error);
  /* The host leaves a damaged file as it is, so a table may be missing. */
  return code == EDGECORE_INVALID ? EDGECORE_DAMAGED : code;
}

int32_t module_open(module *self, gboolean check, struct edgecore_error *error) {
  const char *path = self->settings.database;
  int32_t code = repair_finish(path, log_from_store, self, error);

  if (code == EDGECORE_OK)
    code = try_open(self, check, error);
  if (code != EDGECORE_DAMAGED)
    return code;
  const struct edgecore_error reason = *error;
  close_store(self);
  code = repair_database(path, reason.text, log_from_store, self, error);
  return code == EDGECORE_OK ? try_open(self, FALSE, error) : code;
}

gboolean module_mend(module *self, const char *reason) {
  struct edgecore_error error = ERROR_INIT;
  gint64 now = module_now(self);

  if (now < self->mend_due)
    return FALSE;
  self->mend_due = now + MEND_INTERVAL;
  database_disconnect(store_database(self->store));
  int32_t code = repair_database(self->settings.database, reason, log_from_store, self, &error);
  if (code == EDGECORE_OK)
    code = outbox_reload(self->outbox, &error);
  if (code != EDGECORE_OK) {
    module_log(self, EDGECORE_LOG_ERROR, error.text);
    return FALSE;
  }
  self->sum_after = self->verify_after = G_MININT64;
  self->has_wanted = TRUE;
  if (self->link == LINK_CONNECTED)
    self->wanted_due = now;
  return TRUE;
}
