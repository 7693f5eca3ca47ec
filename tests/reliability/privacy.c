/* The proof that what passes through stays private: files are for their owner alone, and no content gets into the log. */
#include "control.h"
#include "fake_core.h"
#include "figures.h"
#include "secret.h"
#include "test.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

static guint64 files_seen;
static guint64 files_open_to_others;

static void check_modes_in(const char *directory, const char *when) {
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);

  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    GStatBuf status;
    require_int_eq(g_lstat(path, &status), 0);
    files_seen++;
    if (S_ISDIR(status.st_mode))
      check_modes_in(path, when);
    if (check_int_eq(status.st_mode & 07777, S_ISDIR(status.st_mode) ? 0700 : 0600))
      continue;
    files_open_to_others++;
    check_fail("%s: %s has the mode %o", when, name, status.st_mode & 07777);
  }
}

/* All files and directories of the test's directory. */
static void check_modes(const char *when) {
  check_modes_in(test_directory(), when);
}

static void update(fake_core *core, module *metamanager, const char *resource) {
  fake_core_push(core, fake_message(.source = "edgecontroller", .operation = "update", .resource = resource,
                                    .raw = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\"}}"));
  fake_core_run(core, metamanager);
}

static gboolean file_is_there(const char *name) {
  g_autofree char *path = test_path(name);

  return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The dated copy beside the database; check_modes looks at its mode. */
static gboolean damaged_copy_is_there(void) {
  g_autoptr(GDir) directory = g_dir_open(test_directory(), 0, NULL);

  for (const char *name; (name = g_dir_read_name(directory)) != NULL;)
    if (g_str_has_prefix(name, "edge.db.damaged-"))
      return TRUE;
  return FALSE;
}

static void run_sql(const char *path, const char *sql) {
  sqlite3 *connection = NULL;

  require_int_eq(sqlite3_open(path, &connection), SQLITE_OK);
  check_int_eq(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(connection);
}

/* The beginning of the file. All must be in it, or the WAL would cover the damage. */
static void damage(const char *path) {
  g_autofree char *bytes = NULL;
  gsize size;

  run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  require_true(size > 3 * 4096);
  memset(bytes, 0x5a, 4096);
  FILE *file = fopen(path, "r+");
  require_not_null(file);
  check_int_eq(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static void live(void) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  for (guint i = 0; i < 100; i++) {
    g_autofree char *resource = g_strdup_printf("default/secret/s%u", i);
    update(core, metamanager, resource);
  }
  check_true(file_is_there("edge.db-wal"));
  check_true(file_is_there("edge.db-shm"));
  check_modes("at work");
  fake_core_run_for(core, metamanager, 5 * G_USEC_PER_SEC);
  check_modes("after a checkpoint");
  fake_core_end(core, metamanager);
  check_modes("after the end");
  damage(fake_core_database(core));
  g_chmod(fake_core_database(core), 0644);
  metamanager = fake_core_start(core, NULL);
  check_true(damaged_copy_is_there());
  check_modes("after a repair");
  fake_core_end(core, metamanager);
}

/* Who may connect may load a plugin. */
static void listen_for_swaps(void) {
  g_autofree char *directory = test_path("run");
  g_autoptr(GError) error = NULL;
  control *listener = control_new(directory, &error);

  require_no_error(error);
  check_true(file_is_there("run/control"));
  check_modes("while it listens");
  control_free(listener);
}

static void try_umask(mode_t mask) {
  /* The test's own directory is made before, with the modes that it needs. */
  (void)test_directory();
  mode_t before = umask(mask);

  live();
  listen_for_swaps();
  umask(before);
}

TEST_CASE(Privacy, files_are_for_their_owner_whatever_the_umask_0000) {
  try_umask(0);
}

TEST_CASE(Privacy, files_are_for_their_owner_whatever_the_umask_0022) {
  try_umask(022);
}

TEST_CASE(Privacy, files_are_for_their_owner_whatever_the_umask_0177) {
  try_umask(0177);
}

TEST_CASE(Privacy, a_database_that_others_could_read_is_closed_to_them) {
  g_autofree char *bytes = NULL;
  gsize size;

  require_true(g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL));
  g_autofree char *path = test_file("edge.db", bytes, (gssize)size);
  g_chmod(path, 0644);
  mode_t before = umask(0);
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);
  update(core, metamanager, "default/secret/s");
  check_modes("upstream's");
  fake_core_end(core, metamanager);
  umask(before);
  figure_add("files open to others", files_seen, files_open_to_others);
}

/* ------------------------------------------------------------------------------------------------------------- the log */

#define SECRET_JSON "{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\"},\"password\":\"" SECRET "\"}"

static const struct fake_text texts[] = {
    {.source = "edgecontroller", .operation = "insert", .resource = "default/secret/a", .raw = SECRET_JSON},
    {.source = "edgecontroller", .operation = "insert", .resource = "default/secret/a", .json = "{\"" SECRET},
    {.source = "edgecontroller", .operation = "update", .resource = "default/secret/a", .raw = SECRET},
    {.source = "edged", .operation = "update", .resource = "default/podstatus/a", .raw = SECRET},
    {.source = "edged", .operation = "update", .resource = "default/podstatus/b", .json = "[\"" SECRET "\""},
    {.source = "funcmgr", .operation = "update", .resource = "default/function/a", .raw = SECRET_JSON},
    {.source = "edgecontroller", .operation = "update", .resource = "default/servicelist", .raw = SECRET},
    {.source = "edgecontroller",
     .operation = "update",
     .resource = "default/servicelist",
     .raw = "[{\"metadata\":{\"namespace\":\"" SECRET "\"}}]"},
    {.source = "edgecontroller",
     .operation = "update",
     .resource = "default/endpointslist",
     .raw = "[" SECRET_JSON "]"},
    {.source = "edgecontroller", .operation = "update", .resource = "default/podlist", .raw = SECRET_JSON},
    {.source = "edgecontroller", .operation = "response", .resource = "default/secret/b", .raw = SECRET_JSON},
    {.source = "edgecontroller", .operation = "delete", .resource = "default/pod/a", .raw = SECRET},
    {.source = "edged", .operation = "query", .resource = "default/secret/a", .raw = SECRET},
    {.source = "edged", .operation = "query", .resource = "default/secret/elsewhere", .raw = SECRET, .sync = TRUE},
    {.source = "eventbus", .operation = "publish", .resource = "default/x", .raw = SECRET},
    {.source = "edgefunction", .operation = "action", .resource = "default/function/a", .raw = SECRET_JSON},
    {.source = "edgefunction", .operation = "action_result", .resource = "default/function/a", .json = SECRET},
    {.source = "edgecontroller", .operation = "createvolume", .resource = "default/volume/v", .raw = SECRET},
    {.source = "edgecontroller", .operation = "deletevolume", .resource = "default/volume/v", .raw = SECRET},
    {.source = "metaManager", .operation = "meta-internal-sync", .resource = "podstatus", .raw = SECRET},
    {.source = "edged", .operation = "no-such-operation", .resource = "default/x/y", .raw = SECRET},
    {.source = "edged", .operation = "update", .resource = "a/b/c/d/e", .raw = SECRET_JSON},
};

/* Other modules answer with a secret too, as an answer and as an error. */
static void answer(fake_core *core, const char *name) {
  g_autoptr(GPtrArray) sent = fake_core_take(core, name);

  for (guint i = 0; i < sent->len; i++) {
    const struct fake_sent *one = fake_sent_at(sent, i);
    if (one->context != NULL)
      fake_core_complete(core, one->message, i % 2 == 0 ? EDGECORE_OK : EDGECORE_TIMEOUT,
                         i % 2 == 0 ? fake_reply(one->message, name, SECRET) : NULL);
  }
}

static void send_all(fake_core *core, module *metamanager) {
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    fake_core_push(core, fake_message_new(&texts[i]));
    fake_core_run(core, metamanager);
    answer(core, "edged");
    answer(core, "websocket");
  }
  fake_core_run_for(core, metamanager, 70 * G_USEC_PER_SEC);
}

