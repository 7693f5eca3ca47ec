/* Messages that nobody sends in good faith: each has a decided answer, and the module goes on. */
#include "hostile.h"
#include "json_depth.h"
#include "test.h"

#include <string.h>

#define MEGABYTE (1 << 20)

static struct edgecore_message *raw(const char *operation, const char *resource, const char *content) {
  return fake_message(.source = "edgecontroller", .operation = operation, .resource = resource, .raw = content,
                      .sync = TRUE);
}

static struct edgecore_message *json(const char *operation, const char *resource, const char *content) {
  return fake_message(.source = "edgecontroller", .operation = operation, .resource = resource, .json = content,
                      .sync = TRUE);
}

static struct edgecore_message *query(const char *resource) {
  return fake_message(.source = "edged", .operation = "query", .resource = resource, .sync = TRUE);
}

/* --------------------------------------------------------------------------------------------------------- depth bombs */

TEST_CASE(DepthBomb, raw_bytes_are_stored_and_come_back_however_deep) {
  static const char *const operations[] = {"insert", "update", "action", "action_result"};
  struct hostile self;
  g_autofree char *bomb = hostile_repeat("[", MEGABYTE);
  g_autofree char *want = g_strdup_printf("[\"%s\"]", bomb);

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
    g_autofree char *stored = hostile_ask(&self, raw(operations[i], "default/pod/a", bomb));
    check_str_eq(stored, "\"OK\"");
    g_autofree char *found = hostile_ask(&self, query("default/pod/a"));
    check_str_eq(found, want);
  }
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(DepthBomb, a_json_value_is_taken_up_to_a_depth_and_refused_beyond) {
  struct hostile self;
  g_autofree char *deepest = json_nested(JSON_DEPTH_MAX);
  g_autofree char *deeper = json_nested(JSON_DEPTH_MAX + 1);
  g_autofree char *bomb = hostile_repeat("{\"a\":", MEGABYTE / 5);

  hostile_begin(&self, NULL);
  g_autofree char *taken = hostile_ask(&self, json("insert", "default/pod/a", deepest));
  check_str_eq(taken, "\"OK\"");
  g_autofree char *refused = hostile_ask(&self, json("insert", "default/pod/b", deeper));
  check_contains(refused, "\"Error to marshal message content: ");
  g_autofree char *exploded = hostile_ask(&self, json("update", "default/pod/b", bomb));
  check_contains(exploded, "\"Error to marshal message content: ");
  g_autofree char *absent = hostile_ask(&self, query("default/pod/b"));
  check_str_eq(absent, "[]");
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(DepthBomb, a_list_is_refused_whole) {
  static const char *const parts[] = {"[", "{\"metadata\":", "[{\"metadata\":{\"name\":\"a\",\"x\":"};
  struct hostile self;

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *bomb = hostile_repeat(parts[i], MEGABYTE / strlen(parts[i]));
    g_autofree char *refused = hostile_ask(&self, raw("update", "default/servicelist", bomb));
    check_contains(refused, "\"Error to unmarshal: ");
  }
  g_autofree char *none = hostile_ask(&self, query("default/service"));
  check_str_eq(none, "[]");
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(DepthBomb, a_pod_status_is_stored_and_left_out_of_the_sync) {
  struct hostile self;
  g_autofree char *bomb = json_nested(JSON_DEPTH_MAX + 1);

  hostile_begin(&self, NULL);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *pod = g_strdup_printf("default/pod/%u", i);
    g_autofree char *status = g_strdup_printf("default/podstatus/%u", i);
    g_autofree char *inserted = hostile_ask(&self, raw("insert", pod, "{}"));
    g_autofree char *updated = hostile_ask(&self, raw("update", status, i == 0 ? bomb : "{\"good\":1}"));
    check_str_eq(updated, inserted);
  }
  g_ptr_array_unref(fake_core_take(self.core, "websocket"));
  fake_core_push(self.core,
                 fake_message(.source = "metaManager", .operation = "meta-internal-sync", .resource = "podstatus"));
  fake_core_run(self.core, self.metamanager);
  g_autoptr(GPtrArray) sent = fake_core_take(self.core, "websocket");
  if (check_int_eq(sent->len, 1)) {
    g_autofree char *values = fake_content(fake_sent_at(sent, 0)->message);
    check_str_eq(values, "[{\"good\":1}]");
  }
  g_ptr_array_set_size(sent, 0);
  check_contains(fake_core_log(self.core), "1 values of default/podstatus are not JSON");
  hostile_end(&self);
}

