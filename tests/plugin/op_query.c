/* query, and what became of one that was asked of the cloud. */
#include "rig.h"
#include "secret.h"

#include <string.h>

static struct edgecore_message *query(const char *resource) {
  return fake_message(.id = "m1", .source = "edged", .operation = "query", .resource = resource);
}

static struct edgecore_message *sync_query(const char *resource) {
  return fake_message(.id = "m1", .source = "edged", .operation = "query", .resource = resource, .sync = TRUE);
}

/* The request that went to the cloud. */
static struct edgecore_message *request(const char *resource) {
  return fake_message(.id = "r1", .source = "edged", .operation = "query", .resource = resource, .sync = TRUE);
}

/* -------------------------------------------------------------------------------------------------- from the table alone */

TEST_CASE(Query, with_an_id_is_answered_with_the_row_of_that_key) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "{\"a\":\"b\"}");
  rig_save(self, "a/pod/2", "pod", "{}");
  require_ok(rig_handle(self, query("a/pod/1")));
  check_deliveries(self, "edged *<m1 response a/pod/1 metaManager [\"{\\\"a\\\":\\\"b\\\"}\"]\n");
}

TEST_CASE(Query, without_an_id_is_answered_with_all_rows_of_the_type_in_every_namespace) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "b/pod/1", "pod", "1");
  rig_save(self, "a/node/n", "node", "2");
  rig_save(self, "a/pod/1", "pod", "3");
  require_ok(rig_handle(self, query("default/pod")));
  check_deliveries(self, "edged *<m1 response default/pod metaManager [\"1\",\"3\"]\n");
  require_ok(rig_handle(self, query("default/pod/")));
  check_deliveries(self, "edged *<m1 response default/pod/ metaManager [\"1\",\"3\"]\n");
}

TEST_CASE(Query, of_nothing_is_answered_with_an_empty_array) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "1");
  require_ok(rig_handle(self, query("a/pod/2")));
  require_ok(rig_handle(self, query("a/volume")));
  check_deliveries(self, "edged *<m1 response a/pod/2 metaManager []\n"
                         "edged *<m1 response a/volume metaManager []\n");
}

TEST_CASE(Query, that_is_sync_is_answered_to_its_caller) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/service/s", "service", "1");
  require_ok(rig_handle(self, sync_query("a/service/s")));
  check_deliveries(self, "caller *<m1 response a/service/s metaManager [\"1\"]\n");
}

TEST_CASE(Query, about_mesh_types_and_pod_lists_is_answered_to_edgemesh) {
  static const char *const resources[] = {"a/service/s", "a/endpoints/s", "a/podlist/n", "a/service"};

  for (guint i = 0; i < G_N_ELEMENTS(resources); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("edgemesh *<m1 response %s metaManager []\n", resources[i]);
    require_ok(rig_handle(self, query(resources[i])));
    check_deliveries(self, want);
  }
}

TEST_CASE(Query, without_a_link_is_local_whatever_its_type) {
  static const enum link links[] = {LINK_UNKNOWN, LINK_DISCONNECTED};
  static const char *const types[] = {
      "configmap", "secret", "endpoints", "persistentvolume", "persistentvolumeclaim", "volumeattachment", "node"};

  for (guint l = 0; l < G_N_ELEMENTS(links); l++)
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
      g_autoptr(rig) self = rig_new();
      g_autofree char *key = g_strdup_printf("a/%s/x", types[i]);
      g_autofree char *want = g_strdup_printf("%s *<m1 response %s metaManager [\"1\"]\n",
                                              strcmp(types[i], "endpoints") == 0 ? "edgemesh" : "edged", key);
      test_note("%s, link %d", types[i], links[l]);
      self->turn.link = links[l];
      rig_save(self, key, types[i], "1");
      require_ok(rig_handle(self, query(key)));
      check_deliveries(self, want);
    }
}

TEST_CASE(Query, of_a_damaged_row_finds_nothing) {
  g_autoptr(rig) self = rig_new();

  rig_save(self, "a/pod/1", "pod", "good");
  fixture_run(fake_core_database(self->core), "UPDATE meta SET value = 'bad'");
  require_ok(rig_handle(self, query("a/pod/1")));
  require_ok(rig_handle(self, query("a/pod")));
  check_deliveries(self, "edged *<m1 response a/pod/1 metaManager []\n"
                         "edged *<m1 response a/pod metaManager []\n");
}

