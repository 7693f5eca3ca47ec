/* A disk that cannot read a sector any more is damage like another; one that fails for a moment is not. */
#include "bad_sector.h"
#include "file_vfs.h"
#include "fixture.h"
#include "mend_rig.h"

#include <glib/gstdio.h>
#include <string.h>

#define PAGE 4096
#define SECTOR 512
#define DAY (24 * G_TIME_SPAN_HOUR)

/* A copy of a database that was closed well, under another name each time. */
static char *copy_of(const char *original) {
  static guint count;
  g_autofree char *name = g_strdup_printf("sectors-%u.db", ++count);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  g_assert(g_file_get_contents(original, &bytes, &size, NULL));
  return test_file(name, bytes, (gssize)size);
}

static struct scene started(const char *path) {
  struct scene scene = {.core = fake_core_new(path)};

  scene.module = fake_core_start(scene.core, NULL);
  return scene;
}

static gboolean log_names(struct scene *scene, const char *key) {
  g_autofree char *line = g_strdup_printf("lost the row %s", key);

  for (const char *at = fake_core_log(scene->core); (at = strstr(at, line)) != NULL; at++)
    if (!g_ascii_isdigit(at[strlen(line)]))
      return TRUE;
  return FALSE;
}

/* Each row is there, or the log names it; of the lost ones those that the cloud has are wanted. */
static void check_no_row_is_missed(struct scene *scene) {
  const char *path = fake_core_database(scene->core);
  const gint64 saved = mend_check_rows(scene);
  gint64 named = 0;

  for (guint i = 0; i < MEND_PODS; i++) {
    g_autofree char *key = g_strdup_printf("a/%s/%u", i % 10 == 0 ? "secret" : "pod", i);
    g_autofree char *sql = g_strdup_printf("SELECT (SELECT count(*) FROM meta WHERE key = '%s') ||"
                                           " (SELECT count(*) FROM metamanager_wanted WHERE key = '%s')",
                                           key, key);
    const gboolean is_named = log_names(scene, key);
    test_note("%s", key);
    check_rows(path, sql, !is_named ? "10" : i % 10 == 0 ? "01" : "00");
    named += is_named;
  }
  check_int_eq(saved + named, MEND_PODS);
  check_int_le(named, 40);
  g_autofree char *counts = g_strdup_printf("saved %d rows", (int)saved);
  check_contains(fake_core_log(scene->core), counts);
}

