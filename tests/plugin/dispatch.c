#include "dispatch.h"

#include "json_depth.h"
#include "rig.h"
#include "secret.h"

#include <string.h>

static const char *const storing[] = {"insert", "update", "response", "action", "action_result"};

static const struct {
  const char *name;
  const char *prefix;
} answered[] = {
    {"insert", "Error to save meta to DB: "},
    {"update", "Error to update meta to DB: "},
    {"response", "Error to update meta to DB: "},
    {"delete", "Error to delete meta to DB: "},
    {"query", "Error to query meta in DB: "},
    {"action", "Error to save meta to DB: "},
    {"action_result", "Error to save meta to DB: "},
    {"createvolume", "Error to process volume: "},
    {"deletevolume", "Error to process volume: "},
    {"controllerpublishvolume", "Error to process volume: "},
    {"controllerunpublishvolume", "Error to process volume: "},
};

static struct edgecore_message *message(const char *source, const char *operation) {
  return fake_message(.id = "m1", .parent = "m0", .source = source, .operation = operation, .resource = "a/pod/1",
                      .raw = SECRET);
}

static struct edgecore_message *wrong(const char *source, const char *operation, gboolean sync) {
  return fake_message(.id = "m1", .parent = "m0", .source = source, .operation = operation, .resource = "a/pod/1",
                      .json = "{\"" SECRET, .sync = sync);
}

/* --------------------------------------------------------------------------------------------------------- operations */

TEST_CASE(Dispatch, an_unknown_operation_is_ignored_and_leaves_a_line_for_debugging) {
  static const char *const names[] = {"", "Insert", "insert ", "upgrade", "error", "responses"};
  g_autoptr(rig) self = rig_new();

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    test_note("%s", names[i]);
    fake_core_clear_log(self->core);
    require_ok(rig_handle(self, message("edged", names[i])));
    check_str_eq(fake_core_log(self->core), "debug a message with an unknown operation was ignored\n");
  }
  check_deliveries(self, "");
  check_table(self, "");
}

TEST_CASE(Dispatch, an_outcome_for_an_operation_that_asks_nothing_is_ignored) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_outcome(self, EDGECORE_TIMEOUT, NULL, message("edged", "insert")));
  require_ok(rig_outcome(self, EDGECORE_OK, message("edged", "response"), message("edged", "update")));
  check_deliveries(self, "");
  check_table(self, "");
}

/* ------------------------------------------------------------------------------------------------------- wrong content */

TEST_CASE(Dispatch, a_value_that_is_no_json_cannot_be_marshalled) {
  for (guint i = 0; i < G_N_ELEMENTS(storing); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("%s", storing[i]);
    require_ok(rig_handle(self, wrong("edgecontroller", storing[i], FALSE)));
    check_table(self, "");
    check_deliveries(self, "cloud *<m1 error a/pod/1 metaManager "
                           "\"Error to marshal message content: the value is not valid JSON\"\n");
  }
}

TEST_CASE(Dispatch, json_values_that_are_odd_but_json_are_stored_as_they_are) {
  static const char *const values[] = {"2147483648", "-9223372036854775809", "1e400", "{\"a\":1,\"a\":2}", " null "};

  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("a/pod/1|pod|%s", values[i]);
    require_ok(rig_handle(
        self, fake_message(.source = "edged", .operation = "update", .resource = "a/pod/1", .json = values[i])));
    check_table(self, want);
  }
}

TEST_CASE(Dispatch, a_json_value_that_is_too_deep_cannot_be_marshalled_and_raw_bytes_are_not_looked_at) {
  g_autofree char *deepest = json_nested(JSON_DEPTH_MAX);
  g_autofree char *too_deep = json_nested(JSON_DEPTH_MAX + 1);
  g_autofree char *bomb = json_nested(500000);
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(
      self, fake_message(.id = "m1", .source = "x", .operation = "update", .resource = "a/pod/1", .json = deepest)));
  check_deliveries(self, "");
  require_ok(rig_handle(
      self, fake_message(.id = "m1", .source = "x", .operation = "update", .resource = "a/pod/2", .json = too_deep)));
  require_ok(rig_handle(
      self, fake_message(.id = "m1", .source = "x", .operation = "update", .resource = "a/pod/3", .json = bomb)));
  g_autofree char *got = rig_deliveries(self);
  check_contains(got, "cloud *<m1 error a/pod/2 metaManager \"Error to marshal message content: ");
  check_contains(got, "cloud *<m1 error a/pod/3 metaManager \"Error to marshal message content: ");
  require_ok(rig_handle(
      self, fake_message(.id = "m1", .source = "x", .operation = "update", .resource = "a/pod/4", .raw = bomb)));
  check_rows(fake_core_database(self->core), "SELECT key FROM meta ORDER BY rowid", "a/pod/1\na/pod/4");
}

