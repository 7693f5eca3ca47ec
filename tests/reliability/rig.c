#include "rig.h"

#include "failure.h"
#include "fake_core_private.h"
#include "model.h"
#include "schema.h"
#include "test.h"
#include "text.h"

#include <string.h>

const char *rig_path(void) {
  static char *path;

  /* The host looks whether there is a file; what is in it is on the disk in memory. */
  if (path == NULL || !g_file_test(path, G_FILE_TEST_EXISTS)) {
    g_free(path);
    path = test_file("edge.db", "", 0);
  }
  return path;
}

static int32_t strike(struct rig_fault *fault, const char *call) {
  if (fault->call == NULL || strcmp(fault->call, call) != 0)
    return EDGECORE_OK;
  fault->calls++;
  if (fault->calls < fault->first || fault->calls - fault->first >= fault->count)
    return EDGECORE_OK;
  fault->seen++;
  return fault->code;
}

guint rig_next_send(const struct rig *self) {
  return (guint)self->core->numbers + 1;
}

static int32_t on_call(const char *call, void *data) {
  struct rig *self = data;
  guint number = rig_next_send(self);

  if (strcmp(call, "send") == 0) {
    g_array_set_size(self->send_at, MAX(self->send_at->len, number + 1));
    g_array_index(self->send_at, guint, number) = disk_position(self->disk);
  }
  return strike(&self->fault, call);
}

void rig_init(struct rig *self, disk *on) {
  *self = (struct rig){.disk = on, .why = g_string_new(NULL)};
  self->send_at = g_array_new(FALSE, TRUE, sizeof(guint));
  disk_use(on);
  self->core = fake_core_new(rig_path());
  fake_core_set_fault(self->core, on_call, self);
}

void rig_clear(struct rig *self) {
  rig_stop(self);
  fake_core_free(self->core);
  g_string_free(self->why, TRUE);
  g_array_unref(self->send_at);
  disk_use(NULL);
}

static gboolean migrate(struct rig *self) {
  g_autoptr(GPtrArray) models = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autoptr(GError) error = NULL;

  disk_touch(self->disk, rig_path());
  g_ptr_array_add(models, model_copy(&schema_model, NULL));
  if (model_migrate(rig_path(), models, &error))
    return TRUE;
  g_string_printf(self->why, "the host cannot make the tables: %s", error->message);
  return FALSE;
}

static gboolean start(struct rig *self, const struct edgecore_state *state, module **out) {
  struct edgecore_error error = FAILURE_INIT;

  if (!migrate(self))
    return FALSE;
  if (module_new(fake_core_table(self->core), out, &error) != EDGECORE_OK) {
    g_string_printf(self->why, "register: %s", error.text);
    return FALSE;
  }
  if (module_start(*out, state, &error) == EDGECORE_OK)
    return TRUE;
  g_string_printf(self->why, "start: %s", error.text);
  module_free(g_steal_pointer(out));
  return FALSE;
}

gboolean rig_start(struct rig *self, const struct edgecore_state *state) {
  return start(self, state, &self->module);
}

void rig_stop(struct rig *self) {
  if (self->module == NULL)
    return;
  if (self->is_halted)
    module_free(g_steal_pointer(&self->module));
  else
    fake_core_end(self->core, g_steal_pointer(&self->module));
  self->is_halted = FALSE;
}

gboolean rig_resume(struct rig *self) {
  struct edgecore_error error = FAILURE_INIT;

  if (!self->is_halted)
    return TRUE;
  self->is_halted = module_start(self->module, &self->handed, &error) != EDGECORE_OK;
  if (self->is_halted)
    g_string_printf(self->why, "start again: %s", error.text);
  return !self->is_halted;
}

