#include "wanted.h"

#include "fixture.h"

#include <string.h>

static void check_wanted(store *rows, const char *after, guint limit, const char *want) {
  g_autoptr(GPtrArray) keys = NULL;

  if (!check_ok(wanted_read(rows, after, limit, &keys, &failure)))
    return;
  g_ptr_array_set_free_func(keys, g_free);
  g_ptr_array_add(keys, NULL);
  g_autofree char *got = g_strjoinv(" ", (char **)keys->pdata);
  check_str_eq(got, want);
}

TEST_CASE(Wanted, keys_are_there_once_and_come_by_name) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  check_wanted(rows, "", 10, "");
  require_ok(wanted_put(rows, "b/secret/1", &failure));
  require_ok(wanted_put(rows, "a/secret/2", &failure));
  require_ok(wanted_put(rows, "b/secret/1", &failure));
  fixture_commit(rows);
  check_wanted(rows, "", 10, "a/secret/2 b/secret/1");
  check_rows(path, "SELECT count(*) FROM metamanager_wanted", "2");
}

TEST_CASE(Wanted, they_are_read_some_at_a_time) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  static const char *const keys[] = {"a", "b", "c", "d", "e"};

  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    require_ok(wanted_put(rows, keys[i], &failure));
  check_wanted(rows, "", 2, "a b");
  check_wanted(rows, "b", 2, "c d");
  check_wanted(rows, "d", 2, "e");
  check_wanted(rows, "e", 2, "");
}

TEST_CASE(Wanted, a_key_is_dropped_with_the_transaction_that_brought_its_row) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(wanted_put(rows, "a", &failure));
  require_ok(wanted_put(rows, "b", &failure));
  fixture_commit(rows);
  require_ok(wanted_drop(rows, "a", &failure));
  database_rollback(store_database(rows));
  check_wanted(rows, "", 10, "a b");
  require_ok(wanted_drop(rows, "a", &failure));
  require_ok(wanted_drop(rows, "never there", &failure));
  fixture_commit(rows);
  check_wanted(rows, "", 10, "b");
}

TEST_CASE(Wanted, they_outlive_a_restart) {
  g_autofree char *path = fixture_database();
  store *rows = fixture_store(path);

  require_ok(wanted_put(rows, "a/secret/s", &failure));
  fixture_commit(rows);
  store_close(rows);
  g_autoptr(store) again = fixture_store(path);
  check_wanted(again, "", 10, "a/secret/s");
}