/* --------------------------------------------------------------------------------------------------------- long keys */

TEST_CASE(Dispatch, keys_of_up_to_1024_bytes_are_stored) {
  for (guint size = 257; size <= 1024; size += 767) {
    g_autofree char *name = g_strnfill(size - strlen("a/pod/"), 'n');
    g_autofree char *key = g_strconcat("a/pod/", name, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(storing); i++) {
      g_autoptr(rig) self = rig_new();
      test_note("%s of %u bytes", storing[i], size);
      require_ok(rig_handle(self, fake_message(.source = "x", .operation = storing[i], .resource = key, .raw = "{}")));
      check_rows(fake_core_database(self->core), "SELECT key FROM meta", key);
    }
  }
}

TEST_CASE(Dispatch, longer_keys_are_refused_by_every_operation_that_stores) {
  static const guint sizes[] = {1025, 1000000};

  for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
    g_autofree char *name = g_strnfill(sizes[s] - strlen("a/pod/"), 'n');
    g_autofree char *key = g_strconcat("a/pod/", name, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(storing); i++) {
      g_autoptr(rig) self = rig_new();
      g_autofree char *want = g_strdup_printf("key of %u bytes is longer than 1024\"", sizes[s]);
      test_note("%s of %u bytes", storing[i], sizes[s]);
      require_ok(rig_handle(
          self, fake_message(.id = "m1", .source = "x", .operation = storing[i], .resource = key, .raw = "{}")));
      check_table(self, "");
      g_autofree char *got = rig_deliveries(self);
      check_true(g_str_has_prefix(got, "cloud *<m1 error a/pod/nnn"));
      check_contains(got, want);
      check_contains(got, strcmp(storing[i], "update") == 0 || strcmp(storing[i], "response") == 0
                              ? "\"Error to update meta to DB: key"
                              : "\"Error to save meta to DB: key");
      check_int_le(strlen(fake_core_log(self->core)), 1000);
    }
  }
}

TEST_CASE(Dispatch, a_long_key_can_still_be_deleted_and_looked_for) {
  g_autofree char *name = g_strnfill(2000, 'n');
  g_autofree char *key = g_strconcat("a/pod/", name, NULL);
  g_autoptr(rig) self = rig_new();

  rig_save(self, key, "pod", "upstream's");
  require_ok(rig_handle(self, fake_message(.source = "edged", .operation = "query", .resource = key)));
  g_autofree char *got = rig_deliveries(self);
  check_contains(got, "[\"upstream's\"]");
  require_ok(rig_handle(self, fake_message(.source = "edgecontroller", .operation = "delete", .resource = key)));
  check_table(self, "");
}

/* ------------------------------------------------------------------------------------------------ where an error goes */

TEST_CASE(Dispatch, an_error_goes_to_the_caller_to_edged_or_to_the_cloud) {
  static const struct {
    const char *source;
    gboolean sync;
    const char *to;
  } rows[] = {{"edged", FALSE, "edged"},
              {"edgecontroller", FALSE, "cloud"},
              {"edgefunction", FALSE, "cloud"},
              {"edged", TRUE, "caller"},
              {"edgecontroller", TRUE, "caller"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("%s *<m1 error a/pod/1 metaManager ", rows[i].to);
    test_note("from %s, sync %d", rows[i].source, rows[i].sync);
    require_ok(rig_handle(self, wrong(rows[i].source, "update", rows[i].sync)));
    g_autofree char *got = rig_deliveries(self);
    check_true(g_str_has_prefix(got, want));
    check_true(strchr(got, '\n') == got + strlen(got) - 1);
  }
}

TEST_CASE(Dispatch, an_error_for_the_cloud_is_kept_while_the_link_is_down) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_DISCONNECTED;
  require_ok(rig_handle(self, wrong("edgecontroller", "insert", FALSE)));
  check_deliveries(self, "");
  check_kept(self, "error a/pod/1 \"Error to marshal message content: the value is not valid JSON\"");
}

TEST_CASE(Dispatch, an_error_is_logged_with_the_message_and_without_its_content) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_handle(self, wrong("edged", "update", FALSE)));
  check_contains(fake_core_log(self->core), "warning update of a/pod/1 from edged, message m1: Error to marshal");
  check_lacks(fake_core_log(self->core), SECRET);
}

/* ------------------------------------------------------------------------------------------- statements that fail */

