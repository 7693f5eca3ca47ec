/* The statements of the store that do a whole list at once: saving one, and the pod statuses of each namespace. And its checks of JSON. */
#include "file_vfs.h"
#include "fixture.h"
#include "json_depth.h"

#include <string.h>

#define ALL "SELECT key, type, value FROM meta ORDER BY rowid"

static int32_t save_list(store *rows, const char *json) {
  return store_save_list(rows, "service", json, strlen(json), &failure);
}

static void save(store *rows, const char *key, const char *type, const char *value) {
  const struct store_row row = fixture_row(key, type, value);

  if (store_save(rows, &row, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

/* -------------------------------------------------------------------------------------------------------------- lists */

TEST_CASE(StoreList, each_element_is_stored_as_it_is_under_its_namespace_and_name) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save_list(rows, " [{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"},\"unknown\":[1,1.50,\"\\u00e9\"]},\n"
                             "{\"metadata\":{\"namespace\":\"y\",\"name\":\"b\"}}, {\"metadata\":{\"name\":\"c\"}}]"));
  fixture_commit(rows);
  check_rows(
      path, ALL,
      "x/service/a|service|{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"},\"unknown\":[1,1.50,\"\\u00e9\"]}\n"
      "y/service/b|service|{\"metadata\":{\"namespace\":\"y\",\"name\":\"b\"}}\n"
      "/service/c|service|{\"metadata\":{\"name\":\"c\"}}");
  struct store_json answer;
  require_ok(store_answer_type(rows, "service", &answer, &failure));
  check_int_eq(answer.rows, 3);
  check_int_eq(store_damaged(rows), 0);
}

TEST_CASE(StoreList, elements_that_are_there_are_changed_in_place) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save_list(rows, "[{\"metadata\":{\"name\":\"a\"},\"v\":1},{\"metadata\":{\"name\":\"b\"},\"v\":1}]"));
  require_ok(save_list(rows, "[{\"metadata\":{\"name\":\"c\"},\"v\":2},{\"metadata\":{\"name\":\"a\"},\"v\":2}]"));
  fixture_commit(rows);
  check_rows(path, "SELECT key, json_extract(value, '$.v') FROM meta ORDER BY rowid",
             "/service/a|2\n/service/b|1\n/service/c|2");
}

TEST_CASE(StoreList, of_two_elements_of_one_name_the_last_counts) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save_list(rows, "[{\"metadata\":{\"name\":\"a\"},\"v\":1},{\"metadata\":{\"name\":\"a\"},\"v\":2}]"));
  fixture_commit(rows);
  check_rows(path, "SELECT json_extract(value, '$.v') FROM meta", "2");
}

TEST_CASE(StoreList, the_same_list_again_writes_no_page) {
  static const char list[] = "[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":\"b\"}}]";
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save_list(rows, list));
  fixture_commit(rows);
  file_vfs_install();
  require_ok(save_list(rows, list));
  fixture_commit(rows);
  check_int_eq(file_vfs_count(FILE_WRITE, "-wal"), 0);
}

TEST_CASE(StoreList, an_empty_list_or_null_is_stored_as_nothing) {
  static const char *const lists[] = {"[]", "null", " \t\r\n[ ]\n", "\nnull "};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    test_note("%s", lists[i]);
    check_ok(save_list(rows, lists[i]));
  }
  fixture_commit(rows);
  check_rows(path, "SELECT count(*) FROM meta", "0");
}

#define GOOD "{\"metadata\":{\"name\":\"good\"}}"