/* ------------------------------------------------------------------------------------------------------- long resources */

TEST_CASE(LongResource, of_a_megabyte_is_refused_and_logged_in_few_words) {
  static const char *const operations[] = {"insert", "update", "action", "action_result"};
  struct hostile self;
  g_autofree char *name = hostile_repeat("\xe2\x82\xac", MEGABYTE / 3);
  g_autofree char *resource = g_strconcat("default/pod/", name, NULL);

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
    g_autofree char *refused = hostile_ask(&self, raw(operations[i], resource, "{}"));
    check_contains(refused, "\"Error to ");
    check_contains(refused, "is longer than 1024");
  }
  check_true(strlen(fake_core_log(self.core)) < 4096);
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(LongResource, source_and_id_are_logged_in_few_words_too) {
  struct hostile self;
  g_autofree char *name = hostile_repeat("\xe2\x82\xac", MEGABYTE / 3);

  hostile_begin(&self, NULL);
  fake_core_push(self.core, fake_message(.id = name, .source = name, .operation = "update",
                                         .resource = "default/servicelist", .raw = "{"));
  fake_core_run(self.core, self.metamanager);
  check_contains(fake_core_log(self.core), "update of default/servicelist from ");
  check_true(strlen(fake_core_log(self.core)) < 4096);
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(LongResource, that_is_only_asked_for_is_not_there) {
  struct hostile self;
  g_autofree char *name = hostile_repeat("a", MEGABYTE);
  g_autofree char *resource = g_strconcat("default/pod/", name, NULL);
  g_autofree char *slashes = hostile_repeat("/", MEGABYTE);

  hostile_begin(&self, NULL);
  g_autofree char *absent = hostile_ask(&self, query(resource));
  check_str_eq(absent, "[]");
  g_autofree char *nothing = hostile_ask(&self, query(slashes));
  check_str_eq(nothing, "[]");
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(LongResource, over_256_characters_is_a_key_like_any_other) {
  struct hostile self;
  g_autofree char *name = hostile_repeat("k", 900);
  g_autofree char *resource = g_strconcat("default/pod/", name, NULL);

  hostile_begin(&self, NULL);
  g_autofree char *stored = hostile_ask(&self, raw("insert", resource, "1"));
  check_str_eq(stored, "\"OK\"");
  g_autofree char *found = hostile_ask(&self, query(resource));
  check_str_eq(found, "[\"1\"]");
  hostile_end(&self);
}

/* What is cut for a message to people is cut at a whole character, and the reason that stands behind it is kept. */
TEST_CASE(LongResource, is_cut_at_a_character_in_what_people_read) {
  struct hostile self;
  g_autofree char *name = hostile_repeat("\xe2\x82\xac", 100);

  hostile_begin(&self, NULL);
  fake_core_set_present(self.core, "edged", FALSE);
  for (guint shift = 0; shift < 3; shift++) {
    g_autofree char *resource = g_strdup_printf("%.*s/volume/%s", (int)shift, "xx", name);
    g_autofree char *refused = hostile_ask(&self, raw("createvolume", resource, "{}"));
    check_contains(refused, "there is no module edged");
  }
  hostile_end(&self);
}

/* ---------------------------------------------------------------------------------------------------- NUL and not UTF-8 */

TEST_CASE(Bytes, that_are_no_text_are_stored_as_they_are_and_answered_as_json) {
  static const struct {
    const char *content;
    gsize size;
    const char *answer;
  } rows[] = {
      {"a\0b", 3, "[\"a\\u0000b\"]"},
      {"\0", 1, "[\"\\u0000\"]"},
      {"\xff\xfe", 2, "[\"\xef\xbf\xbd\xef\xbf\xbd\"]"},
      {"\xed\xa0\x80", 3, "[\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]"},
      {"\xc0\xaf", 2, "[\"\xef\xbf\xbd\xef\xbf\xbd\"]"},
  };
  struct hostile self;

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("row %u", i);
    g_autofree char *stored =
        hostile_ask(&self, fake_message(.source = "edged", .operation = "insert", .resource = "default/pod/a",
                                        .raw = rows[i].content, .size = rows[i].size, .sync = TRUE));
    check_str_eq(stored, "\"OK\"");
    g_autofree char *found = hostile_ask(&self, query("default/pod/a"));
    check_str_eq(found, rows[i].answer);
  }
  hostile_end(&self);
}

TEST_CASE(Bytes, that_are_no_text_are_no_json_value) {
  static const char *const values[] = {"\"a\0b\"", "\"\xff\"", "\"\xed\xa0\x80\""};
  static const gsize sizes[] = {5, 3, 5};
  struct hostile self;

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autofree char *refused =
        hostile_ask(&self, fake_message(.source = "edged", .operation = "insert", .resource = "default/pod/a",
                                        .json = values[i], .size = sizes[i], .sync = TRUE));
    check_contains(refused, "\"Error to marshal message content: ");
  }
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autofree char *refused =
        hostile_ask(&self, fake_message(.source = "edged", .operation = "update", .resource = "default/servicelist",
                                        .raw = values[i], .size = sizes[i], .sync = TRUE));
    check_contains(refused, "\"Error to unmarshal: ");
  }
  hostile_check_alive(&self);
  hostile_end(&self);
}

