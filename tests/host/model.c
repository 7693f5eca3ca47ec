#include "model.h"

#include "database_file.h"

#include "bad_sector.h"
#include "fixture.h"
#include "host.h"
#include "process.h"
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x6d657461

static const struct edgecore_model_step steps[] = {
    {sizeof steps[0], 1, "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, type TEXT, value TEXT)"},
    {sizeof steps[0], 2, "CREATE INDEX IF NOT EXISTS meta_type ON meta (type); CREATE TABLE IF NOT EXISTS more (a)"},
    {sizeof steps[0], 3, "SELECT no_such_function()"},
};

static GPtrArray *models(guint step_count) {
  const struct edgecore_model from = {
      .size = sizeof from, .table = "meta", .application_id = APPLICATION_ID, .step_count = step_count, .steps = steps};
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_ptr_array_add(list, model_copy(&from, NULL));
  g_assert_nonnull(list->pdata[0]);
  return list;
}

static void check_migrates(const char *path, guint step_count) {
  g_autoptr(GPtrArray) list = models(step_count);
  g_autoptr(GError) error = NULL;
  check_true(model_migrate(path, list, &error));
  check_no_error(error);
  check_int_eq(database_file_count_open(path), 0);
}

static void check_refuses(const char *path, guint step_count, const char *part) {
  g_autoptr(GPtrArray) list = models(step_count);
  g_autoptr(GError) error = NULL;
  const guint open_before = database_file_count_open(path);
  check_false(model_migrate(path, list, &error));
  check_error(error, HOST_ERROR, EDGECORE_IO, part);
  check_error(error, HOST_ERROR, EDGECORE_IO, path);
  check_int_eq(database_file_count_open(path), open_before);
}

/* Refuses it, and neither changes a byte nor leaves a file behind. */
static void check_untouched(const char *path, guint step_count, const char *part) {
  g_autoptr(GBytes) before = file_bytes(path);
  check_refuses(path, step_count, part);
  g_autoptr(GBytes) after = file_bytes(path);
  check_true(g_bytes_equal(before, after));
  static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *companion = g_strconcat(path, suffixes[i], NULL);
    check_false(g_file_test(companion, G_FILE_TEST_EXISTS));
  }
}

static void check_value(const char *path, const char *sql, const char *want) {
  g_autofree char *value = database_value(path, sql);
  check_str_eq(value, want);
}

TEST_CASE(Model, makes_a_private_file) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 2);
  struct stat status;
  require_int_eq(stat(path, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
  check_value(path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'meta_type', 'more')", "3");
  check_value(path, "PRAGMA user_version", "2");
  check_value(path, "SELECT printf('%x', application_id) FROM pragma_application_id", "6d657461");
}

TEST_CASE(Model, grows_by_the_steps_that_are_new) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 1);
  database_run(path, "INSERT INTO meta VALUES ('default/pod/a', 'pod', '{}')");
  check_value(path, "PRAGMA user_version", "1");
  check_migrates(path, 2);
  check_value(path, "PRAGMA user_version", "2");
  check_value(path, "SELECT value FROM meta WHERE key = 'default/pod/a'", "{}");
  check_value(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta_type'", "1");
}

TEST_CASE(Model, writes_nothing_when_there_is_nothing_to_do) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 2);
  g_autoptr(GBytes) before = file_bytes(path);
  check_migrates(path, 2);
  check_migrates(path, 1); /* an older version, after a later one */
  g_autoptr(GBytes) after = file_bytes(path);
  check_true(g_bytes_equal(before, after));
}

TEST_CASE(Model, a_step_that_fails_undoes_the_others) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 1);
  check_refuses(path, 3, "step 3");
  check_value(path, "PRAGMA user_version", "1");
  check_value(path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta_type', 'more')", "0");
}

TEST_CASE(Model, a_file_that_was_made_and_cannot_be_used_is_removed) {
  g_autofree char *path = test_path("edge.db");
  check_refuses(path, 3, "step 3");
  check_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST_CASE(Model, takes_a_database_that_kubeedge_wrote) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL));
  g_autofree char *path = test_file("edge.db", bytes, (gssize)size);
  g_autofree char *before = database_value(path, "SELECT group_concat(key || type || value) FROM meta");
  check_migrates(path, 2);
  g_autofree char *after = database_value(path, "SELECT group_concat(key || type || value) FROM meta");
  check_true(strcmp(before, after) == 0);
  check_value(path, "SELECT count(*) FROM meta", "458");
}

TEST_CASE(Model, refuses_a_directory) {
  g_autofree char *path = test_path("edge.db");
  require_int_eq(g_mkdir_with_parents(path, 0700), 0);
  check_refuses(path, 2, "is a directory");
}