TEST_CASE(StoreList, one_wrong_element_and_none_is_stored) {
  static const char *const elements[] = {
      "{}",
      "{\"metadata\":{}}",
      "{\"metadata\":null}",
      "{\"metadata\":\"name\"}",
      "{\"metadata\":{\"name\":\"\"}}",
      "{\"metadata\":{\"name\":null}}",
      "{\"metadata\":{\"name\":7}}",
      "{\"metadata\":{\"name\":{\"a\":1}}}",
      "{\"metadata\":{\"name\":[\"a\"]}}",
      "{\"metadata\":{\"name\":\"a\",\"namespace\":7}}",
      "{\"metadata\":{\"name\":\"a\",\"namespace\":[\"n\"]}}",
      "null",
      "7",
      "\"text\"",
      "[" GOOD "]",
  };
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  save(rows, "a/service/before", "service", "{}");
  for (guint i = 0; i < G_N_ELEMENTS(elements); i++) {
    g_autofree char *last = g_strdup_printf("[" GOOD ",%s]", elements[i]);
    g_autofree char *first = g_strdup_printf("[%s," GOOD "]", elements[i]);
    test_note("%s", elements[i]);
    check_fails(save_list(rows, last), EDGECORE_INVALID, "an element of the list has no metadata.name");
    check_fails(save_list(rows, first), EDGECORE_INVALID, "an element of the list has no metadata.name");
  }
  /* The transaction goes on with what was written before and after. */
  save(rows, "a/service/after", "service", "{}");
  fixture_commit(rows);
  check_rows(path, "SELECT key FROM meta ORDER BY rowid", "a/service/before\na/service/after");
}

TEST_CASE(StoreList, a_name_may_look_like_json) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  require_ok(save_list(rows, "[{\"metadata\":{\"namespace\":\"null,\",\"name\":\"],[\"}},"
                             "{\"metadata\":{\"namespace\":\"\",\"name\":\"null\"}},"
                             "{\"metadata\":{\"namespace\":null,\"name\":\"%s\"}}]"));
  fixture_commit(rows);
  check_rows(path, "SELECT key FROM meta ORDER BY rowid", "null,/service/],[\n/service/null\n/service/%s");
}

TEST_CASE(StoreList, an_element_may_have_a_key_of_1024_bytes_and_no_more) {
  g_autofree char *name = g_strnfill(1024 - strlen("x/service/"), 'n');
  g_autofree char *longest = g_strdup_printf("[{\"metadata\":{\"namespace\":\"x\",\"name\":\"%s\"}}]", name);
  g_autofree char *too_long =
      g_strdup_printf("[" GOOD ",{\"metadata\":{\"namespace\":\"\xc3\xa4\",\"name\":\"%s\"}}]", name);
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  check_ok(save_list(rows, longest));
  check_fails(save_list(rows, too_long), EDGECORE_INVALID, "no metadata.name and metadata.namespace that make a key");
  fixture_commit(rows);
  check_rows(path, "SELECT length(key) FROM meta", "1024");
}

TEST_CASE(StoreList, what_is_no_json_array_is_refused) {
  static const char *const lists[] = {"",   "  ",          "{}",       "{\"items\":[]}", "7",     "\"[]\"",
                                      "[",  "[1,]",        "nullx",    "null null",      "[] []", "[" GOOD,
                                      "OK", "[" GOOD ",]", "[\"\n\"]", "[" GOOD "]x"};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    test_note("%s", lists[i]);
    check_fails(save_list(rows, lists[i]), EDGECORE_INVALID, NULL);
  }
  check_fails(store_save_list(rows, "service", "[]\0", 3, &failure), EDGECORE_INVALID, "has a NUL in it");
  check_fails(store_save_list(rows, "service", "[\"\xff\"]", 5, &failure), EDGECORE_INVALID, "not UTF-8");
  fixture_commit(rows);
  check_rows(path, "SELECT count(*) FROM meta", "0");
}

TEST_CASE(StoreList, a_list_that_is_nested_too_deep_is_refused) {
  g_autofree char *bomb = json_nested(100000);
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  check_fails(save_list(rows, bomb), EDGECORE_INVALID, "JSON");
}

/* ------------------------------------------------------------------------------------------------------- pod statuses */

static int32_t add_namespace(const char *name, const struct store_json *values, guint skipped, void *data,
                             struct edgecore_error *error) {
  (void)error;
  check_int_eq(strlen(values->text), values->size);
  g_string_append_printf(data, "%s %u %u %s\n", name, values->rows, skipped, values->text);
  return EDGECORE_OK;
}