static void check_works(struct scene *scene) {
  scene_say(scene, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
  g_autofree char *heard = scene_heard(scene, "edged");
  check_contains(heard, "insert a/pod/new");
  check_rows(fake_core_database(scene->core), "PRAGMA integrity_check", "ok");
}

TEST_CASE(ModuleSectors, a_bad_one_anywhere_costs_only_what_was_on_its_page) {
  g_autofree char *original = mend_database();
  const guint pages = mend_pages(original);

  require_int_ge(pages, 10);
  for (guint number = 1; number <= pages; number++) {
    g_autofree char *path = copy_of(original);
    test_note("page %u of %u", number, pages);
    bad_sector_set(path, (number - 1) * PAGE + number % 8 * SECTOR, SECTOR, BAD_FOR_EVER);
    struct scene scene = started(path);
    check_int_eq(mend_copies(path), 1);
    check_contains(fake_core_log(scene.core), "the disk cannot read 1 pages");
    check_no_row_is_missed(&scene);
    check_works(&scene);
    scene_end(&scene);
    bad_sector_heal();
  }
}

TEST_CASE(ModuleSectors, a_bad_one_is_mended_in_use_and_what_the_cloud_has_is_asked_for) {
  g_autofree char *original = mend_database();
  const guint pages = mend_pages(original);
  guint asked = 0;

  for (guint number = 1; number <= pages; number++) {
    g_autofree char *path = copy_of(original);
    struct scene scene = started(path);
    test_note("page %u of %u", number, pages);
    scene_run_for(&scene, 5 * G_USEC_PER_SEC);
    check_int_eq(mend_copies(path), 0);
    /* Another program's commit makes SQLite forget what it has read. */
    fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
    bad_sector_set(path, (number - 1) * PAGE, SECTOR, BAD_FOR_EVER);
    scene_run_for(&scene, DAY + G_TIME_SPAN_HOUR);
    if (mend_copies(path) > 0) {
      check_contains(fake_core_log(scene.core), "has been mended");
      check_no_row_is_missed(&scene);
    }
    check_int_le(mend_copies(path), 1);
    check_works(&scene);
    const gint64 wanted = scene_count(&scene, "SELECT count(*) FROM metamanager_wanted WHERE key <> 'a/secret/none'");
    scene_link(&scene, TRUE);
    scene_run_for(&scene, 10 * G_USEC_PER_SEC);
    g_autoptr(GPtrArray) sent = fake_core_take(scene.core, "websocket");
    guint queries = 0;
    for (guint i = 0; i < sent->len; i++) {
      const struct edgecore_message_fields *fields = message_read(fake_sent_at(sent, i)->message);
      queries += strcmp(fields->operation, "query") == 0 && strcmp(fields->resource, "a/secret/none") != 0;
    }
    check_int_ge(queries, wanted);
    asked += queries;
    scene_end(&scene);
    bad_sector_heal();
  }
  check_int_ge(asked, 10);
}

/* The messages for the cloud are read on another way. */
TEST_CASE(ModuleSectors, a_bad_one_under_the_outbox_does_not_hold_up_the_others) {
  g_autofree char *original = mend_database();
  g_autofree char *root = fixture_rows(original, "SELECT max(pageno) FROM dbstat WHERE name = 'metamanager_outbox'");
  g_autofree char *path = copy_of(original);
  struct scene scene = started(path);

  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
  bad_sector_set(path, (off_t)(g_ascii_strtoull(root, NULL, 10) - 1) * PAGE, SECTOR, BAD_FOR_EVER);
  scene_link(&scene, TRUE);
  g_autofree char *heard = scene_cloud(&scene);
  check_int_eq(mend_copies(path), 1);
  guint messages = 0;
  for (const char *at = heard; (at = strstr(at, "response ")) != NULL; at++)
    messages++;
  check_int_ge(messages, MEND_PODS - 40);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  scene_end(&scene);
  bad_sector_heal();
}

/* ---------------------------------------------------------------------------------------------------------- the WAL */

static void put(struct scene *scene, const char *resource, guint number) {
  g_autofree char *value = g_strdup_printf("{\"number\":%u}", number);

  scene_say(scene, "edgecontroller", "update", resource, value);
  scene_run(scene);
}

/* A version is stopped, and the WAL is as it left it. */
static void swap_out(struct scene *scene) {
  struct edgecore_state state = {.size = sizeof state};

  require_ok(module_stop(scene->module, &state, &failure));
  module_free(scene->module);
}

/* Where the frame begins. */
static off_t frame_at(guint number) {
  return 32 + (off_t)(number - 1) * (24 + PAGE);
}

TEST_CASE(ModuleSectors, of_a_wal_with_a_bad_one_all_that_lies_before_is_kept) {
  g_autofree char *path = mend_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct scene first = started(path);
  GStatBuf status;

  put(&first, "a/pod/1", 1001);
  require_int_eq(g_stat(wal, &status), 0);
  put(&first, "a/pod/2", 1002);
  swap_out(&first);
  fake_core_free(first.core);
  bad_sector_set(wal, status.st_size, SECTOR, BAD_FOR_EVER);
  struct scene scene = started(path);
  check_int_eq(mend_copies(path), 1);
  check_contains(fake_core_log(scene.core), "its WAL has only");
  check_rows(path, "SELECT value -> '$.number' FROM meta WHERE key = 'a/pod/1'", "1001");
  check_int_eq(scene_count(&scene, "SELECT count(*) FROM meta"), MEND_PODS);
  check_works(&scene);
  scene_end(&scene);
  bad_sector_heal();
}

/* Its old pages would come to lie over newer ones. */
TEST_CASE(ModuleSectors, a_wal_with_a_bad_one_in_what_was_moved_already_brings_no_old_values_back) {
  g_autofree char *text = g_strnfill(400000, 'v');
  g_autofree char *large = g_strdup_printf("{\"number\":2,\"padding\":\"%s\"}", text);
  g_autofree char *path = mend_database();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct scene scene = started(path);
  GStatBuf status;

  put(&scene, "a/pod/1", 1001);
  require_int_eq(g_stat(wal, &status), 0);
  put(&scene, "a/pod/1", 1002);
  /* So much that it is moved once nothing happens. */
  scene_say(&scene, "edgecontroller", "update", "a/pod/2", large);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  bad_sector_set(wal, status.st_size, SECTOR, BAD_FOR_EVER);
  scene_swap(&scene);
  scene_say(&scene, "edged", "query", "a/pod/1", NULL);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "1002");
  check_int_eq(mend_copies(path), 1);
  check_rows(path, "SELECT value -> '$.number' FROM meta WHERE key = 'a/pod/1'", "1002");
  check_works(&scene);
  scene_end(&scene);
  bad_sector_heal();
}