TEST_CASE(Model, refuses_what_is_no_file) {
  check_refuses("/dev/null", 2, "not a regular file");
  check_refuses("", 2, "not the name of a file");
  check_refuses(":memory:", 2, "not the name of a file");
  check_refuses("file:edge.db", 2, "not the name of a file");
}

TEST_CASE(Model, refuses_a_directory_that_is_not_there) {
  g_autofree char *path = test_path("no/such/edge.db");
  check_refuses(path, 2, "No such file or directory");
}

TEST_CASE(Model, refuses_a_file_that_is_read_only) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 1);
  require_int_eq(chmod(path, 0400), 0);
  check_untouched(path, 2, "is read-only");
}

TEST_CASE(Model, refuses_what_is_no_database) {
  g_autofree char *text =
      test_file("text", "This is a letter to a friend, and not a database. It is a little longer.\n", -1);
  check_untouched(text, 2, "is not an SQLite database");
  g_autofree char *noise = g_malloc(100000);
  memset(noise, 0xa5, 100000);
  g_autofree char *file = test_file("noise", noise, 100000);
  check_untouched(file, 2, "is not an SQLite database");
}

TEST_CASE(Model, says_that_there_is_no_descriptor_left) {
  g_autofree char *path = test_path("edge.db");
  struct rlimit limit;
  check_migrates(path, 1);
  require_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int free_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  require_int_eq(close(free_descriptor), 0);
  const struct rlimit none = {.rlim_cur = (rlim_t)free_descriptor, .rlim_max = limit.rlim_max};
  require_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  g_autoptr(GPtrArray) list = models(2);
  g_autoptr(GError) error = NULL;
  check_false(model_migrate(path, list, &error));
  require_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  check_error(error, HOST_ERROR, EDGECORE_IO, path);
  check_error(error, HOST_ERROR, EDGECORE_IO, "Too many open files");
}

TEST_CASE(Model, takes_an_empty_file) {
  g_autofree char *path = test_file("edge.db", "", 0);
  check_migrates(path, 2);
  check_value(path, "PRAGMA user_version", "2");
}

TEST_CASE(Model, behind_a_link_the_wal_is_beside_the_file) {
  g_autofree char *path = test_file("behind.db", "", 0);
  g_autofree char *wal = test_file("behind.db-wal", "left by a kill", -1);
  g_autofree char *name = test_path("link.db");
  g_autoptr(GPtrArray) list = models(2);
  g_autoptr(GError) error = NULL;
  require_int_eq(symlink(path, name), 0);
  check_false(model_migrate(name, list, &error));
  check_error(error, HOST_ERROR, EDGECORE_IO, "is empty, but its -wal is not");
  require_int_eq(unlink(wal), 0);

  check_migrates(name, 2);
  int descriptors[] = {open(path, O_RDONLY | O_CLOEXEC), creat(wal, 0600)};
  check_int_eq(database_file_count_open(name), 2);
  for (guint i = 0; i < G_N_ELEMENTS(descriptors); i++)
    close(descriptors[i]);
}

TEST_CASE(Model, refuses_another_applications_database) {
  g_autofree char *path = test_path("edge.db");
  database_run(path, "PRAGMA application_id = 252006674; CREATE TABLE theirs (a)");
  check_untouched(path, 2, "0xf055112");
}

/* KubeEdge's own file has neither number; a model without an application_id takes any version. */
TEST_CASE(Model, refuses_a_version_without_an_application) {
  static const struct edgecore_model nameless = {
      .size = sizeof nameless, .table = "meta", .step_count = 2, .steps = steps};
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autofree char *path = test_path("edge.db");
  g_autoptr(GError) error = NULL;
  database_run(path, "PRAGMA user_version = 1; CREATE TABLE meta (key, type, value)");
  check_untouched(path, 2, "belongs to another application (application_id 0x0, not 0x6d657461; user_version 1)");
  g_ptr_array_add(list, model_copy(&nameless, NULL));
  check_true(model_migrate(path, list, &error));
  check_no_error(error);
}

/* Its version may be lower than its tables are, after damage. */
TEST_CASE(Model, a_column_that_is_there_already_is_no_error) {
  static const struct edgecore_model_step column_steps[] = {
      {sizeof column_steps[0], 1, "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY)"},
      {sizeof column_steps[0], 2, "ALTER TABLE meta ADD COLUMN sum INTEGER"},
  };
  const struct edgecore_model from = {.size = sizeof from, .table = "meta", .step_count = 2, .steps = column_steps};
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_autofree char *path = test_path("edge.db");
  g_autoptr(GError) error = NULL;
  g_ptr_array_add(list, model_copy(&from, NULL));
  check_true(model_migrate(path, list, &error));
  database_run(path, "PRAGMA user_version = 1");
  check_true(model_migrate(path, list, &error));
  check_no_error(error);
  check_value(path, "PRAGMA user_version", "2");
}

