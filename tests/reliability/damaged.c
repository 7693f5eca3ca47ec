#include "damaged_private.h"

#include "failure.h"
#include "resource.h"
#include "secret.h"
#include "test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* A case that runs. */
struct attempt {
  struct damaged *damaged;
  const struct originals *originals;
  char *path;
  fake_core *core;
  module *module;
  GHashTable *missing; /* keys */
  GHashTable *asked;   /* keys that the cloud was asked for by the module itself */
  gboolean is_older;   /* an earlier value was served */
  guint messages;      /* kept ones that reached the cloud */
};

G_GNUC_PRINTF(2, 3) static void wrong(struct attempt *self, const char *format, ...) {
  if (self->damaged->wrong != NULL)
    return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  self->damaged->wrong =
      g_strdup_printf("%s; the log:\n%.3000s", text, self->core != NULL ? fake_core_log(self->core) : "");
}

/* --------------------------------------------------------------------------------------------------- what is served */

static gboolean is_original(struct attempt *self, const GPtrArray *answers, const char *answer) {
  for (guint i = 0; i < answers->len; i++)
    if (strcmp(answer, g_ptr_array_index(answers, i)) == 0) {
      self->is_older |= i > 0;
      return i == 0 || self->damaged->allows_older;
    }
  return FALSE;
}

static void look_at_answer(struct attempt *self, const struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);
  const GPtrArray *answers = g_hash_table_lookup(self->originals->answers, fields->parent_id);
  g_autofree char *answer = fake_content(message);

  if (answers == NULL)
    wrong(self, "an answer to nothing: %s", fields->parent_id);
  else if (strcmp(fields->operation, "error") == 0 || strcmp(answer, "[]") == 0 || strcmp(answer, "null") == 0) {
    if (strcmp(g_ptr_array_index(answers, 0), "[]") != 0)
      g_hash_table_add(self->missing, g_strdup(fields->parent_id));
  } else if (!is_original(self, answers, answer)) {
    wrong(self, "for %s it served %.200s", fields->parent_id, answer);
  }
}

/* The key is the id of the query, and so the parent's of its answer. */
static void look_at_keys(struct attempt *self) {
  static const char *const receivers[] = {"edged", "edgemesh"};
  guint count = 0;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, self->originals->answers);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    fake_core_push(self->core, fake_message(.id = key, .source = "edged", .operation = "query", .resource = key));
  fake_core_run(self->core, self->module);
  for (guint i = 0; i < G_N_ELEMENTS(receivers); i++) {
    g_autoptr(GPtrArray) got = fake_core_take(self->core, receivers[i]);
    count += got->len;
    for (guint j = 0; j < got->len; j++)
      look_at_answer(self, fake_sent_at(got, j)->message);
  }
  if (count != g_hash_table_size(self->originals->answers))
    wrong(self, "%u queries got %u answers", g_hash_table_size(self->originals->answers), count);
}

static void look_at_value(sqlite3_stmt *row, void *data) {
  struct attempt *self = data;
  g_autofree char *typed = g_strdup_printf("%s %s", sqlite3_column_text(row, 0), sqlite3_column_text(row, 1));
  gint known = GPOINTER_TO_INT(g_hash_table_lookup(self->originals->types, typed));

  if (known == 0 || (known == 1 && !self->damaged->allows_older))
    wrong(self, "in a list it served %.200s", typed);
}

static void look_at_type(struct attempt *self, const char *type) {
  g_autofree char *resource = g_strdup_printf("default/%s", type);
  gboolean is_mesh = resource_is_answered_to_mesh(resource_parse(resource).kind);

  fake_core_push(self->core, fake_message(.source = "edged", .operation = "query", .resource = resource));
  fake_core_run(self->core, self->module);
  g_autoptr(GPtrArray) got = fake_core_take(self->core, is_mesh ? "edgemesh" : "edged");
  if (got->len != 1 || strcmp(message_read(fake_sent_at(got, 0)->message)->operation, "response") != 0)
    return;
  g_autofree char *answer = fake_content(fake_sent_at(got, 0)->message);
  char *sql = sqlite3_mprintf("SELECT %Q, value FROM json_each(%Q)", type, answer);
  if (!damaged_rows(":memory:", sql, look_at_value, self))
    wrong(self, "a list of %s is not JSON", type);
  sqlite3_free(sql);
}

