/* An arbitrary file as the database: the host's growing of the tables, then the plugin on it. It may refuse the file at any point, and
 * may answer with errors; it may not crash, hang, or say what is not JSON.
 */
#include "play.h"

#include "model.h"
#include "schema.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_begin();
  g_autofree char *path = fuzz_write_database(data, size);
  if (!migrate(path))
    return 0;
  check_private(path);
  play *game = play_new(path, FALSE);
  if (play_start(game, NULL)) {
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
      play_command(game, (struct fuzz_text){.at = commands[i], .end = commands[i] + strlen(commands[i])});
    play_settle(game);
  }
  play_end(game);
  return 0;
}