TEST_CASE(Dispatch, a_statement_that_fails_spoils_its_own_message_only) {
  g_autoptr(rig) self = rig_new();
  fixture_run(fake_core_database(self->core), "CREATE UNIQUE INDEX no_twins ON meta(value)");
  static const char *const values[] = {"1", "1", "2"};

  for (guint i = 0; i < 3; i++) {
    g_autofree char *id = g_strdup_printf("m%u", i);
    g_autofree char *resource = g_strdup_printf("a/pod/%u", i);
    struct edgecore_message *insert = fake_message(.id = id, .source = "edgecontroller", .operation = "insert",
                                                   .resource = resource, .raw = values[i]);
    const struct edgecore_item item = {.size = sizeof item, .message = insert};
    check_ok(dispatch(&self->turn, &item, &failure));
    message_unref(insert);
  }
  rig_commit(self);
  check_table(self, "a/pod/0|pod|1\na/pod/2|pod|2");
  g_autofree char *want =
      g_strdup_printf("edged m0< insert a/pod/0 edgecontroller 1\n"
                      "cloud *<m0 response a/pod/0 edgecontroller \"OK\"\n"
                      "cloud *<m1 error a/pod/1 metaManager \"Error to save meta to DB: UNIQUE constraint failed: "
                      "meta.value (2067), database %s\"\n"
                      "edged m2< insert a/pod/2 edgecontroller 2\n"
                      "cloud *<m2 response a/pod/2 edgecontroller \"OK\"\n",
                      fake_core_database(self->core));
  check_deliveries(self, want);
}

static int32_t handle_failure(rig *self, struct edgecore_message *failed, struct edgecore_message *context) {
  const struct edgecore_item item = {.size = sizeof item, .message = failed, .context = context};
  struct edgecore_error cause = ERROR_INIT;

  error_set(&cause, EDGECORE_IO, "cannot commit: the disk is full");
  int32_t code = dispatch_failure(&self->turn, &item, &cause, &failure);
  message_unref(failed);
  message_unref(context);
  rig_commit(self);
  return code;
}

TEST_CASE(Dispatch, a_message_that_failed_for_good_is_answered_with_the_words_of_its_operation) {
  for (guint i = 0; i < G_N_ELEMENTS(answered); i++) {
    g_autoptr(rig) self = rig_new();
    const gboolean volume = strstr(answered[i].name, "volume") != NULL;
    g_autofree char *want = g_strdup_printf("cloud *<m1 error a/pod/1 %s \"%scannot commit: the disk is full\"\n",
                                            volume ? "edgecontroller" : "metaManager", answered[i].prefix);
    test_note("%s", answered[i].name);
    require_ok(handle_failure(self, message("edgecontroller", answered[i].name), NULL));
    check_deliveries(self, want);
    check_lacks(fake_core_log(self->core), SECRET);
  }
}

TEST_CASE(Dispatch, a_query_reply_that_could_not_be_stored_is_an_error_for_all_who_wait) {
  g_autoptr(rig) self = rig_new();

  require_ok(handle_failure(self, message("edgecontroller", "response"), message("edged", "query")));
  check_deliveries(self, "answer caller *<m1 error a/pod/1 metaManager "
                         "\"Error to query meta in DB: cannot commit: the disk is full\" of m1\n");
}

/* The disk has no say in whether there is a link. */
TEST_CASE(Dispatch, what_is_told_of_the_link_is_true_even_if_nothing_can_be_written) {
  g_autoptr(rig) self = rig_new();

  require_ok(handle_failure(self, fake_message(.operation = "publish", .raw = "cloud_disconnected"), NULL));
  check_int_eq(self->turn.link, LINK_DISCONNECTED);
  check_deliveries(self, "link disconnected\n");
  require_ok(handle_failure(self, fake_message(.operation = "publish", .raw = "cloud_disconnected"), NULL));
  require_ok(handle_failure(self, fake_message(.operation = "publish", .raw = "hello"), NULL));
  check_deliveries(self, "");
}

TEST_CASE(Dispatch, nobody_is_told_of_a_status_sync_that_failed) {
  g_autoptr(rig) self = rig_new();

  require_ok(handle_failure(self, message("metaManager", "meta-internal-sync"), NULL));
  check_deliveries(self, "");
  check_contains(fake_core_log(self->core),
                 "warning meta-internal-sync of a/pod/1 from metaManager, message m1: cannot");
}

TEST_CASE(Dispatch, no_memory_for_an_answer_is_a_failure_of_the_turn) {
  for (guint i = 0; i < G_N_ELEMENTS(answered); i++) {
    g_autoptr(rig) self = rig_new();
    if (strcmp(answered[i].name, "response") == 0 || strncmp(answered[i].name, "action", 6) == 0)
      continue;
    test_note("%s", answered[i].name);
    fake_core_fail_nth(self->core, "message_new", 1, EDGECORE_NO_MEMORY);
    check_int_eq(rig_handle(self, message("edgecontroller", answered[i].name)), EDGECORE_NO_MEMORY);
    check_table(self, "");
  }
}