/* ------------------------------------------------------------------------------------------------ numbers and duplicates */

TEST_CASE(Numbers, in_content_stay_as_they_are_written) {
  static const char *const values[] = {"2147483648",
                                       "-2147483649",
                                       "9223372036854775808",
                                       "18446744073709551616",
                                       "1e400",
                                       "-0",
                                       "0.1000",
                                       "1E+2",
                                       "[4294967296,{\"n\":2147483648}]"};
  struct hostile self;

  hostile_begin(&self, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autofree char *stored = hostile_ask(&self, json("insert", "default/pod/a", values[i]));
    check_str_eq(stored, "\"OK\"");
    g_autoptr(GPtrArray) relayed = fake_core_take(self.core, "edged");
    g_autofree char *content = fake_content(fake_sent_at(relayed, 0)->message);
    check_str_eq(content, values[i]);
  }
  g_autofree char *list = hostile_ask(
      &self, raw("update", "default/servicelist", "[{\"metadata\":{\"name\":\"a\"},\"port\":2147483648,\"x\":1e400}]"));
  check_str_eq(list, "\"OK\"");
  g_autofree char *found = hostile_ask(&self, query("/service/a"));
  check_str_eq(found, "[\"{\\\"metadata\\\":{\\\"name\\\":\\\"a\\\"},\\\"port\\\":2147483648,\\\"x\\\":1e400}\"]");
  hostile_end(&self);
}

