/* A damaged database is mended: at the start, and while it is in use. */
#include "fault_vfs.h"
#include "file_vfs.h"
#include "fixture.h"
#include "mend_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

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

TEST_CASE(ModuleMend, a_page_of_zeros_anywhere_costs_only_what_was_on_it) {
  g_autofree char *original = mend_database();
  g_autofree char *bytes = NULL;
  gsize size = 0;
  const guint pages = mend_pages(original);

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
    check_int_ge(mend_check_rows(&scene), MEND_PODS - 40);
    check_rows(path, "PRAGMA integrity_check", "ok");
    if (mend_copies(path) > 0)
      check_contains(fake_core_log(scene.core), "was damaged");
    scene_say(&scene, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
    g_autofree char *heard = scene_heard(&scene, "edged");
    check_contains(heard, "insert a/pod/new");
    scene_end(&scene);
  }
}

TEST_CASE(ModuleMend, the_damaged_file_is_kept_beside_it_as_it_was) {
  g_autofree char *path = mend_database();
  struct scene scene = {.core = fake_core_new(path)};

  zero_page(path, 1);
  g_autofree char *damaged = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(path, &damaged, &size, NULL));
  scene.module = fake_core_start(scene.core, NULL);
  check_int_eq(mend_copies(path), 1);
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

static void copy_file(const char *path, const char *to, const char *suffix) {
  g_autofree char *from = g_strconcat(path, suffix, NULL);
  g_autofree char *target = g_strconcat(to, suffix, NULL);
  g_autofree char *bytes = NULL;
  gsize size = 0;

  g_assert(g_file_get_contents(from, &bytes, &size, NULL) && g_file_set_contents(target, bytes, (gssize)size, NULL));
}

/* The files of a database as a kill leaves them, under another name. The caller owns it. */
static char *left_by_a_kill(const char *path) {
  char *left = test_path("left.db");

  copy_file(path, left, "");
  copy_file(path, left, "-wal");
  copy_file(path, left, "-mark");
  return left;
}