static void check_statuses(store *rows, const char *want) {
  GString *all = g_string_new(NULL);

  check_ok(store_each_podstatus(rows, add_namespace, all, &failure));
  check_str_eq(all->str, want);
  g_string_free(all, TRUE);
}

TEST_CASE(StoreList, pod_statuses_come_by_namespace_oldest_first) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  save(rows, "b/podstatus/2", "podstatus", "{\"n\": 1}");
  save(rows, "a/podstatus/9", "podstatus", "2");
  save(rows, "b/podstatus/1", "podstatus", "\"3\"");
  save(rows, "a/pod/9", "pod", "4");
  save(rows, "a/podstatus/1", "podstatus", "null");
  check_statuses(rows, "a 2 0 [2,null]\nb 2 0 [{\"n\": 1},\"3\"]\n");
}

/* More rows than any sorter looks at in one go; one namespace, and many that alternate. */
TEST_CASE(StoreList, a_thousand_statuses_keep_their_order) {
  static const guint namespace_counts[] = {1, 3, 100};

  for (guint n = 0; n < G_N_ELEMENTS(namespace_counts); n++) {
    const guint namespaces = namespace_counts[n];
    g_autofree char *path = fixture_database();
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    test_note("%u namespaces", namespaces);
    for (guint i = 0; i < namespaces; i++)
      g_ptr_array_add(wanted, g_string_new("["));
    for (guint i = 0; i < 2000; i++) {
      GString *want = wanted->pdata[i * 7 % namespaces];
      g_autofree char *key = g_strdup_printf("ns-%03u/podstatus/%u", i * 7 % namespaces, i * 7919 % 2000);
      g_autofree char *value = g_strdup_printf("%u", i);
      save(rows, key, "podstatus", value);
      g_string_append_printf(want, "%s%u", want->len > 1 ? "," : "", i);
    }
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < namespaces; i++) {
      GString *want = wanted->pdata[i];
      g_string_append_printf(all, "ns-%03u %u 0 %s]\n", i, 2000 / namespaces + (i < 2000 % namespaces), want->str);
      g_string_free(want, TRUE);
    }
    GString *got = g_string_new(NULL);
    check_ok(store_each_podstatus(rows, add_namespace, got, &failure));
    check_str_eq(got->str, all->str);
    g_string_free(got, TRUE);
    g_string_free(all, TRUE);
  }
}

TEST_CASE(StoreList, statuses_that_are_no_json_are_skipped_and_counted) {
  const struct store_row nul = {"a/podstatus/nul", "podstatus", "{}\0{}", 5};
  g_autofree char *path = fixture_database();
  g_autofree char *bomb = json_nested(JSON_DEPTH_MAX + 1);
  g_autoptr(store) rows = fixture_store(path);

  save(rows, "a/podstatus/1", "podstatus", "{}");
  save(rows, "a/podstatus/2", "podstatus", "{\"half\":");
  save(rows, "a/podstatus/3", "podstatus", "");
  save(rows, "a/podstatus/4", "podstatus", "[1]");
  save(rows, "a/podstatus/5", "podstatus", "{}, {}");
  require_ok(store_save(rows, &nul, &failure));
  save(rows, "b/podstatus/1", "podstatus", "nothing");
  save(rows, "c/podstatus/1", "podstatus", bomb);
  check_statuses(rows, "a 2 4 [{},[1]]\nb 0 1 []\nc 0 1 []\n");
}

static int32_t fail_second(const char *name, const struct store_json *values, guint skipped, void *data,
                           struct edgecore_error *error) {
  guint *calls = data;

  (void)name;
  (void)values;
  (void)skipped;
  return ++*calls == 2 ? error_set(error, EDGECORE_NO_MEMORY, "enough") : EDGECORE_OK;
}

TEST_CASE(StoreList, whoever_takes_the_statuses_can_stop) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  guint calls = 0;

  save(rows, "a/podstatus/1", "podstatus", "1");
  save(rows, "b/podstatus/1", "podstatus", "2");
  save(rows, "c/podstatus/1", "podstatus", "3");
  check_fails(store_each_podstatus(rows, fail_second, &calls, &failure), EDGECORE_NO_MEMORY, "enough");
  check_int_eq(calls, 2);
  check_statuses(rows, "a 1 0 [1]\nb 1 0 [2]\nc 1 0 [3]\n");
}