TEST_CASE(Numbers, in_settings_have_bounds) {
  static const struct {
    const char *key;
    const char *value;
    gboolean taken;
  } rows[] = {
      {"meta.sync.podstatus.interval", "2147483647", TRUE},
      {"meta.sync.podstatus.interval", "2147483648", FALSE},
      {"meta.sync.podstatus.interval", "-2147483648", TRUE},
      {"meta.sync.podstatus.interval", "-2147483649", FALSE},
      {"metamanager.outbox-max-bytes", "2147483647", TRUE},
      {"metamanager.outbox-max-bytes", "2147483648", FALSE},
      {"metamanager.turn-max-messages", "2147483648", FALSE},
      {"metamanager.turn-max-bytes", "2147483648", FALSE},
      {"metamanager.remote-query-timeout", "2147483648", FALSE},
      {"metamanager.volume-timeout", "9223372036854775807", FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(fake_core) core = fake_core_new(NULL);
    struct edgecore_error error = {.size = sizeof error};
    module *made = NULL;
    test_note("%s: %s", rows[i].key, rows[i].value);
    fake_core_set(core, rows[i].key, rows[i].value);
    check_int_eq(module_new(fake_core_table(core), &made, &error), rows[i].taken ? EDGECORE_OK : EDGECORE_INVALID);
    if (!rows[i].taken)
      check_contains(error.text, rows[i].value);
    module_free(made);
  }
}

TEST_CASE(Duplicates, of_a_name_in_a_list_count_the_first_time_and_are_all_kept) {
  static const char element[] = "{\"metadata\":{\"name\":\"a\",\"name\":\"b\"},\"metadata\":{\"name\":\"c\"}}";
  struct hostile self;
  g_autofree char *list = g_strdup_printf("[%s]", element);
  g_autofree char *escaped = g_strescape(element, NULL);
  g_autofree char *want = g_strdup_printf("[\"%s\"]", escaped);

  hostile_begin(&self, NULL);
  g_autofree char *stored = hostile_ask(&self, raw("update", "default/servicelist", list));
  check_str_eq(stored, "\"OK\"");
  g_autofree char *found = hostile_ask(&self, query("/service/a"));
  check_str_eq(found, want);
  g_autofree char *all = hostile_ask(&self, query("x/service"));
  check_str_eq(all, want);
  hostile_end(&self);
}

TEST_CASE(Duplicates, in_content_are_passed_on) {
  struct hostile self;

  hostile_begin(&self, NULL);
  g_autofree char *stored = hostile_ask(&self, json("insert", "default/pod/a", "{\"a\":1,\"a\":2}"));
  check_str_eq(stored, "\"OK\"");
  g_autofree char *found = hostile_ask(&self, query("default/pod/a"));
  check_str_eq(found, "[\"{\\\"a\\\":1,\\\"a\\\":2}\"]");
  hostile_end(&self);
}

static void check_named(struct hostile *self, const char *namespace, const char *name, const char *want) {
  g_autofree char *list = g_strdup_printf("[{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"}}]", namespace, name);
  g_autofree char *answer = hostile_ask(self, raw("update", "default/servicelist", list));

  test_note("%s, %s", namespace, name);
  check_str_eq(answer, want);
}

/* A name that holds what separates the parts of a key, or ends one, makes a key of its own or is refused; never another type's. */
TEST_CASE(Names, cannot_reach_the_rows_of_another_type) {
  static const char *const good[] = {"a/b", "../pod/a", " ", "'; DROP TABLE meta; --"};
  static const char *const bad[] = {"", "service\\u0000a", "\\ud800", "\\\\", "\\u0061"};
  struct hostile self;

  hostile_begin(&self, NULL);
  g_autofree char *pod = hostile_ask(&self, raw("insert", "default/pod/a", "pod"));
  check_str_eq(pod, "\"OK\"");
  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    check_named(&self, "default/pod/a", good[i], "\"OK\"");
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    check_named(
        &self, "default", bad[i],
        "\"Error to unmarshal: an element of the list has no metadata.name and metadata.namespace that make a key\"");
  for (guint i = 1; i < G_N_ELEMENTS(bad); i++)
    check_named(
        &self, bad[i], "a",
        "\"Error to unmarshal: an element of the list has no metadata.name and metadata.namespace that make a key\"");
  g_autofree char *found = hostile_ask(&self, query("default/pod/a"));
  check_str_eq(found, "[\"pod\"]");
  g_autofree char *all = hostile_ask(&self, query("default/pod"));
  check_str_eq(all, "[\"pod\"]");
  hostile_check_alive(&self);
  hostile_end(&self);
}

/* Two queries whose parts make the same text when put one after the other are two queries. */
TEST_CASE(Names, with_a_line_end_do_not_make_two_queries_one) {
  struct hostile self;

  hostile_begin(&self, NULL);
  fake_core_push(self.core, fake_message(.source = "edgehub", .operation = "publish", .resource = "node/connection",
                                         .raw = "cloud_connected"));
  fake_core_push(self.core, fake_message(.source = "x", .operation = "query", .resource = "default/configmap/a\nb"));
  fake_core_push(self.core, fake_message(.source = "b\nx", .operation = "query", .resource = "default/configmap/a"));
  fake_core_run(self.core, self.metamanager);
  check_int_eq(fake_core_requests(self.core), 2);
  hostile_end(&self);
}