static void look(struct attempt *self) {
  static const char *const types[] = {"pod",       "podstatus", "configmap",  "secret", "service",
                                      "endpoints", "node",      "nodestatus", "podlist"};

  g_hash_table_remove_all(self->missing);
  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    look_at_type(self, types[i]);
  look_at_keys(self);
}

/* ------------------------------------------------------------------------------------------------ what is said of it */

static void check_said(struct attempt *self) {
  const char *log = fake_core_log(self->core);
  GHashTableIter iter;
  gpointer key;
  gboolean is_loud = strstr(log, "warning ") != NULL || strstr(log, "error ") != NULL;

  if ((self->is_older || g_hash_table_size(self->missing) > 0) && !is_loud)
    wrong(self, "%u keys are missing%s, and nothing is said", g_hash_table_size(self->missing),
          self->is_older ? ", earlier values are served" : "");
  g_hash_table_iter_init(&iter, self->missing);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    if (!self->damaged->was_mended && strstr(log, key) == NULL)
      wrong(self, "%s is missing, and not named", (const char *)key);
}

static void check_files(struct attempt *self) {
  g_autoptr(GDir) dir = g_dir_open(damaged_directory(), 0, NULL);
  guint kept = 0;

  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(damaged_directory(), name, NULL);
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & 0777) != 0600)
      wrong(self, "%s has mode %o", name, status.st_mode & 0777);
    kept += strstr(name, ".damaged-") != NULL && !g_str_has_suffix(name, "-wal");
    if (strstr(name, ".repair") != NULL)
      wrong(self, "%s is left over", name);
  }
  if (self->damaged->was_mended != (kept > 0))
    wrong(self, "%u damaged copies are kept", kept);
}

/* ------------------------------------------------------------------------------------------------------ the cloud */

static void answer_cloud(struct attempt *self, const struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);
  g_autofree char *content = fake_content(message);

  if (strcmp(fields->operation, "query") != 0) {
    if (strcmp(fields->source, "metaManager") == 0 && g_str_has_suffix(fields->resource, "/podstatus"))
      return;
    self->messages++;
    if (!g_hash_table_contains(self->originals->messages, content))
      wrong(self, "the cloud was told %.200s of %s", content, fields->resource);
    return;
  }
  if (strcmp(fields->source, "metaManager") != 0)
    return;
  g_hash_table_add(self->asked, g_strdup(fields->resource));
  g_autofree char *value =
      g_strdup_printf("{\"from\":\"the cloud\",\"key\":\"%s\",\"secret\":\"" SECRET "\"}", fields->resource);
  fake_core_complete(self->core, message, EDGECORE_OK, fake_reply(message, "edgecontroller", value));
}

static void connect_cloud(struct attempt *self) {
  fake_core_push(self->core, fake_message(.source = "websocket", .operation = "publish", .resource = "node/connection",
                                          .raw = "\"cloud_connected\""));
  for (int round = 0; round < 60; round++) {
    fake_core_run_for(self->core, self->module, G_USEC_PER_SEC);
    g_autoptr(GPtrArray) sent = fake_core_take(self->core, "websocket");
    if (sent->len == 0 && round > 2)
      break;
    for (guint i = 0; i < sent->len; i++)
      answer_cloud(self, fake_sent_at(sent, i)->message);
  }
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, self->missing);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    gboolean asked = g_hash_table_contains(self->asked, key);
    self->damaged->refetched += asked;
    if (!asked && resource_is_remote(resource_parse(key).kind) && strstr(fake_core_log(self->core), key) != NULL)
      wrong(self, "the cloud is not asked for %s", (const char *)key);
  }
  if (self->messages < g_hash_table_size(self->originals->messages) && !self->damaged->allows_older &&
      strstr(fake_core_log(self->core), "essage") == NULL)
    wrong(self, "%u of %u kept messages reached the cloud, and nothing is said", self->messages,
          g_hash_table_size(self->originals->messages));
}