/* Of two steps, of a plugin that mends its database. */
static GPtrArray *mended_models(void) {
  const struct edgecore_model from = {.size = sizeof from,
                                      .flags = EDGECORE_MODEL_MENDED,
                                      .table = "meta",
                                      .application_id = APPLICATION_ID,
                                      .step_count = 2,
                                      .steps = steps};
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_ptr_array_add(list, model_copy(&from, NULL));
  return list;
}

/* One bit of the application_id: damage, which the plugin mends; two: somebody else's. */
TEST_CASE(Model, leaves_a_database_of_ours_with_a_flipped_bit_alone) {
  g_autoptr(GPtrArray) list = mended_models();
  g_autofree char *path = test_path("edge.db");
  g_autoptr(GError) error = NULL;
  check_migrates(path, 1);
  database_run(path, "PRAGMA application_id = 0x6d657441");
  check_true(model_migrate(path, list, &error));
  check_no_error(error);
  check_value(path, "PRAGMA user_version", "1");
  check_refuses(path, 2, "0x6d657441");
  database_run(path, "PRAGMA application_id = 0x6d657442");
  check_false(model_migrate(path, list, &error));
  check_error(error, HOST_ERROR, EDGECORE_IO, "0x6d657442");
}

/* The plugin mends it; without one that does, nobody can use it. */
TEST_CASE(Model, leaves_a_database_that_the_disk_cannot_read_alone) {
  g_autoptr(GPtrArray) list = mended_models();
  g_autofree char *path = test_path("edge.db");
  g_autoptr(GError) error = NULL;
  check_migrates(path, 1);
  bad_sector_set(path, 0, 512, BAD_FOR_EVER);
  check_true(model_migrate(path, list, &error));
  check_no_error(error);
  check_refuses(path, 2, "check the disk");
  bad_sector_heal();
  check_value(path, "PRAGMA user_version", "1");
}

TEST_CASE(Model, grows_a_database_although_a_read_fails_once) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 1);
  bad_sector_set(path, 0, 512, 1);
  check_migrates(path, 2);
  check_int_eq(bad_sector_tried(), 1);
  check_value(path, "PRAGMA user_version", "2");
}

TEST_CASE(Model, refuses_a_database_that_another_process_has_locked) {
  g_autofree char *path = test_path("edge.db");
  check_migrates(path, 1);
  const char *argv[] = {TESTS_BUILD_DIR "/tests/host/database-locker", path, NULL};
  g_autoptr(process) locker = process_start(argv, NULL);
  require_true(process_wait_for(locker, "locked\n"));
  g_autoptr(GBytes) before = file_bytes(path);
  check_refuses(path, 2, "is locked by another program");
  g_autoptr(GBytes) after = file_bytes(path);
  check_true(g_bytes_equal(before, after));
  check_int_eq(process_finish(locker), 0);
  check_migrates(path, 2);
}

TEST_CASE(Model, a_copy_is_deep_and_checked) {
  char table[] = "meta";
  char sql[] = "SELECT 1";
  struct edgecore_model_step step = {.size = sizeof step, .version = 1, .sql = sql};
  struct edgecore_model from = {.size = sizeof from, .table = table, .step_count = 1, .steps = &step};
  model *copy = model_copy(&from, NULL);
  require_not_null(copy);
  memset(table, 'x', 4);
  memset(sql, 'x', 6);
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)model_free);
  g_ptr_array_add(list, copy);
  g_autofree char *path = test_path("edge.db");
  g_autoptr(GError) error = NULL;
  check_true(model_migrate(path, list, &error));
  check_no_error(error);

  struct edgecore_error failure = {.size = sizeof failure};
  static const struct edgecore_model_step wrong_steps[][2] = {
      {{sizeof step, 2, "SELECT 1"}, {sizeof step, 1, "SELECT 1"}},
      {{sizeof step, 1, NULL}, {sizeof step, 2, "SELECT 1"}},
      {{sizeof step, 1, "SELECT 1"}, {sizeof step, 3, "SELECT 1"}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(wrong_steps); i++) {
    from = (struct edgecore_model){.size = sizeof from, .table = "t", .step_count = 2, .steps = wrong_steps[i]};
    check_null(model_copy(&from, &failure));
    check_int_eq(failure.code, EDGECORE_INVALID);
  }
  from = (struct edgecore_model){.size = sizeof from, .flags = 2, .table = "t"};
  check_null(model_copy(&from, &failure));
  from = (struct edgecore_model){.size = sizeof from - 8, .table = "t"};
  check_null(model_copy(&from, &failure));
  from = (struct edgecore_model){.size = sizeof from};
  check_null(model_copy(&from, &failure));
}
