#include "host.h"

#include "house.h"
#include "secret.h"
#include "test.h"

#include <glib/gstdio.h>

#define POD "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"secret\":\"" SECRET "\"}"

TEST_CASE(Host, carries_a_message_through_the_plugin) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "m1", "edgecontroller", "insert", "default/pod/web", POD);
  house_settle(&house);
  require_int_eq(inbox_count(&house.edged), 1);
  require_int_eq(inbox_count(&house.websocket), 1);
  check_int_eq(inbox_count(&house.edgemesh), 0);
  check_int_eq(inbox_count(&house.edgefunction), 0);
  const struct edgecore_message_fields *pod = message_read(inbox_wait(&house.edged, 1));
  const struct edgecore_message_fields *answer = message_read(inbox_wait(&house.websocket, 1));
  check_str_eq(pod->id, "m1");
  check_mem_eq(pod->content, pod->content_size, POD, sizeof POD - 1);
  check_str_eq(answer->parent_id, "m1");
  check_str_eq(answer->operation, "response");
  g_autofree char *stored = house_ask(&house, "edged", "query", "default/pod/web", NULL);
  check_contains(stored, "\\\"name\\\":\\\"web\\\"");
}

TEST_CASE(Host, ten_thousand_messages_arrive_in_order) {
  enum { COUNT = 10000 };
  HOUSE(house, 64);
  house_load(&house, PLUGIN_CURRENT);
  for (guint i = 0; i < COUNT; i++) {
    g_autofree char *id = g_strdup_printf("m%u", i);
    house_send(&house, id, "edgecontroller", "delete", "default/pod/none", "{}");
  }
  house_settle(&house);
  require_int_eq(inbox_count(&house.edged), COUNT);
  require_int_eq(inbox_count(&house.websocket), COUNT);
  for (guint i = 0; i < COUNT; i++) {
    g_autofree char *id = g_strdup_printf("m%u", i);
    require_str_eq(message_read(house.edged.messages->pdata[i])->id, id);
    require_str_eq(message_read(house.websocket.messages->pdata[i])->parent_id, id);
  }
}

TEST_CASE(Host, a_full_module_holds_the_plugin_up_and_nothing_is_lost) {
  HOUSE(house, 2);
  house_load(&house, PLUGIN_CURRENT);
  house_close_door(&house);
  house_send(&house, "m0", "edgecontroller", "delete", "default/pod/none", "{}");
  inbox_wait(&house.edged, 1);
  guint sent = 1;
  /* Until its queue, the plugin's and what the plugin holds are all full. */
  for (int32_t code = EDGECORE_OK; code == EDGECORE_OK; sent += code == EDGECORE_OK) {
    g_autoptr(any_message) message = message_text(NULL, "{}");
    code = host_send(house.host, "metaManager", message, FALSE, NULL);
    check_true(code == EDGECORE_OK || code == EDGECORE_AGAIN);
    require_true(sent < 100000);
  }
  check_false(host_settle(house.host, 1));
  house_open_door(&house);
  house_settle(&house);
  check_int_eq(inbox_count(&house.edged), 1); /* the updates came from "tester": stored, and sent to nobody */
}

TEST_CASE(Host, a_sync_request_without_an_answer_ends_in_time) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(any_message) request = message_sync(NULL, "{}");
  check_null(host_send_sync(house.host, "edged", request, 1, &error));
  check_int_eq(error.code, EDGECORE_TIMEOUT);
  check_null(host_send_sync(house.host, "nobody", request, 60000, &error));
  check_int_eq(error.code, EDGECORE_NOT_FOUND);
  g_autoptr(any_message) late = message_answer(request, "edged", "1");
  check_int_eq(host_respond(house.host, late, &error), EDGECORE_NOT_FOUND);
  check_int_eq(host_respond_as(house.host, "edged", late, &error), EDGECORE_NOT_FOUND);
  check_int_eq(host_respond_as(house.host, "nobody", late, &error), EDGECORE_NOT_FOUND);
  house_settle(&house);
}

static void answer_at_once(host *owner, const char *module, struct edgecore_message *message, void *data) {
  (void)data;
  g_autoptr(any_message) answer = message_answer(message, module, "\"here\"");
  host_respond(owner, answer, NULL);
}

TEST_CASE(Host, a_plain_module_answers_in_its_callback) {
  HOUSE(house, 0);
  check_true(host_add_module(house.host, "parrot", "birds", answer_at_once, NULL, NULL));
  g_autoptr(any_message) request = message_text("r1", "{}");
  g_autoptr(any_message) answer = host_send_sync(house.host, "parrot", request, 60000, NULL);
  require_not_null(answer);
  check_str_eq(message_read(answer)->parent_id, "r1");
  g_autoptr(GError) error = NULL;
  check_false(host_add_module(house.host, "parrot", "birds", answer_at_once, NULL, &error));
  check_error(error, HOST_ERROR, EDGECORE_EXISTS, "\"parrot\"");
}

TEST_CASE(Host, settle_waits_for_a_request_in_flight) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "v1", "edgecontroller", "createvolume", "default/volume/x", "{}");
  struct edgecore_message *asked = inbox_wait(&house.edged, 1);
  check_false(host_settle(house.host, 1));
  g_autoptr(any_message) answer = message_answer(asked, "edged", "{\"volume\":7}");
  check_int_eq(host_respond_as(house.host, "edged", answer, NULL), EDGECORE_OK);
  house_settle(&house);
  g_autofree char *content = message_content(inbox_wait(&house.websocket, 1));
  check_str_eq(content, "{\"volume\":7}");
}