TEST_CASE(Query, is_answered_with_utf8_and_json_whatever_is_stored) {
  g_autofree char *large = g_malloc(1400000);
  for (gsize i = 0; i < 1400000; i++)
    large[i] = (char)(i * 31 + i / 255);
  const struct store_row values[] = {{"a/secret/1", "secret", "a\0b", 3},
                                     {"a/secret/2", "secret", "\xff\xfe\xc3(", 4},
                                     {"a/secret/3", "secret", "\xed\xa0\x80\"\\", 5},
                                     {"a/secret/4", "secret", large, 1400000}};
  g_autoptr(rig) self = rig_new();

  for (guint i = 0; i < G_N_ELEMENTS(values); i++)
    require_ok(store_save(self->turn.store, &values[i], &failure));
  rig_commit(self);
  for (guint i = 0; i <= G_N_ELEMENTS(values); i++) {
    test_note("query %u", i);
    require_ok(rig_handle(self, query(i < G_N_ELEMENTS(values) ? values[i].key : "a/secret")));
    require_int_eq(self->turn.deliveries->len, i + 1);
    const struct edgecore_message_fields *answer =
        message_read(g_array_index(self->turn.deliveries, struct delivery, i).message);
    check_int_eq(answer->content_kind, EDGECORE_CONTENT_JSON);
    check_true(g_utf8_validate_len(answer->content, answer->content_size, NULL));
    check_ok(store_check_json(self->turn.store, answer->content, answer->content_size, &failure));
  }
}

/* ---------------------------------------------------------------------------------------------------- with the cloud */

TEST_CASE(Query, of_a_remote_type_that_is_stored_is_answered_from_the_table) {
  static const struct {
    const char *resource;
    const char *type;
    const char *to;
  } rows[] = {{"a/configmap/c", "configmap", "edged"},
              {"a/secret/c", "secret", "edged"},
              {"a/persistentvolume/c", "persistentvolume", "edged"},
              {"a/endpoints/c", "endpoints", "edgemesh"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("%s *<m1 response %s metaManager [\"1\"]\n", rows[i].to, rows[i].resource);
    self->turn.link = LINK_CONNECTED;
    rig_save(self, rows[i].resource, rows[i].type, "1");
    require_ok(rig_handle(self, query(rows[i].resource)));
    check_deliveries(self, want);
  }
}

TEST_CASE(Query, of_a_remote_type_that_is_not_stored_is_asked_of_the_cloud) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_CONNECTED;
  require_ok(rig_handle(self, query("a/configmap/c")));
  require_ok(rig_handle(self, sync_query("a/secret/s")));
  require_ok(rig_handle(self, query("a/configmap")));
  check_deliveries(self, "ask caller m1< query a/configmap/c edged \n"
                         "ask caller m1< query a/secret/s edged  sync\n"
                         "ask caller m1< query a/configmap edged \n");
}

TEST_CASE(Query, of_a_damaged_row_of_a_remote_type_is_asked_of_the_cloud) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_CONNECTED;
  rig_save(self, "a/secret/s", "secret", "good");
  fixture_run(fake_core_database(self->core), "UPDATE meta SET value = 'bad'");
  require_ok(rig_handle(self, query("a/secret/s")));
  check_deliveries(self, "ask caller m1< query a/secret/s edged \n");
}

TEST_CASE(Query, of_a_node_or_a_volume_attachment_is_always_asked_of_the_cloud) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_CONNECTED;
  rig_save(self, "a/node/n", "node", "1");
  rig_save(self, "a/volumeattachment/v", "volumeattachment", "1");
  require_ok(rig_handle(self, query("a/node/n")));
  require_ok(rig_handle(self, query("a/volumeattachment/v")));
  check_deliveries(self, "ask caller m1< query a/node/n edged \n"
                         "ask caller m1< query a/volumeattachment/v edged \n");
}

TEST_CASE(Query, of_other_types_is_never_asked_of_the_cloud) {
  g_autoptr(rig) self = rig_new();

  self->turn.link = LINK_CONNECTED;
  require_ok(rig_handle(self, query("a/pod/1")));
  check_deliveries(self, "edged *<m1 response a/pod/1 metaManager []\n");
}

/* ------------------------------------------------------------------------------------------------- the cloud's reply */

TEST_CASE(QueryOutcome, that_is_the_object_is_stored_under_the_key_that_was_asked_for) {
  g_autoptr(rig) self = rig_new();
  struct edgecore_message *reply =
      fake_message(.id = "p1", .parent = "r1", .source = "edgecontroller", .operation = "response",
                   .resource = "other/name", .raw = "{\"n\":\"" SECRET "\"}");

  rig_save(self, "a/node/n", "node", "old");
  require_ok(rig_outcome(self, EDGECORE_OK, reply, request("a/node/n")));
  check_table(self, "a/node/n|node|{\"n\":\"" SECRET "\"}");
  check_deliveries(self, "answer caller p1<r1 response other/name edgecontroller {\"n\":\"" SECRET "\"} of r1\n");
}

