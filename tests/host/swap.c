/* How one generation of the plugin follows another while the host runs. */
#include "host.h"
#include "house.h"
#include "neighbours.h"
#include "no_threads.h"
#include "output.h"
#include "secret.h"
#include "test.h"

#include <string.h>
#include <unistd.h>

#define POD "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"secret\":\"" SECRET "\"}"

static gboolean swap_to(struct house *house, const char *file, char **why) {
  g_autoptr(GError) error = NULL;
  gboolean is_done = host_swap(house->host, file, NULL, NULL, &error);
  check_true(is_done == (error == NULL));
  *why = error != NULL ? g_strdup(error->message) : NULL;
  return is_done;
}

static void ignore(host *owner, const char *module, struct edgecore_message *message, void *data) {
  (void)owner, (void)module, (void)message, (void)data;
}

static void check_active(struct house *house, const char *want) {
  g_autofree char *version = host_active_version(house->host);
  check_str_eq(version, want);
}

TEST_CASE(Swap, the_same_plugin_follows_itself) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "m1", "edgecontroller", "insert", "default/pod/web", POD);
  house_settle(&house);
  g_autofree char *version = host_active_version(house.host);
  for (guint i = 0; i < 5; i++) {
    struct host_swap_report report;
    g_autoptr(GError) error = NULL;
    check_true(host_swap(house.host, PLUGIN_CURRENT, NULL, &report, &error));
    check_no_error(error);
    check_str_eq(report.from_version, version);
    check_str_eq(report.to_version, version);
    check_int_eq(report.unload_left, 0);
    host_swap_report_clear(&report);
  }
  g_autofree char *stored = house_ask(&house, "edged", "query", "default/pod/web", NULL);
  check_contains(stored, "web");
}

TEST_CASE(Swap, what_waits_in_the_queue_is_handled_by_the_next) {
  enum { COUNT = 500 };
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  for (guint i = 0; i < COUNT; i++) {
    g_autofree char *id = g_strdup_printf("m%u", i);
    house_send(&house, id, "edgecontroller", "insert", "default/pod/web", POD);
    g_autoptr(GError) error = NULL;
    if (i % 50 == 0)
      check_true(host_swap(house.host, PLUGIN_CURRENT, NULL, NULL, &error));
    check_no_error(error);
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

TEST_CASE(Swap, a_request_in_flight_is_answered_to_the_next) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "v1", "edgecontroller", "createvolume", "default/volume/x", "{}");
  struct edgecore_message *asked = inbox_wait(&house.edged, 1);
  g_autofree char *why = NULL;
  check_true(swap_to(&house, PLUGIN_CURRENT, &why));
  check_str_eq(why, NULL);
  g_autoptr(any_message) answer = message_answer(asked, "edged", "7");
  check_int_eq(host_respond_as(house.host, "edged", answer, NULL), EDGECORE_OK);
  house_settle(&house);
  const struct edgecore_message_fields *got = message_read(inbox_wait(&house.websocket, 1));
  check_str_eq(got->parent_id, "v1");
  check_mem_eq(got->content, got->content_size, "7", 1);
}

TEST_CASE(Swap, the_link_state_goes_along) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "c1", "websocket", "publish", "default/node/connection", "\"cloud_connected\"");
  house_settle(&house);
  g_autofree char *why = NULL;
  check_true(swap_to(&house, PLUGIN_CURRENT, &why));
  /* Connected, so a secret that is not there is asked of the cloud. */
  house_send(&house, "q1", "edged", "query", "default/secret/key", NULL);
  struct edgecore_message *asked = inbox_wait(&house.websocket, 1);
  check_str_eq(message_read(asked)->operation, "query");
  check_str_eq(message_read(asked)->resource, "default/secret/key");
  g_autoptr(any_message) answer = message_answer(asked, "edgecontroller", "{\"data\":1}");
  check_int_eq(host_respond_as(house.host, "websocket", answer, NULL), EDGECORE_OK);
  house_settle(&house);
  check_str_eq(message_read(inbox_wait(&house.edged, 1))->parent_id, "q1");
}

TEST_CASE(Swap, a_plugin_of_abi_1_0_is_taken_and_keeps_its_own_state) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_V1_0);
  g_autofree char *why = NULL;
  for (guint i = 0; i < 3; i++) {
    g_autofree char *answer = house_ask(&house, "edged", "query", "default/pod/web", NULL);
    check_str_eq(answer, "\"v1.0\"");
    check_true(swap_to(&house, PLUGIN_V1_0, &why));
    check_str_eq(why, NULL);
  }
}

TEST_CASE(Swap, a_held_delivery_goes_along) {
  HOUSE(house, 1);
  house_load(&house, PLUGIN_V1_0);
  house_close_door(&house);
  for (guint i = 0; i < 4; i++) /* one in edged's hands, one in its queue, one held, one in the plugin's queue */
    house_send(&house, NULL, "edged", "query", "default/pod/web", NULL);
  inbox_wait(&house.edged, 1);
  g_autofree char *why = NULL;
  check_true(swap_to(&house, PLUGIN_V1_0, &why));
  house_open_door(&house);
  house_settle(&house);
  check_int_eq(inbox_count(&house.edged), 4);
}