TEST_CASE(Host, a_module_that_is_not_enabled_is_not_loaded) {
  HOUSE(house, 0);
  config_set(house.configuration, "modules.enabled", "edged,twin", "test");
  house_load(&house, PLUGIN_CURRENT);
  check_true(house_logged(&house, "metaManager is not enabled"));
  check_null(host_active_version(house.host));
  check_false(g_file_test(house.database, G_FILE_TEST_EXISTS));
  g_autoptr(any_message) message = message_text("m1", "{}");
  check_int_eq(host_send(house.host, "metaManager", message, TRUE, NULL), EDGECORE_NOT_FOUND);
}

TEST_CASE(Host, a_plugin_that_fails_leaves_room_for_another) {
  static const struct {
    const char *file, *said;
    int32_t code;
  } rows[] = {
      {PLUGIN_VARIANT("other-module"), "somebodyElse", EDGECORE_INVALID},
      {PLUGIN_VARIANT("bad-sql"), "table meta, step 1", EDGECORE_IO},
      {PLUGIN_VARIANT("register-fails"), "register fails on purpose", EDGECORE_IO},
      {PLUGIN_VARIANT("start-fails"), "start fails on purpose", EDGECORE_IO},
      {PLUGIN_VARIANT("wrong-major"), "wrong ABI major", EDGECORE_INVALID},
      {"/nonexistent.so", "/nonexistent.so", EDGECORE_INVALID},
  };
  HOUSE(house, 0);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].file);
    g_autoptr(GError) error = NULL;
    check_false(host_load(house.host, rows[i].file, &error));
    check_error(error, HOST_ERROR, rows[i].code, rows[i].said);
    check_null(host_active_version(house.host));
  }
  test_note("afterwards");
  house_load(&house, PLUGIN_CURRENT);
  g_autofree char *answer = house_ask(&house, "edged", "insert", "default/pod/web", POD);
  check_str_eq(answer, "\"OK\"");
}

TEST_CASE(Host, a_database_that_cannot_be_used_is_an_error) {
  HOUSE(house, 0);
  require_int_eq(g_mkdir(house.database, 0700), 0);
  g_autoptr(GError) error = NULL;
  check_false(host_load(house.host, PLUGIN_CURRENT, &error));
  check_error(error, HOST_ERROR, EDGECORE_IO, "is a directory");
  require_int_eq(g_rmdir(house.database), 0);
  house_load(&house, PLUGIN_CURRENT);
}

TEST_CASE(Host, only_one_plugin_is_loaded_at_a_time) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_V1_0);
  g_autoptr(GError) error = NULL;
  check_false(host_load(house.host, PLUGIN_CURRENT, &error));
  check_error(error, HOST_ERROR, EDGECORE_EXISTS, "1.0.0-frozen");
  g_autofree char *version = host_active_version(house.host);
  check_str_eq(version, "1.0.0-frozen");
  check_true(host_is_current(house.host, PLUGIN_V1_0));
  check_false(host_is_current(house.host, PLUGIN_CURRENT));
  check_false(host_is_down(house.host));
}

TEST_CASE(Host, what_is_queued_when_it_stops_is_counted) {
  HOUSE(house, 0);
  house_close_door(&house);
  for (guint i = 0; i < 4; i++) {
    g_autoptr(any_message) message = message_text(NULL, "{}");
    check_int_eq(host_send(house.host, "edged", message, FALSE, NULL), EDGECORE_OK);
  }
  inbox_wait(&house.edged, 1);
  house_open_door(&house);
  host_stop(house.host);
  const guint got = inbox_count(&house.edged);
  g_autofree char *line = g_strdup_printf("%u messages still queued", 4 - got);
  check_true(got == 4 || house_logged(&house, line));
  g_autoptr(any_message) late = message_text(NULL, "{}");
  check_int_eq(host_send(house.host, "edged", late, TRUE, NULL), EDGECORE_NOT_FOUND);
}

TEST_CASE(Host, may_be_built_and_ended_many_times) {
  for (guint i = 0; i < 10; i++) {
    HOUSE(house, 0);
    house_load(&house, PLUGIN_CURRENT);
    house_send(&house, NULL, "edgecontroller", "update", "default/pod/web", POD);
    if (i % 2 == 0)
      house_settle(&house);
  }
}

TEST_CASE(Host, opens_a_database_that_kubeedge_wrote) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(TESTS_SOURCE_DIR "/fixtures/kubeedge-v1.1-edge.db", &bytes, &size, NULL));
  g_autofree char *path = test_file("edge.db", bytes, (gssize)size);
  const char *rows =
      "SELECT group_concat(key || ' ' || type || ' ' || value, char(10)) FROM (SELECT * FROM meta ORDER BY key)";
  g_autofree char *before = database_value(path, rows);
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  g_autofree char *pods = house_ask(&house, "edged", "query", "any/pod", NULL);
  check_contains(pods, "nodeName");
  host_stop(house.host);
  g_autofree char *after = database_value(path, rows);
  check_true(g_strcmp0(before, after) == 0);
  g_autofree char *count = database_value(path, "SELECT count(*) FROM meta");
  check_str_eq(count, "458");
  g_autofree char *indexes = database_value(
      path, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'meta' AND sql LIKE '%type%'");
  check_str_eq(indexes, "1");
}