gboolean rig_swap(struct rig *self) {
  struct edgecore_error error = FAILURE_INIT;
  module *next = NULL;

  self->handed = (struct edgecore_state){.size = sizeof self->handed};
  if (module_stop(self->module, &self->handed, &error) != EDGECORE_OK) {
    g_string_printf(self->why, "stop: %s", error.text);
    return FALSE;
  }
  self->is_halted = TRUE;
  if (!start(self, &self->handed, &next))
    return rig_resume(self);
  module_free(self->module);
  self->module = next;
  self->is_halted = FALSE;
  return TRUE;
}

char *rig_row_line(const char *key, const char *type, const void *value, gsize size) {
  return g_strdup_printf("%s %s %" G_GSIZE_FORMAT " %" G_GINT64_MODIFIER "x", key, type, size,
                         (guint64)text_sum("", 0, "", 0, value, size));
}

/* What an error says is not part of it: no two of them need to say the same. */
char *rig_kept_line(const struct edgecore_message_fields *message) {
  gboolean is_error = strcmp(message->operation, "error") == 0;

  return g_strdup_printf("> %s %s %s %" G_GINT64_MODIFIER "x", message->operation, message->resource,
                         message->parent_id,
                         is_error ? 0 : (guint64)text_sum("", 0, "", 0, message->content, message->content_size));
}

static const char *column(sqlite3_stmt *statement, int number) {
  const char *text = (const char *)sqlite3_column_text(statement, number);

  return text != NULL ? text : "";
}

static void read_row(sqlite3_stmt *statement, GString *text) {
  const char *key = column(statement, 0);
  const char *type = column(statement, 1);
  const char *value = column(statement, 2);
  gsize size = (gsize)sqlite3_column_bytes(statement, 2);
  g_autofree char *line = rig_row_line(key, type, value, size);
  gboolean sound = sqlite3_column_type(statement, 3) == SQLITE_NULL ||
                   sqlite3_column_int64(statement, 3) == text_sum(key, strlen(key), type, strlen(type), value, size);

  g_string_append_printf(text, "%s%s\n", line, sound ? "" : " its sum is wrong");
}

static void read_kept(sqlite3_stmt *statement, GString *text) {
  const struct edgecore_message_fields fields = {.operation = column(statement, 0),
                                                 .resource = column(statement, 1),
                                                 .parent_id = column(statement, 2),
                                                 .content = sqlite3_column_blob(statement, 3),
                                                 .content_size = (guint64)sqlite3_column_bytes(statement, 3)};
  g_autofree char *line = rig_kept_line(&fields);

  g_string_append_printf(text, "%s\n", line);
}

static void read_check(sqlite3_stmt *statement, GString *text) {
  if (strcmp(column(statement, 0), "ok") != 0)
    g_string_append_printf(text, "integrity: %s\n", column(statement, 0));
}

static gboolean read_each(sqlite3 *connection, const char *sql, void (*each)(sqlite3_stmt *, GString *),
                          GString *text) {
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL);

  if (result == SQLITE_OK)
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
      each(statement, text);
  if (result != SQLITE_DONE)
    g_string_append_printf(text, "unreadable: %s\n", sqlite3_errmsg(connection));
  sqlite3_finalize(statement);
  return result == SQLITE_DONE;
}

char *rig_read(disk *on, gboolean checks_integrity) {
  GString *text = g_string_new(NULL);
  sqlite3 *connection = NULL;

  disk_use(on);
  if (sqlite3_open_v2(rig_path(), &connection, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    g_string_append(text, "unreadable: cannot be opened\n");
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (checks_integrity)
    read_each(connection, "PRAGMA integrity_check", read_check, text);
  if (read_each(connection, "SELECT key, type, value, sum FROM meta ORDER BY key", read_row, text))
    read_each(connection, "SELECT operation, resource, parent_id, content FROM metamanager_outbox ORDER BY id",
              read_kept, text);
  sqlite3_close(connection);
  return g_string_free(text, FALSE);
}

gboolean rig_complained(const struct rig *self) {
  const char *log = fake_core_log(self->core);

  return strstr(log, "warning ") != NULL || strstr(log, "error ") != NULL;
}