TEST_CASE(QueryOutcome, that_is_a_refusal_is_passed_on_and_never_stored) {
  static const struct fake_text refusals[] = {
      {.operation = "error", .raw = "{\"kind\":\"Secret\"}"},
      {.operation = "error", .json = "\"no\""},
      {.operation = "response", .raw = "OK"},
      {.operation = "response", .json = "\"OK\""},
      {.operation = "response", .raw = "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":404}"},
      {.operation = "response", .json = "{ \"status\": \"Failure\", \"kind\": \"Status\" }"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_autoptr(rig) self = rig_new();
    const char *content = refusals[i].raw != NULL ? refusals[i].raw : refusals[i].json;
    g_autofree char *want =
        g_strdup_printf("answer caller p1<r1 %s a/secret/s edgecontroller %s of r1\n", refusals[i].operation, content);
    test_note("refusal %u", i);
    rig_save(self, "a/secret/s", "secret", "stored");
    require_ok(rig_outcome(self, EDGECORE_OK,
                           fake_message(.id = "p1", .parent = "r1", .source = "edgecontroller",
                                        .operation = refusals[i].operation, .resource = "a/secret/s",
                                        .raw = refusals[i].raw, .json = refusals[i].json),
                           request("a/secret/s")));
    check_table(self, "a/secret/s|secret|stored");
    check_deliveries(self, want);
  }
}

TEST_CASE(QueryOutcome, of_any_bytes_is_stored_as_it_is) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_outcome(self, EDGECORE_OK,
                         fake_message(.id = "p1", .source = "edgecontroller", .operation = "response",
                                      .resource = "a/secret/s", .raw = "\xff\0\xfe", .size = 3),
                         request("a/secret/s")));
  check_rows(fake_core_database(self->core), "SELECT hex(value) FROM meta", "FF00FE");
}

TEST_CASE(QueryOutcome, that_is_no_json_value_is_an_error_for_all_who_wait) {
  g_autoptr(rig) self = rig_new();

  require_ok(rig_outcome(self, EDGECORE_OK,
                         fake_message(.id = "p1", .source = "edgecontroller", .operation = "response",
                                      .resource = "a/secret/s", .json = "{"),
                         request("a/secret/s")));
  check_table(self, "");
  check_deliveries(self, "answer caller *<r1 error a/secret/s metaManager "
                         "\"Error to marshal message content: the value is not valid JSON\" of r1\n");
}

TEST_CASE(QueryOutcome, under_a_key_too_long_for_the_table_is_passed_on_and_not_stored) {
  g_autofree char *name = g_strnfill(1024, 'n');
  g_autofree char *key = g_strconcat("a/secret/", name, NULL);
  g_autoptr(rig) self = rig_new();

  require_ok(rig_outcome(self, EDGECORE_OK,
                         fake_message(.id = "p1", .source = "edgecontroller", .operation = "response",
                                      .resource = "a/secret/s", .raw = "{}"),
                         request(key)));
  check_table(self, "");
  check_deliveries(self, "answer caller p1< response a/secret/s edgecontroller {} of r1\n");
}

/* ---------------------------------------------------------------------------------------------------------- no reply */

TEST_CASE(QueryOutcome, without_a_reply_the_stored_copy_answers_as_a_local_one) {
  static const int32_t outcomes[] = {EDGECORE_TIMEOUT, EDGECORE_NOT_FOUND, EDGECORE_FAILED};

  for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++) {
    g_autoptr(rig) self = rig_new();
    test_note("outcome %d", outcomes[i]);
    rig_save(self, "a/node/n", "node", "stored");
    require_ok(rig_outcome(self, outcomes[i], NULL, request("a/node/n")));
    check_deliveries(self, "failed caller *<r1 response a/node/n metaManager [\"stored\"] of r1\n");
  }
}

TEST_CASE(QueryOutcome, without_a_reply_and_a_copy_is_an_error_that_says_why) {
  static const struct {
    int32_t outcome;
    const char *why;
  } rows[] = {{EDGECORE_TIMEOUT, "the cloud did not answer in time"},
              {EDGECORE_NOT_FOUND, "there is no module that leads to the cloud"},
              {EDGECORE_FAILED, "the link to the cloud is down"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rig) self = rig_new();
    g_autofree char *want = g_strdup_printf("failed caller *<r1 error a/node/n metaManager "
                                            "\"Error to query meta in DB: no stored copy of a/node/n, and %s\" of r1\n",
                                            rows[i].why);
    require_ok(rig_outcome(self, rows[i].outcome, NULL, request("a/node/n")));
    check_deliveries(self, want);
  }
}

TEST_CASE(QueryOutcome, an_error_shows_the_beginning_of_a_long_name) {
  g_autofree char *name = g_strnfill(247, 'n');
  g_autofree char *key = g_strconcat("a/secret/", name, "\xe2\x82\xac\xe2\x82\xac", NULL);
  g_autofree char *want =
      g_strdup_printf("failed caller *<r1 error %s metaManager \"Error to query meta in DB: no stored "
                      "copy of a/secret/%s, and the cloud did not answer in time\" of r1\n",
                      key, name);
  g_autoptr(rig) self = rig_new();

  require_ok(rig_outcome(self, EDGECORE_TIMEOUT, NULL, request(key)));
  check_deliveries(self, want);
}
