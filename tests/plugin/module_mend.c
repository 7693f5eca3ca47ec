/* A damaged database is mended: at the start, and while it is in use. */
#include "fixture.h"
#include "scene.h"

#include <glib/gstdio.h>
#include <string.h>

#define PAGE 4096
#define PODS 200

/* A database that was closed well, with all of it in the file itself: many pods, a secret, and a message for the cloud. */
static char *database_of_pods(void) {
  struct scene scene = scene_begin(NULL);
  char *path = g_strdup(fake_core_database(scene.core));

  scene_link(&scene, FALSE);
  for (guint i = 0; i < PODS; i++) {
    g_autofree char *resource = g_strdup_printf("a/%s/%u", i % 10 == 0 ? "secret" : "pod", i);
    g_autofree char *value = g_strdup_printf("{\"number\":%u,\"padding\":\"%0100u\"}", i, i);
    scene_say(&scene, "edgecontroller", "insert", resource, value);
  }
  scene_run(&scene);
  scene_end(&scene);
  fixture_run(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  return path;
}

/* Writes zeros over a page; 1 is the first. */
static void zero_page(const char *path, guint number) {
  g_autofree char *bytes = NULL;
  gsize size = 0;

  g_assert(g_file_get_contents(path, &bytes, &size, NULL) && size >= number * PAGE);
  memset(bytes + (number - 1) * PAGE, 0, PAGE);
  /* In place, as damage comes. */
  FILE *file = fopen(path, "r+");
  g_assert(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static guint page_count(const char *path) {
  GStatBuf status;

  g_assert(g_stat(path, &status) == 0);
  return (guint)(status.st_size / PAGE);
}

static guint count_damaged_copies(const char *path) {
  g_autofree char *directory = g_path_get_dirname(path);
  g_autofree char *base = g_path_get_basename(path);
  g_autofree char *prefix = g_strconcat(base, ".damaged-", NULL);
  g_autoptr(GDir) names = g_dir_open(directory, 0, NULL);
  guint count = 0;

  for (const char *name; (name = g_dir_read_name(names)) != NULL;)
    count += g_str_has_prefix(name, prefix) && !g_str_has_suffix(name, "-wal") && !g_str_has_suffix(name, "-shm");
  return count;
}

/* How many rows there are, all of them with values that were once stored under their keys. */
static gint64 check_rows_are_true(struct scene *scene) {
  check_rows(fake_core_database(scene->core),
             "SELECT key, value FROM meta WHERE key IS NOT 'a/' || type || '/' || json_extract(value, '$.number')", "");
  return scene_count(scene, "SELECT count(*) FROM meta");
}

TEST_CASE(ModuleMend, a_page_of_zeros_anywhere_costs_only_what_was_on_it) {
  g_autofree char *original = database_of_pods();
  g_autofree char *bytes = NULL;
  gsize size = 0;
  const guint pages = page_count(original);

  require_true(g_file_get_contents(original, &bytes, &size, NULL));
  require_int_ge(pages, 10);
  for (guint number = 1; number <= pages; number++) {
    g_autofree char *name = g_strdup_printf("damaged-%u.db", number);
    g_autofree char *path = test_file(name, bytes, (gssize)size);
    struct scene scene = {.core = fake_core_new(path)};
    test_note("page %u of %u", number, pages);
    zero_page(path, number);
    scene.module = fake_core_start(scene.core, NULL);
    scene_run_for(&scene, 5 * G_USEC_PER_SEC);
    check_int_ge(check_rows_are_true(&scene), PODS - 40);
    check_rows(path, "PRAGMA integrity_check", "ok");
    if (count_damaged_copies(path) > 0)
      check_contains(fake_core_log(scene.core), "was damaged");
    scene_say(&scene, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
    g_autofree char *heard = scene_heard(&scene, "edged");
    check_contains(heard, "insert a/pod/new");
    scene_end(&scene);
  }
}

TEST_CASE(ModuleMend, the_damaged_file_is_kept_beside_it_as_it_was) {
  g_autofree char *path = database_of_pods();
  struct scene scene = {.core = fake_core_new(path)};

  zero_page(path, 1);
  g_autofree char *damaged = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(path, &damaged, &size, NULL));
  scene.module = fake_core_start(scene.core, NULL);
  check_int_eq(count_damaged_copies(path), 1);
  const char *log = fake_core_log(scene.core);
  const char *named = strstr(log, "the damaged file is kept as ");
  require_not_null(named);
  named += strlen("the damaged file is kept as ");
  g_autofree char *copy = g_strndup(named, strcspn(named, "\n"));
  g_autofree char *kept = NULL;
  gsize kept_size = 0;
  require_true(g_file_get_contents(copy, &kept, &kept_size, NULL));
  check_mem_eq(kept, kept_size, damaged, size);
  scene_end(&scene);
}

TEST_CASE(ModuleMend, messages_for_the_cloud_are_saved_too) {
  g_autofree char *path = database_of_pods();
  struct scene scene = {.core = fake_core_new(path)};

  zero_page(path, 1);
  scene.module = fake_core_start(scene.core, NULL);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), PODS);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_ge(fake_core_queued(scene.core, "websocket"), PODS);
  scene_end(&scene);
}

TEST_CASE(ModuleMend, a_database_in_use_is_mended_without_a_restart) {
  g_autofree char *path = database_of_pods();
  struct scene scene = {.core = fake_core_new(path)};

  scene.module = fake_core_start(scene.core, NULL);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  /* Not the first page, which the connection has in its memory. */
  for (guint number = 2; number <= page_count(path); number++)
    zero_page(path, number);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
  scene_say(&scene, "edged", "query", "a/pod", NULL);
  scene_run_for(&scene, G_TIME_SPAN_HOUR);
  check_contains(fake_core_log(scene.core), "was damaged");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/newer", "{\"number\":\"newer\"}");
  scene_run(&scene);
  check_rows(path, "SELECT count(*) FROM meta WHERE key = 'a/pod/newer'", "1");
  check_rows(path, "PRAGMA integrity_check", "ok");
  scene_end(&scene);
}

TEST_CASE(ModuleMend, what_is_no_database_is_left_untouched) {
  static const char letter[] = "Dear host, this is a letter, and I should be sorry to see it overwritten.\n";
  g_autofree char *path = test_file("letter.db", letter, -1);
  g_autofree char *bytes = NULL;
  g_autoptr(fake_core) core = fake_core_new(path);
  module *self = NULL;

  require_ok(module_new(fake_core_table(core), &self, &failure));
  check_fails(module_start(self, NULL, &failure), EDGECORE_IO, "letter.db");
  module_free(self);
  require_true(g_file_get_contents(path, &bytes, NULL, NULL));
  check_str_eq(bytes, letter);
  check_int_eq(count_damaged_copies(path), 0);
}