TEST_CASE(StoreList, a_status_whose_pod_is_gone_is_deleted) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  gint64 deleted;

  save(rows, "a/pod/1", "pod", "{}");
  save(rows, "a/podstatus/1", "podstatus", "{}");
  save(rows, "a/podstatus/2", "podstatus", "{}");
  save(rows, "b/podstatus/1", "podstatus", "{}");
  save(rows, "b/podstatus/x", "other", "{}");
  require_ok(store_delete_orphaned_podstatus(rows, &deleted, &failure));
  check_int_eq(deleted, 2);
  fixture_commit(rows);
  check_rows(path, "SELECT key FROM meta ORDER BY rowid", "a/pod/1\na/podstatus/1\nb/podstatus/x");
}

/* --------------------------------------------------------------------------------------------------------------- JSON */

static int32_t check_json(store *rows, const char *json) {
  return store_check_json(rows, json, strlen(json), &failure);
}

TEST_CASE(StoreList, json_is_what_the_standard_says) {
  static const char *const good[] = {"{}",
                                     "[]",
                                     "null",
                                     "true",
                                     "0",
                                     "-1.5e+10",
                                     "\"\"",
                                     " 1 ",
                                     "2147483648",
                                     "123456789012345678901234567890",
                                     "1e999",
                                     "{\"a\":1,\"a\":2}",
                                     "\"\\ud83d\\ude00\"",
                                     "\"\xc3\xa9\""};
  static const char *const bad[] = {"",   " ",      "{",   "{}}",      "nul",       "'a'",  "{a:1}",         "[1,]",
                                    "\"", "\"\n\"", "NaN", "\"\xff\"", "{\"a\" 1}", "// 1", "\xef\xbb\xbf{}"};
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    test_note("%s", good[i]);
    check_ok(check_json(rows, good[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    test_note("%s", bad[i]);
    check_fails(check_json(rows, bad[i]), EDGECORE_INVALID, "not valid JSON");
  }
  check_fails(store_check_json(rows, "1\0", 2, &failure), EDGECORE_INVALID, "not valid JSON");
}

TEST_CASE(StoreList, json_is_taken_up_to_a_depth) {
  g_autofree char *deepest = json_nested(JSON_DEPTH_MAX);
  g_autofree char *too_deep = json_nested(JSON_DEPTH_MAX + 1);
  g_autofree char *bomb = json_nested(500000);
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  check_ok(check_json(rows, deepest));
  check_fails(check_json(rows, too_deep), EDGECORE_INVALID, "not valid JSON");
  check_fails(check_json(rows, bomb), EDGECORE_INVALID, "not valid JSON");
}

TEST_CASE(StoreList, a_failure_is_a_status_that_says_so) {
  static const struct {
    const char *json;
    gboolean is;
  } rows_[] = {
      {"{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":404}", TRUE},
      {" { \"status\" : \"Failure\" , \"kind\" : \"Status\" } ", TRUE},
      {"{\"kind\":\"Status\",\"status\":\"Success\"}", FALSE},
      {"{\"kind\":\"Pod\",\"status\":\"Failure\"}", FALSE},
      {"{\"kind\":\"Status\",\"status\":{\"Failure\":1}}", FALSE},
      {"{\"kind\":\"Status\"}", FALSE},
      {"{\"status\":\"Failure\"}", FALSE},
      {"[{\"kind\":\"Status\",\"status\":\"Failure\"}]", FALSE},
      {"\"Failure\"", FALSE},
      {"null", FALSE},
      {"kind Status status Failure", FALSE},
      {"", FALSE},
  };
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);

  for (guint i = 0; i < G_N_ELEMENTS(rows_); i++) {
    gboolean is;
    test_note("%s", rows_[i].json);
    check_ok(store_is_failure_status(rows, rows_[i].json, strlen(rows_[i].json), &is, &failure));
    check_int_eq(is, rows_[i].is);
  }
}