/* ------------------------------------------------------------------------------------------------------- the whole */

static gboolean start(struct attempt *self) {
  struct edgecore_error error = FAILURE_INIT;
  g_autofree char *why = NULL;

  self->core = fake_core_new(self->path);
  if (!damaged_migrate(self->path, &why)) {
    wrong(self, "the host refuses it: %s", why);
    return FALSE;
  }
  if (module_new(fake_core_table(self->core), &self->module, &error) == EDGECORE_OK &&
      module_start(self->module, NULL, &error) == EDGECORE_OK)
    return TRUE;
  wrong(self, "it does not start: %s", error.text);
  module_free(g_steal_pointer(&self->module));
  return FALSE;
}

static void stop(struct attempt *self) {
  if (self->module != NULL)
    fake_core_end(self->core, g_steal_pointer(&self->module));
  g_clear_pointer(&self->core, fake_core_free);
}

static void check_works(struct attempt *self) {
  g_ptr_array_unref(fake_core_take(self->core, "edged"));
  fake_core_push(self->core, fake_message(.source = "edged", .operation = "update", .resource = "default/podstatus/p",
                                          .raw = "{\"works\":\"" SECRET "\"}"));
  fake_core_run(self->core, self->module);
  g_autoptr(GPtrArray) got = fake_core_take(self->core, "edged");
  g_autofree char *content = got->len == 1 ? fake_content(fake_sent_at(got, 0)->message) : g_strdup("nothing");
  if (strcmp(content, "\"OK\"") != 0)
    wrong(self, "an update is answered %s", content);
}

static void expect_text(sqlite3_stmt *row, void *data) {
  g_string_append_printf(data, "%s\n", sqlite3_column_text(row, 0));
}

static void check_database(struct attempt *self) {
  g_autoptr(GString) text = g_string_new(NULL);

  damaged_rows(self->path, "PRAGMA integrity_check", expect_text, text);
  if (strcmp(text->str, "ok\n") != 0)
    wrong(self, "the integrity check says %.200s", text->str);
  g_string_truncate(text, 0);
  damaged_rows(self->path, "SELECT key FROM metamanager_wanted", expect_text, text);
  if (text->len > 0)
    wrong(self, "still wanted: %.200s", text->str);
}

/* What was mended is whole: nothing is to be said at the next start. */
static void start_again(struct attempt *self) {
  if (!start(self))
    return;
  fake_core_run_for(self->core, self->module, 10 * G_USEC_PER_SEC);
  const char *log = fake_core_log(self->core);
  if (self->damaged->was_mended && (strstr(log, "warning ") != NULL || strstr(log, "error ") != NULL))
    wrong(self, "the second start complains");
  stop(self);
}

static void run(struct attempt *self) {
  look(self);
  self->damaged->missing = g_hash_table_size(self->missing);
  fake_core_run_for(self->core, self->module, 10 * G_USEC_PER_SEC);
  self->is_older = FALSE;
  look(self);
  self->damaged->was_mended = strstr(fake_core_log(self->core), "has been mended") != NULL ||
                              strstr(fake_core_log(self->core), "finished an interrupted repair") != NULL;
  check_said(self);
  check_files(self);
  connect_cloud(self);
  check_works(self);
}

void damaged_try(struct damaged *damaged) {
  struct attempt self = {.damaged = damaged, .originals = originals_get(), .path = damaged_path()};

  self.missing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  self.asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  damaged_sweep();
  files_write(&damaged->files, self.path);
  files_clear(&damaged->files);
  if (damaged->prepare != NULL)
    damaged->prepare(self.path, damaged->data);
  if (start(&self)) {
    run(&self);
    stop(&self);
    check_database(&self);
    if (!damaged->is_flip)
      start_again(&self);
  }
  stop(&self);
  g_hash_table_unref(self.missing);
  g_hash_table_unref(self.asked);
  g_free(self.path);
}

void damaged_clear(struct damaged *self) {
  g_free((char *)self->wrong);
  files_clear(&self->files);
}