/* ---------------------------------------------------------------------------------------------- it is only a moment */

/* All that reads: a start, a query, the check of all rows, an update, a swap, and the way of what was kept. Returns how
 * many reads failed. */
static guint live(const char *path) {
  struct scene scene = started(path);

  scene_say(&scene, "edged", "query", "a/pod/7", NULL);
  g_autofree char *pod = scene_heard(&scene, "edged");
  check_contains(pod, "\\\"number\\\":7,");
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  put(&scene, "a/pod/9", 9);
  scene_swap(&scene);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  const guint failed = file_vfs_failed();
  file_vfs_heal();
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 0);
  check_int_eq(mend_check_rows(&scene), MEND_PODS);
  scene_end(&scene);
  check_int_eq(mend_copies(path), 0);
  return failed;
}

/* EIO comes as the second code; the first is what is left for other reasons. */
TEST_CASE(ModuleSectors, a_read_that_fails_once_leads_to_no_repair) {
  static const int codes[] = {SQLITE_IOERR_READ, SQLITE_IOERR_CORRUPTFS};
  static const char *const suffixes[] = {".db", "-wal"};
  g_autofree char *original = mend_database();
  guint tried = 0;

  for (guint i = 0; i < 4; i++)
    for (guint after = 0, failed = 1; failed > 0; after++) {
      g_autofree char *path = copy_of(original);
      test_note("read %u of %s", after + 1, suffixes[i / 2]);
      file_vfs_fail(FILE_READ, suffixes[i / 2], after, 1, codes[i % 2]);
      failed = live(path);
      tried += failed;
    }
  check_int_ge(tried, 100);
}

/* The plugin looks at the WAL by itself before SQLite does. */
TEST_CASE(ModuleSectors, a_read_of_the_wal_that_fails_once_costs_nothing) {
  for (guint number = 0; number < 3; number++) {
    g_autofree char *path = mend_database();
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    struct scene first = started(path);
    put(&first, "a/pod/1", 1001);
    swap_out(&first);
    fake_core_free(first.core);
    bad_sector_set(wal, number == 0 ? 0 : frame_at(number), SECTOR, 1);
    struct scene scene = started(path);
    check_int_eq(bad_sector_tried(), 1);
    check_int_eq(mend_copies(path), 0);
    check_rows(path, "SELECT value -> '$.number' FROM meta WHERE key = 'a/pod/1'", "1001");
    scene_end(&scene);
    bad_sector_heal();
  }
}

static int32_t start(fake_core *core, module **self) {
  if (!check_ok(module_new(fake_core_table(core), self, &failure)))
    return failure.code;
  return module_start(*self, NULL, &failure);
}

TEST_CASE(ModuleSectors, a_disk_that_is_gone_costs_nothing_once_it_is_back) {
  g_autofree char *path = mend_database();
  g_autoptr(fake_core) core = fake_core_new(path);
  module *self = NULL;

  bad_sector_set(path, 0, G_MAXINT32, BAD_FOR_EVER);
  check_fails(start(core, &self), EDGECORE_IO, "cannot be read");
  module_free(self);
  check_int_eq(mend_copies(path), 0);
  bad_sector_heal();
  struct scene scene = started(path);
  check_int_eq(mend_copies(path), 0);
  check_int_eq(mend_check_rows(&scene), MEND_PODS);
  scene_end(&scene);
}

