#include "damaged_private.h"

#include "model.h"
#include "schema.h"
#include "secret.h"
#include "test.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *const suffixes[PART_COUNT] = {
    [PART_MAIN] = "", [PART_WAL] = "-wal", [PART_SHM] = "-shm", [PART_MARK] = "-mark"};

/* ------------------------------------------------------------------------------------------------------------- files */

void files_clear(struct files *self) {
  for (int part = 0; part < PART_COUNT; part++)
    g_clear_pointer(&self->parts[part], g_bytes_unref);
}

struct files files_copy(const struct files *from) {
  struct files copy = *from;

  for (int part = 0; part < PART_COUNT; part++)
    if (copy.parts[part] != NULL)
      g_bytes_ref(copy.parts[part]);
  return copy;
}

void files_set(struct files *self, enum part part, GBytes *bytes) {
  g_clear_pointer(&self->parts[part], g_bytes_unref);
  self->parts[part] = bytes;
}

guint8 *files_bytes(const struct files *self, enum part part, gsize *size) {
  const void *bytes = g_bytes_get_data(self->parts[part], size);

  return g_memdup2(bytes, *size);
}

void files_write(const struct files *self, const char *path) {
  for (int part = 0; part < PART_COUNT; part++) {
    g_autofree char *name = g_strconcat(path, suffixes[part], NULL);
    gsize size;
    if (self->parts[part] == NULL)
      continue;
    const char *bytes = g_bytes_get_data(self->parts[part], &size);
    if (!g_file_set_contents_full(name, bytes, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
      g_error("cannot write %s", name);
  }
}

struct files files_read(const char *path) {
  struct files self = {{NULL}};

  for (int part = 0; part < PART_COUNT; part++) {
    g_autofree char *name = g_strconcat(path, suffixes[part], NULL);
    char *bytes;
    gsize size;
    if (g_file_get_contents(name, &bytes, &size, NULL))
      self.parts[part] = g_bytes_new_take(bytes, size);
  }
  return self;
}

static char *directory;

void damaged_sweep(void) {
  g_autoptr(GDir) dir = g_dir_open(damaged_directory(), 0, NULL);

  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_unlink(path);
  }
}

static void remove_directory(void) {
  damaged_sweep();
  g_rmdir(directory);
  g_clear_pointer(&directory, g_free);
}

const char *damaged_directory(void) {
  if (directory != NULL)
    return directory;
  directory = g_strdup("/dev/shm/edgecore-damage-XXXXXX");
  if (g_mkdtemp(directory) == NULL) {
    g_free(directory);
    directory = g_dir_make_tmp("edgecore-damage-XXXXXX", NULL);
  }
  if (directory == NULL)
    g_error("cannot make a directory");
  atexit(remove_directory);
  return directory;
}

char *damaged_path(void) {
  return g_build_filename(damaged_directory(), "edge.db", NULL);
}

/* -------------------------------------------------------------------------------------------------- seen from outside */

gboolean damaged_migrate(const char *path, char **why) {
  g_autoptr(GPtrArray) models = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autoptr(GError) error = NULL;

  g_ptr_array_add(models, model_copy(&schema_model, NULL));
  if (model_migrate(path, models, &error))
    return TRUE;
  *why = g_strdup(error->message);
  return FALSE;
}

gboolean damaged_rows(const char *path, const char *sql, damaged_row_fn *each, void *data) {
  sqlite3 *connection = NULL;
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, NULL);

  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (result == SQLITE_OK)
    result = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL);
  while (result == SQLITE_OK || result == SQLITE_ROW) {
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
      each(statement, data);
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return result == SQLITE_DONE;
}

static void take_text(sqlite3_stmt *row, void *data) {
  *(char **)data = g_strdup((const char *)sqlite3_column_text(row, 0));
}

char *damaged_answer(const char *value) {
  char *quoted = sqlite3_mprintf("SELECT json_array(%Q)", value);
  char *text = NULL;

  damaged_rows(":memory:", quoted, take_text, &text);
  sqlite3_free(quoted);
  return text;
}

/* ----------------------------------------------------------------------------------------------------- making them */

static struct originals originals;

static void note_row(sqlite3_stmt *row, void *data) {
  const char *key = (const char *)sqlite3_column_text(row, 0);
  GPtrArray *answers = g_hash_table_lookup(originals.answers, key);
  gboolean *is_last = data;

  /* A row that the last state does not have may be deleted; whatever comes back of it is an earlier value. */
  if (answers == NULL) {
    answers = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(originals.answers, g_strdup(key), answers);
    if (!*is_last)
      g_ptr_array_add(answers, g_strdup("[]"));
  }
  g_ptr_array_add(answers, damaged_answer((const char *)sqlite3_column_text(row, 2)));
  char *typed = g_strdup_printf("%s %s", sqlite3_column_text(row, 1), sqlite3_column_text(row, 2));
  gpointer old = g_hash_table_lookup(originals.types, typed);
  g_hash_table_insert(originals.types, typed, GINT_TO_POINTER(*is_last ? 2 : MAX(GPOINTER_TO_INT(old), 1)));
}

static void note_message(sqlite3_stmt *row, void *data) {
  (void)data;
  g_hash_table_add(originals.messages, g_strdup((const char *)sqlite3_column_text(row, 0)));
}

