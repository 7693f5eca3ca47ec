#include "wanted.h"

#include "fixture.h"

static void check_read(store *rows, const char *after, guint limit, const char *want) {
  g_autoptr(GPtrArray) keys = NULL;

  require_ok(wanted_read(rows, after, limit, &keys, &failure));
  g_ptr_array_add(keys, NULL);
  g_autofree char *text = g_strjoinv(" ", (char **)keys->pdata);
  check_str_eq(text, want);
}

TEST_CASE(Wanted, keys_are_kept_until_they_are_dropped) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  check_read(rows, "", 10, "");
  check_ok(wanted_put(rows, "a/secret/2", &failure));
  check_ok(wanted_put(rows, "a/secret/1", &failure));
  check_ok(wanted_put(rows, "a/secret/2", &failure));
  fixture_commit(rows);
  check_read(rows, "", 10, "a/secret/1 a/secret/2");
  check_ok(wanted_drop(rows, "a/secret/1", &failure));
  check_ok(wanted_drop(rows, "a/secret/1", &failure));
  fixture_commit(rows);
  check_rows(path, "SELECT key FROM metamanager_wanted", "a/secret/2");
}

TEST_CASE(Wanted, they_are_read_a_few_at_a_time) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  fixture_run(path, "INSERT INTO metamanager_wanted VALUES('a'), ('b'), ('c')");
  check_read(rows, "", 2, "a b");
  check_read(rows, "b", 2, "c");
  check_read(rows, "c", 2, "");
}
