#include "mend_rig.h"

#include "fixture.h"

#include <glib/gstdio.h>

#define PAGE 4096

char *mend_database(void) {
  struct scene scene = scene_begin(NULL);
  char *path = g_strdup(fake_core_database(scene.core));

  scene_link(&scene, FALSE);
  for (guint i = 0; i < MEND_PODS; i++) {
    g_autofree char *resource = g_strdup_printf("a/%s/%u", i % 10 == 0 ? "secret" : "pod", i);
    g_autofree char *value = g_strdup_printf("{\"number\":%u,\"padding\":\"%0100u\"}", i, i);
    scene_say(&scene, "edgecontroller", "insert", resource, value);
  }
  scene_run(&scene);
  scene_end(&scene);
  fixture_run(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  return path;
}

guint mend_pages(const char *path) {
  GStatBuf status;

  g_assert(g_stat(path, &status) == 0);
  return (guint)(status.st_size / PAGE);
}

guint mend_copies(const char *path) {
  g_autofree char *directory = g_path_get_dirname(path);
  g_autofree char *base = g_path_get_basename(path);
  g_autofree char *prefix = g_strconcat(base, ".damaged-", NULL);
  g_autoptr(GDir) names = g_dir_open(directory, 0, NULL);
  guint count = 0;

  for (const char *name; (name = g_dir_read_name(names)) != NULL;)
    count += g_str_has_prefix(name, prefix) && !g_str_has_suffix(name, "-wal") && !g_str_has_suffix(name, "-shm");
  return count;
}

gint64 mend_check_rows(struct scene *scene) {
  check_rows(fake_core_database(scene->core),
             "SELECT key, value FROM meta WHERE key IS NOT 'a/' || type || '/' || json_extract(value, '$.number')", "");
  return scene_count(scene, "SELECT count(*) FROM meta");
}