TEST_CASE(Swap, a_state_that_cannot_be_taken_puts_the_old_one_back) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_VARIANT("whole")); /* hands over nothing, and calls it state format 1 */
  g_autofree char *why = NULL;
  check_false(swap_to(&house, PLUGIN_CURRENT, &why));
  check_contains(why, "state");
  check_active(&house, "0.1-variant");
  check_false(host_is_down(house.host));
}

TEST_CASE(Swap, a_plugin_of_abi_1_0_and_the_current_one_follow_each_other) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  g_autofree char *current = host_active_version(house.host);
  g_autofree char *why = NULL;
  house_send(&house, "m1", "edgecontroller", "insert", "default/pod/web", POD);
  house_settle(&house); /* the one of ABI 1.0 would take it, and not store it */
  check_true(swap_to(&house, PLUGIN_V1_0, &why));
  check_active(&house, "1.0.0-frozen");
  g_autofree char *answer = house_ask(&house, "edged", "query", "default/pod/web", NULL);
  check_str_eq(answer, "\"v1.0\"");
  check_true(swap_to(&house, PLUGIN_CURRENT, &why));
  check_active(&house, current);
  g_autofree char *stored = house_ask(&house, "edged", "query", "default/pod/web", NULL);
  check_contains(stored, "web");
}

TEST_CASE(Swap, a_failure_changes_nothing) {
  static const struct {
    const char *file, *said;
  } rows[] = {
      {"/nonexistent.so", "/nonexistent.so"},
      {TESTS_SOURCE_DIR "/conformance/scenarios.jsonl", "not a shared object"},
      {PLUGIN_VARIANT("wrong-major"), "wrong ABI major"},
      {PLUGIN_VARIANT("no-stop"), "symbol missing"},
      {PLUGIN_VARIANT("register-fails"), "register fails on purpose"},
  };
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  g_autofree char *version = host_active_version(house.host);
  house_send(&house, "m1", "edgecontroller", "insert", "default/pod/web", POD);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].file);
    g_autofree char *why = NULL;
    check_false(swap_to(&house, rows[i].file, &why));
    check_contains(why, rows[i].said);
    check_active(&house, version);
    g_autofree char *stored = house_ask(&house, "edged", "query", "default/pod/web", NULL);
    check_contains(stored, "web");
    check_false(host_is_down(house.host));
  }
}

TEST_CASE(Swap, without_a_thread_for_the_next_the_old_one_goes_on) {
  HOUSE(house, 0);
  g_autofree char *why = NULL;
  house_load(&house, PLUGIN_CURRENT);
  house_send(&house, "m1", "edgecontroller", "insert", "default/pod/web", POD);
  no_threads_after(0);
  check_false(swap_to(&house, PLUGIN_CURRENT, &why));
  no_threads_end();
  check_contains(why, PLUGIN_CURRENT);
  check_contains(why, "no thread");
  house_settle(&house);
  g_autofree char *stored = house_ask(&house, "edged", "query", "default/pod/web", NULL);
  check_contains(stored, "web");
  g_autofree char *later = NULL;
  check_true(swap_to(&house, PLUGIN_CURRENT, &later));
}

TEST_CASE(Swap, without_a_thread_what_starts_says_so) {
  HOUSE(house, 0);
  g_autoptr(GError) module = NULL, written = NULL, around = NULL;
  g_autoptr(any_message) query = house_message("q1", "edged", "query", "default/pod/web", NULL);
  struct edgecore_error asked = {.size = sizeof asked};
  no_threads_after(0);
  check_false(host_add_module(house.host, "parrot", "birds", ignore, NULL, &module));
  check_null(output_new(STDOUT_FILENO, NULL, NULL, &written));
  check_null(neighbours_new(house.host, NULL, NULL, &around));
  check_null(host_send_sync(house.host, "edged", query, 1000, &asked));
  no_threads_end();
  check_error(module, HOST_ERROR, EDGECORE_NO_MEMORY, "\"parrot\": no thread");
  check_error(written, HOST_ERROR, EDGECORE_NO_MEMORY, "no thread for the output");
  check_error(around, HOST_ERROR, EDGECORE_NO_MEMORY, "no thread for the neighbours");
  check_int_eq(asked.code, EDGECORE_NO_MEMORY);
  check_contains(asked.text, "no thread for the deadline of a request to module \"edged\"");
  check_true(host_add_module(house.host, "parrot", "birds", ignore, NULL, NULL));
}

TEST_CASE(Swap, a_new_configuration_comes_with_it) {
  HOUSE(house, 0);
  house_load(&house, PLUGIN_CURRENT);
  g_autoptr(config) connected = config_new();
  config_set(connected, "database.source", house.database, "test");
  config_set(connected, "metamanager.edgesite", "true", "test");
  g_autoptr(config) wrong = config_new();
  config_set(wrong, "database.source", house.database, "test");
  config_set(wrong, "metamanager.remote-query-timeout", "soon", "edge.yaml:7");
  g_autoptr(GError) error = NULL;
  check_false(host_swap(house.host, PLUGIN_CURRENT, wrong, NULL, &error));
  check_contains(error != NULL ? error->message : NULL, "metamanager.remote-query-timeout");
  check_contains(error != NULL ? error->message : NULL, "edge.yaml:7");
  g_clear_error(&error);
  check_true(host_swap(house.host, PLUGIN_CURRENT, connected, NULL, &error));
  check_no_error(error);
}
