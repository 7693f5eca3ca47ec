/* A database that cannot be used: a clear error, exit status 1, and the file as it was. And one that can. */
#include "cli.h"
#include "test.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* `run` on the test's edge.db says its name and all the parts, in one line. */
static void check_error_line(const char *const *parts) {
  g_autofree char *path = test_path("edge.db");
  g_auto(outcome) end = cli_feed(NULL, GOOD_LINE("m1"), -1);
  check_int_eq(end.status, 1);
  check_str_eq(end.output, "");
  check_int_eq(count_of(end.error, "\n"), 1);
  for (guint i = 0; parts[i] != NULL; i++)
    check_contains(end.error, parts[i]);
  check_contains(end.error, path);
}

/* The same, and the file is as it was. */
static void check_refused(const char *const *parts) {
  g_autofree char *path = test_path("edge.db");
  g_autofree char *before = NULL, *after = NULL;
  gsize before_size = 0, after_size = 0;
  require_true(g_file_get_contents(path, &before, &before_size, NULL));
  check_error_line(parts);
  require_true(g_file_get_contents(path, &after, &after_size, NULL));
  check_mem_eq(before, before_size, after, after_size);
}

static void check_no_companions(void) {
  static const char *const names[] = {"edge.db-wal", "edge.db-shm", "edge.db-journal"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = test_path(names[i]);
    check_false(g_file_test(path, G_FILE_TEST_EXISTS));
  }
}

/* Makes the test's edge.db. */
static void database_make(const char *sql) {
  g_autofree char *path = test_path("edge.db");
  sqlite3 *database = NULL;
  check_int_eq(sqlite3_open(path, &database), SQLITE_OK);
  check_int_eq(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(database);
}

TEST_CASE(Databases, a_directory) {
  g_autofree char *path = test_path("edge.db");
  require_int_eq(g_mkdir(path, 0700), 0);
  check_error_line((const char *const[]){"is a directory", NULL});
  check_true(g_file_test(path, G_FILE_TEST_IS_DIR));
}

/* The host has it open already, as its input: that is no file that the plugin left. */
TEST_CASE(Databases, a_device) {
  g_autofree char *command =
      g_strdup_printf("exec '%s' run --plugin '%s' --run-directory '%s/run' --database /dev/null </dev/null", EDGEHOST,
                      PLUGIN, test_directory());
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_autoptr(process) host = process_start(argv, NULL);
  check_int_eq(process_finish(host), 1);
  check_contains(process_error(host)->str, "\"/dev/null\": is not a regular file");
  check_int_eq(count_of(process_error(host)->str, "\n"), 1);
}

TEST_CASE(Databases, a_read_only_file) {
  database_make("CREATE TABLE meta (key varchar(256) NOT NULL PRIMARY KEY, type varchar(32), value text)");
  g_autofree char *path = test_path("edge.db");
  require_int_eq(chmod(path, 0400), 0);
  check_refused((const char *const[]){"is read-only", NULL});
  check_no_companions();
}

TEST_CASE(Databases, no_database) {
  test_write("edge.db", "A text of some length that has nothing to do with any database at all.\n", -1);
  check_refused((const char *const[]){"is not an SQLite database", NULL});
  check_no_companions();
}

TEST_CASE(Databases, another_applications) {
  database_make("PRAGMA application_id = 252006674; CREATE TABLE theirs (a)");
  check_refused((const char *const[]){"another application", NULL});
  check_no_companions();
}

/* Without an application_id of its own. KubeEdge sets neither number. */
TEST_CASE(Databases, another_applications_that_has_a_version_only) {
  g_autofree char *path = test_path("edge.db");
  struct stat status;
  database_make("PRAGMA user_version = 7; CREATE TABLE theirs (a)");
  require_int_eq(chmod(path, 0644), 0);
  check_refused((const char *const[]){"another application", "user_version 7", "database.source", NULL});
  require_int_eq(stat(path, &status), 0);
  check_int_eq(status.st_mode & 0777, 0644);
  check_no_companions();
}

TEST_CASE(Databases, a_table_that_is_something_else) {
  static const char *const tables[] = {
      "CREATE TABLE meta (a, b); INSERT INTO meta VALUES (1, 2)",
      "DROP TABLE meta; CREATE TABLE meta (a, type); INSERT INTO meta VALUES (1, 2)",
      "DROP TABLE meta; CREATE TABLE meta (key, type, size); INSERT INTO meta VALUES (1, 2, 3)",
  };
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
    test_note("%s", tables[i]);
    database_make(tables[i]);
    check_refused((const char *const[]){"meta", "another application", "database.source", NULL});
    check_no_companions();
  }
}