/* ------------------------------------------------------------------------------------ the disk takes nothing either */

TEST_CASE(ModuleSectors,
          without_room_for_the_fresh_file_nor_an_outbox_that_can_be_read_the_start_fails_and_leaves_all_as_it_was) {
  g_autofree char *path = mend_database();
  g_autofree char *fresh = g_strconcat(path, ".repair", NULL);
  g_autoptr(fake_core) core = fake_core_new(path);
  module *self = NULL;

  bad_sector_set(path, 4 * PAGE, SECTOR, BAD_FOR_EVER);
  file_vfs_fail(FILE_WRITE, ".repair", 0, G_MAXUINT, SQLITE_FULL);
  check_fails(start(core, &self), EDGECORE_IO, "full");
  module_free(self);
  check_int_eq(mend_copies(path), 0);
  check_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
  file_vfs_heal();
  struct scene scene = started(path);
  check_int_eq(mend_copies(path), 1);
  check_no_row_is_missed(&scene);
  scene_end(&scene);
  bad_sector_heal();
}

static off_t first_leaf_of_meta(const char *path) {
  g_autofree char *page =
      fixture_rows(path, "SELECT min(pageno) FROM dbstat WHERE name = 'meta' AND pagetype = 'leaf'");

  return (off_t)(g_ascii_strtoull(page, NULL, 10) - 1) * PAGE;
}

static guint lines_with(fake_core *core, const char *part) {
  guint count = 0;

  for (const char *at = fake_core_log(core); (at = strstr(at, part)) != NULL; at++)
    count++;
  return count;
}

TEST_CASE(ModuleSectors, without_room_for_the_fresh_file_the_start_serves_what_can_be_read_until_there_is) {
  g_autofree char *path = mend_database();
  g_autofree char *fresh = g_strconcat(path, ".repair", NULL);

  bad_sector_set(path, first_leaf_of_meta(path), SECTOR, BAD_FOR_EVER);
  file_vfs_fail(FILE_WRITE, ".repair", 0, G_MAXUINT, SQLITE_FULL);
  struct scene scene = started(path);
  check_int_eq(mend_copies(path), 0);
  check_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
  /* The cause, once; nothing is lost as yet. */
  check_int_eq(lines_with(scene.core, "database or disk is full"), 1);
  check_int_eq(lines_with(scene.core, "lost the row"), 0);
  scene_say(&scene, "edged", "query", "a/pod/199", NULL);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_contains(heard, "\\\"number\\\":199,");
  file_vfs_heal();
  scene_run_for(&scene, 5 * G_TIME_SPAN_MINUTE);
  check_int_eq(mend_copies(path), 1);
  check_int_ge(lines_with(scene.core, "lost the row"), 1);
  check_no_row_is_missed(&scene);
  check_works(&scene);
  scene_end(&scene);
  bad_sector_heal();
}

TEST_CASE(ModuleSectors, without_room_for_the_fresh_file_the_other_rows_are_served_until_there_is) {
  g_autofree char *original = mend_database();
  const off_t leaf = first_leaf_of_meta(original);
  g_autofree char *path = copy_of(original);
  struct scene scene = started(path);

  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a/secret/none')");
  bad_sector_set(path, leaf, SECTOR, BAD_FOR_EVER);
  file_vfs_fail(FILE_WRITE, ".repair", 0, G_MAXUINT, SQLITE_FULL);
  scene_say(&scene, "edged", "query", "a/pod/1", NULL);
  scene_say(&scene, "edged", "query", "a/pod/199", NULL);
  g_autofree char *heard = scene_heard(&scene, "edged");
  check_lacks(heard, "\\\"number\\\":1,");
  check_contains(heard, "\\\"number\\\":199,");
  check_int_eq(mend_copies(path), 0);
  file_vfs_heal();
  scene_run_for(&scene, DAY + G_TIME_SPAN_HOUR);
  check_int_eq(mend_copies(path), 1);
  check_no_row_is_missed(&scene);
  check_works(&scene);
  scene_end(&scene);
  bad_sector_heal();
}