TEST_CASE(ModuleMend, behind_a_link_the_file_is_mended_where_it_is_with_its_wal) {
  g_autofree char *path = mend_database();
  g_autofree char *name = test_path("link.db");
  struct scene before = {.core = fake_core_new(path)};

  before.module = fake_core_start(before.core, NULL);
  scene_say(&before, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
  scene_run(&before);
  g_autofree char *left = left_by_a_kill(path);
  scene_end(&before);

  require_int_eq(symlink(left, name), 0);
  for (guint number = 2; number <= mend_pages(left); number++)
    zero_page(left, number);
  struct scene scene = {.core = fake_core_new(name)};
  scene.module = fake_core_start(scene.core, NULL);
  check_contains(fake_core_log(scene.core), "was damaged");
  check_rows(name, "SELECT count(*) FROM meta WHERE key = 'a/pod/new'", "1");
  check_true(g_file_test(name, G_FILE_TEST_IS_SYMLINK));
  check_int_eq(mend_copies(left), 1);
  check_int_eq(mend_copies(name), 0);

  /* A WAL of another time is seen as such, too. */
  scene_say(&scene, "edgecontroller", "insert", "a/pod/newer", "{\"number\":\"newer\"}");
  scene_run(&scene);
  g_autofree char *mark = g_strconcat(left, "-mark", NULL);
  check_true(g_file_test(mark, G_FILE_TEST_IS_REGULAR));
  scene_end(&scene);
}

static void insert_answered(struct scene *scene, const char *resource, const char *answer) {
  g_autofree char *want =
      g_strdup_printf("%s %s %s", strcmp(answer, "\"OK\"") == 0 ? "response" : "error", resource, answer);

  scene_say(scene, "edgecontroller", "insert", resource, "{}");
  g_autofree char *heard = scene_heard(scene, "websocket");
  check_contains(heard, want);
}

static int fail_a_sync(enum fault_op op, const char *path, void *data) {
  guint *left = data;

  if (op != FAULT_SYNC || !g_str_has_suffix(path, "-wal") || *left == 0)
    return SQLITE_OK;
  return --*left == 0 ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

/* The WAL is gone, and all of it in the database: another program has closed that last. */
static void look_from_outside(const char *path) {
  sqlite3 *connection;

  check_int_eq(sqlite3_open(path, &connection), SQLITE_OK);
  check_int_eq(sqlite3_exec(connection, "SELECT count(*) FROM meta", NULL, NULL, NULL), SQLITE_OK);
  check_int_eq(sqlite3_close(connection), SQLITE_OK);
}

/* A power cut before the kernel has written the mark: it is as it was when the WAL began anew, unless it was removed for good. */
static void check_older_mark(gboolean looks_from_outside, guint failed_sync) {
  guint left = 0;
  file_vfs_install();
  struct scene scene = scene_begin(NULL);
  g_autofree char *path = g_strdup(fake_core_database(scene.core));
  insert_answered(&scene, "a/pod/1", "\"OK\"");
  scene_end(&scene);
  if (looks_from_outside)
    look_from_outside(path);
  g_autofree char *mark = g_strconcat(path, "-mark", NULL);
  g_autofree char *older = g_strconcat(path, "-older-mark", NULL);
  require_int_eq(link(mark, older), 0);
  g_autofree char *cut = test_path("cut.db");
  copy_file(path, cut, "-mark");

  scene = (struct scene){.core = fake_core_new(path)};
  scene.module = fake_core_start(scene.core, NULL);
  left = failed_sync;
  fault_vfs_set_hook(fail_a_sync, &left);
  if (failed_sync > 0)
    insert_answered(&scene, "a/pod/failed", "\"Error to save meta to DB: ");
  check_int_eq(left, 0);
  insert_answered(&scene, "a/pod/2", "\"OK\"");
  copy_file(path, cut, "");
  copy_file(path, cut, "-wal");
  struct stat now, before;
  require_int_eq(stat(older, &before), 0);
  if (stat(mark, &now) == 0 && now.st_ino != before.st_ino) {
    g_autofree char *removed = g_strconcat(cut, "-mark", NULL);
    check_int_eq(unlink(removed), 0);
  }
  scene_end(&scene);
  file_vfs_install();

  scene = (struct scene){.core = fake_core_new(cut)};
  scene.module = fake_core_start(scene.core, NULL);
  check_int_eq(mend_copies(cut), 0);
  check_rows(cut, "SELECT count(*) FROM meta WHERE key IN ('a/pod/1', 'a/pod/2')", "2");
  scene_end(&scene);
}

TEST_CASE(ModuleMend, a_mark_of_before_the_wal_was_removed_costs_nothing_after_a_power_cut) {
  check_older_mark(TRUE, 0);
}

TEST_CASE(ModuleMend, a_mark_of_before_the_wal_was_cut_to_nothing_costs_nothing_after_a_power_cut) {
  check_older_mark(FALSE, 3);
}

TEST_CASE(ModuleMend, messages_for_the_cloud_are_saved_too) {
  g_autofree char *path = mend_database();
  struct scene scene = {.core = fake_core_new(path)};

  zero_page(path, 1);
  scene.module = fake_core_start(scene.core, NULL);
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), MEND_PODS);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_ge(fake_core_queued(scene.core, "websocket"), MEND_PODS);
  scene_end(&scene);
}

TEST_CASE(ModuleMend, a_database_in_use_is_mended_without_a_restart) {
  g_autofree char *path = mend_database();
  struct scene scene = {.core = fake_core_new(path)};

  scene.module = fake_core_start(scene.core, NULL);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  /* Not the first page, which the connection has in its memory. */
  for (guint number = 2; number <= mend_pages(path); number++)
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

/* The first attempt to open the mended file fails; `data` is its path, and NULL after that. */
static int refuse_mended(enum fault_op op, const char *path, void *data) {
  const char **mended = data;

  if (op != FAULT_OPEN || *mended == NULL || strcmp(path, *mended) != 0 || mend_copies(path) == 0)
    return SQLITE_OK;
  *mended = NULL;
  return SQLITE_CANTOPEN;
}

TEST_CASE(ModuleMend, a_mended_file_that_cannot_be_opened_at_once_is_read_later) {
  file_vfs_install();
  g_autofree char *path = mend_database();
  const char *refused = path;
  struct scene scene = {.core = fake_core_new(path)};

  fault_vfs_set_hook(refuse_mended, &refused);
  scene.module = fake_core_start(scene.core, NULL);
  scene_run_for(&scene, 5 * G_USEC_PER_SEC);
  for (guint number = 2; number <= mend_pages(path); number++)
    zero_page(path, number);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/new", "{\"number\":\"new\"}");
  scene_run_for(&scene, G_TIME_SPAN_HOUR);
  check_null(refused);
  check_int_le(scene_count(&scene, SCENE_OUTBOX), 1); /* the answer to that; all others are lost */

  scene_link(&scene, TRUE);
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
  file_vfs_install();
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
  check_int_eq(mend_copies(path), 0);
}