TEST_CASE(Databases, locked_by_another_process) {
  database_make("CREATE TABLE meta (key varchar(256) NOT NULL PRIMARY KEY, type varchar(32), value text)");
  g_autofree char *path = test_path("edge.db");
  const char *argv[] = {TESTS_BUILD_DIR "/tests/host/database-locker", path, NULL};
  g_autoptr(process) locker = process_start(argv, NULL);
  require_true(process_wait_for(locker, "locked\n"));
  check_refused((const char *const[]){"is locked", NULL});
  check_int_eq(process_finish(locker), 0);
  g_auto(outcome) end = cli_feed(NULL, GOOD_LINE("m1"), -1);
  check_int_eq(end.status, 0);
}

/* A host with a run directory of its own on the test's edge.db, or another name of it. */
static outcome second_host(const char *name, const char *input) {
  g_autofree char *path = test_path(name);
  g_autofree char *run_directory = test_path("second");
  return cli_call(
      (const char *const[]){"run", "--plugin", PLUGIN, "--database", path, "--run-directory", run_directory, NULL},
      input, -1);
}

static process *first_host(void) {
  process *host = cli_run((const char *const[]){"--forever", NULL});
  check_true(process_write(host, GOOD_LINE("m1"), -1));
  check_true(process_wait_for(host, "\"parent_id\":\"m1\""));
  return host;
}

static void check_refused_as_second(const char *name) {
  g_autofree char *path = test_path(name);
  g_auto(outcome) end = second_host(name, GOOD_LINE("m2"));
  test_note("%s", name);
  check_int_eq(end.status, 1);
  check_str_eq(end.output, "");
  check_int_eq(count_of(end.error, "\n"), 1);
  check_contains(end.error, path);
  check_contains(end.error, "another edgehost uses it");
}

TEST_CASE(Databases, two_hosts_do_not_share_one) {
  g_autofree char *link = test_path("link.db");
  require_int_eq(symlink("edge.db", link), 0);
  g_autoptr(process) host = first_host();
  check_refused_as_second("edge.db");
  check_refused_as_second("link.db");
  /* The lock goes along in a swap. */
  process_write(host, "{\"swap\":\"" PLUGIN "\"}\n", -1);
  require_true(process_wait_for(host, "{\"swap\":{"));
  check_refused_as_second("edge.db");
  require_true(process_write(host, GOOD_LINE("m3"), -1));
  require_true(process_wait_for(host, "\"parent_id\":\"m3\""));
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
  g_auto(outcome) next = second_host("edge.db", GOOD_LINE("m4"));
  check_int_eq(next.status, 0);
}

TEST_CASE(Databases, two_hosts_do_not_share_one_that_was_mended) {
  g_auto(outcome) before = cli_feed(NULL, GOOD_LINE("m0"), -1);
  require_int_eq(before.status, 0);
  g_autofree char *path = test_path("edge.db");
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(path, &bytes, &size, NULL));
  memset(bytes + 100, 'x', size - 100);
  test_write("edge.db", bytes, (gssize)size);

  g_autoptr(process) host = first_host();
  check_refused_as_second("edge.db");
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
  check_contains(process_error(host)->str, "edge.db.damaged-");
}

TEST_CASE(Databases, a_killed_host_leaves_no_lock) {
  g_autoptr(process) host = first_host();
  process_signal(host, SIGKILL);
  check_int_eq(process_finish(host), -SIGKILL);
  g_auto(outcome) next = second_host("edge.db", GOOD_LINE("m2"));
  check_int_eq(next.status, 0);
  check_str_eq(next.error, "");
}

TEST_CASE(Databases, a_lock_that_cannot_be_made_is_told) {
  g_autofree char *lock = test_path("edge.db-lock");
  require_int_eq(symlink("elsewhere", lock), 0);
  check_error_line((const char *const[]){"cannot be locked", "edge.db-lock", NULL});
  g_autofree char *path = test_path("edge.db");
  check_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST_CASE(Databases, a_directory_that_is_not_there) {
  g_autofree char *path = test_path("no/such/edge.db");
  g_autofree char *run_directory = test_path("run");
  g_auto(outcome) end = cli_call(
      (const char *const[]){"run", "--plugin", PLUGIN, "--database", path, "--run-directory", run_directory, NULL}, "",
      0);
  check_int_eq(end.status, 1);
  check_contains(end.error, path);
  check_int_eq(count_of(end.error, "\n"), 1);
}

TEST_CASE(Databases, the_files_are_their_owners_only) {
  g_autofree char *input = g_strdup("{\"send\":{\"source\":\"edgecontroller\",\"operation\":\"insert\","
                                    "\"resource\":\"default/secret/key\",\"content\":\"" SECRET "\"}}\n");
  g_autoptr(process) host = cli_run((const char *const[]){"--forever", NULL});
  require_true(process_write(host, input, -1));
  require_true(process_wait_for(host, "\"OK\""));
  static const char *const names[] = {"edge.db", "edge.db-wal", "edge.db-shm", "edge.db-lock"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = test_path(names[i]);
    struct stat status;
    test_note("%s", names[i]);
    require_int_eq(stat(path, &status), 0);
    check_int_eq(status.st_mode & 0777, 0600);
  }
  process_signal(host, SIGTERM);
  check_int_eq(process_finish(host), 0);
}