static void set_link(fake_core *core, module *metamanager, const char *state) {
  fake_core_push(core,
                 fake_message(.source = "eventbus", .operation = "publish", .resource = "default/x", .json = state));
  fake_core_run(core, metamanager);
}

/* Reads all rows there are. */
static void ask_for_all(fake_core *core, module *metamanager) {
  static const char *const types[] = {"secret", "podstatus", "function", "service", "endpoints", "pod"};

  for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
    g_autofree char *resource = g_strconcat("default/", types[i], NULL);
    fake_core_push(core, fake_message(.source = "edged", .operation = "query", .resource = resource));
  }
  fake_core_run(core, metamanager);
}

static void check_log(fake_core *core) {
  g_auto(GStrv) lines = g_strsplit(fake_core_log(core), "\n", -1);
  guint64 count = 0;
  guint64 violations = 0;

  for (char **line = lines; *line != NULL; line++) {
    count += **line != '\0';
    if (!g_str_has_prefix(*line, "debug ") && strstr(*line, SECRET) != NULL) {
      violations++;
      check_fail("content in the log: %s", *line);
    }
  }
  check_int_ge(count, 10);
  figure_add("log lines with content", count, violations);
}

TEST_CASE(Privacy, no_content_gets_into_the_log) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  send_all(core, metamanager);
  set_link(core, metamanager, "\"cloud_disconnected\"");
  send_all(core, metamanager);
  set_link(core, metamanager, "\"cloud_connected\"");
  send_all(core, metamanager);
  fake_core_set_capacity(core, "websocket", 0);
  send_all(core, metamanager);
  fake_core_end(core, metamanager);
  run_sql(fake_core_database(core), "UPDATE meta SET value = value || 'x'");
  metamanager = fake_core_start(core, NULL);
  ask_for_all(core, metamanager);
  check_contains(fake_core_log(core), "the row default/secret/a is damaged");
  set_link(core, metamanager, "\"cloud_connected\"");
  fake_core_set_capacity(core, "websocket", FAKE_CAPACITY);
  send_all(core, metamanager);
  fake_core_end(core, metamanager);
  damage(fake_core_database(core));
  metamanager = fake_core_start(core, NULL);
  check_contains(fake_core_log(core), "has been mended");
  ask_for_all(core, metamanager);
  send_all(core, metamanager);
  fake_core_end(core, metamanager);
  check_log(core);
}