static void note(const struct files *files, gboolean is_last) {
  g_autofree char *path = damaged_path();

  damaged_sweep();
  files_write(files, path);
  damaged_rows(path, "SELECT key, type, value FROM meta", note_row, &is_last);
  if (is_last)
    damaged_rows(path, "SELECT CAST(content AS TEXT) FROM metamanager_outbox", note_message, NULL);
}

static void push(fake_core *core, const char *source, const char *operation, const char *resource, const char *raw) {
  fake_core_push(core, fake_message(.source = source, .operation = operation, .resource = resource, .raw = raw));
}

static void settle(fake_core *core, module *metamanager, gint64 microseconds) {
  fake_core_run_for(core, metamanager, microseconds);
  g_ptr_array_unref(fake_core_take(core, "edged"));
  g_ptr_array_unref(fake_core_take(core, "edgemesh"));
  g_ptr_array_unref(fake_core_take(core, "websocket"));
}

struct updates {
  fake_core *core;
  const char *tag;
};

static void update_row(sqlite3_stmt *row, void *data) {
  const struct updates *updates = data;
  g_autofree char *pad = g_strnfill(g_str_hash(updates->tag) % 700, 'x');
  g_autofree char *value = g_strdup_printf("{\"key\":\"%s\",\"tag\":\"%s\",\"pad\":\"" SECRET "%s\"}",
                                           sqlite3_column_text(row, 0), updates->tag, pad);

  push(updates->core, "edgecontroller", "update", (const char *)sqlite3_column_text(row, 0), value);
}

/* Some rows of each type get new values, a turn for each few of them. */
static void update(fake_core *core, module *metamanager, const char *tag, guint part) {
  g_autofree char *sql =
      g_strdup_printf("SELECT key FROM meta WHERE rowid %% 16 = %u AND type IN ('pod', 'secret', 'configmap',"
                      " 'endpoints', 'service', 'podstatus')",
                      part);
  g_autofree char *tail = g_strconcat(fake_core_database(core), NULL);
  struct updates updates = {.core = core, .tag = tag};

  damaged_rows(tail, sql, update_row, &updates);
  settle(core, metamanager, 0);
}

static void keep_some(fake_core *core, module *metamanager) {
  push(core, "websocket", "publish", "node/connection", "\"cloud_disconnected\"");
  settle(core, metamanager, 0);
  for (int i = 0; i < 40; i++) {
    g_autofree char *resource = g_strdup_printf("default/node/n-%d", i);
    g_autofree char *result = g_strdup_printf("default/action/a-%d", i);
    g_autofree char *content = g_strdup_printf("{\"kept\":%d,\"pad\":\"" SECRET "%0488d\"}", i, i);
    push(core, "edged", "update", resource, content);
    push(core, "edgefunction", "action_result", result, content);
  }
  settle(core, metamanager, 0);
}

static module *open_copy(const char *path, const void *bytes, gsize size, fake_core **core) {
  char *why = NULL;

  damaged_sweep();
  if (size > 0 && !g_file_set_contents_full(path, bytes, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
    g_error("cannot write %s", path);
  if (!damaged_migrate(path, &why))
    g_error("%s", why);
  *core = fake_core_new(path);
  return fake_core_start(*core, NULL);
}

/* Rows with the same keys and other values. */
static void make_other(const char *path) {
  fake_core *core;
  module *metamanager = open_copy(path, NULL, 0, &core);

  for (int round = 0; round < 2; round++) {
    GHashTableIter iter;
    gpointer key;
    int i = 0;
    g_hash_table_iter_init(&iter, originals.answers);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
      g_autofree char *value = g_strdup_printf("{\"other\":%d,\"round\":%d,\"pad\":\"%0300d\"}", i, round, i);
      if (i++ % 3 != round)
        push(core, "edgecontroller", "update", key, value);
    }
    settle(core, metamanager, round == 0 ? 10 * G_USEC_PER_SEC : 0);
  }
  originals.other = files_read(path);
  fake_core_end(core, metamanager);
  fake_core_free(core);
}

static void make(const char *path) {
  g_autofree char *bytes = NULL;
  gsize size;
  fake_core *core;

  if (!g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL))
    g_error("the fixture is missing");
  module *metamanager = open_copy(path, bytes, size, &core);
  settle(core, metamanager, 10 * G_USEC_PER_SEC);
  struct files first = files_read(path);
  update(core, metamanager, "older", 1);
  originals.older = files_read(path);
  keep_some(core, metamanager);
  update(core, metamanager, "before the checkpoint, and longer", 3);
  settle(core, metamanager, 10 * G_USEC_PER_SEC);
  struct files middle = files_read(path);
  push(core, "edgecontroller", "delete", "default/pod/none", "");
  update(core, metamanager, "last", 5);
  update(core, metamanager, "very last", 7);
  keep_some(core, metamanager);
  originals.killed = files_read(path);
  fake_core_end(core, metamanager);
  fake_core_free(core);
  originals.stopped = files_read(path);

  note(&originals.stopped, TRUE);
  note(&middle, FALSE);
  note(&originals.older, FALSE);
  note(&first, FALSE);
  files_clear(&first);
  files_clear(&middle);
}

const struct originals *originals_get(void) {
  if (originals.answers != NULL)
    return &originals;
  g_autofree char *path = damaged_path();

  originals.answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  originals.types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  originals.messages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  make(path);
  make_other(path);
  return &originals;
}
