/* An arbitrary file as the database: the host's growing of the tables, then the plugin on it. It may refuse the file at any point, and
 * may answer with errors; it may not crash, hang, or say what is not JSON. The
 * eight operations of the table, which handlers do not use all of, are tried on it before the module may have mended it. */
#include "play.h"

#include "model.h"
#include "schema.h"
#include "store.h"

#include <string.h>
#include <sys/stat.h>

static const char *const commands[] = {
    "m s update edged default/pod/a {\"a\":1}",
    "m r insert edgecontroller default/configmap/c {}",
    "m r query edged default/pod",
    "m r query edged default/pod/a",
    "m r query edged default/podstatus",
    "m r update edgecontroller default/servicelist [{\"metadata\":{\"name\":\"s\"}}]",
    "m r delete edgecontroller default/secret/b",
    "m r publish edgehub node/connection cloud_disconnected",
    "m r action_result edgefunction default/function/f {}",
    "m r update edged default/node/n {}",
    "r",
    "m r publish edgehub node/connection cloud_connected",
    "t 3",
    "w",
    "t 61",
};

static gboolean migrate(const char *path) {
  g_autoptr(GPtrArray) models = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autoptr(GError) error = NULL;

  g_ptr_array_add(models, model_copy(&schema_model, NULL));
  if (model_migrate(path, models, &error))
    return TRUE;
  fuzz_check_error(error);
  return FALSE;
}

static void check_private(const char *path) {
  struct stat status;

  if (stat(path, &status) != 0 || (status.st_mode & 077) != 0)
    fuzz_fail("%s is gone, or open to others", path);
}

static void look(int32_t level, const char *text, void *data) {
  (void)level;
  (void)data;
  if (!g_utf8_validate(text, -1, NULL))
    fuzz_fail("the log is not UTF-8: %s", text);
}

static void touch(const struct store_row *row, void *data) {
  gsize *bytes = data;

  *bytes += strlen(row->key) + strlen(row->type);
  for (gsize i = 0; i < row->value_size; i++)
    *bytes += row->value[i] != '\0';
}

static void use_store(const char *path) {
  static const char *const columns[] = {"key", "type", "value"};
  const struct store_row row = {.key = "a/pod/a", .type = "pod", .value = "{}", .value_size = 2};
  struct edgecore_error error = {.size = sizeof error};
  store *rows;
  gsize bytes = 0;
  gint64 changed;
  int32_t codes[12] = {store_open(path, look, NULL, &rows, &error)};

  if (codes[0] != EDGECORE_OK)
    return;
  for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
    codes[1 + i] = store_query_all(rows, columns[i], "pod", touch, &bytes, &error);
    codes[4 + i] = store_update_field(rows, "default/pod/a", columns[i], "pod", &changed, &error);
  }
  codes[7] = store_save(rows, &row, &error);
  codes[8] = store_update(rows, &row, &changed, &error);
  codes[9] = store_insert_or_update(rows, &row, &error);
  codes[10] = store_delete_by_key(rows, "default/configmap/c", "configmap", &error);
  codes[11] = database_commit(store_database(rows), &error);
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
    if (codes[i] < EDGECORE_OK || codes[i] > EDGECORE_DAMAGED)
      fuzz_fail("operation %u says %d", i, codes[i]);
  database_rollback(store_database(rows));
  store_close(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_begin();
  g_autofree char *path = fuzz_write_database(data, size);
  if (!migrate(path))
    return 0;
  check_private(path);
  use_store(path);
  play *game = play_new(path, FALSE);
  if (play_start(game, NULL)) {
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
      play_command(game, (struct fuzz_text){.at = commands[i], .end = commands[i] + strlen(commands[i])});
    play_settle(game);
  }
  play_end(game);
  return 0;
}
