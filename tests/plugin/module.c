/* The module's life and loop: start, stop, sources, timers, and what it hands to the next version. */
#include "module.h"

#include "fake_core.h"
#include "fixture.h"
#include "database_file.h"
#include "scene.h"
#include "state.h"

#include <string.h>

#define MINUTE (60 * G_USEC_PER_SEC)

typedef struct edgecore_message any_message;

static void check_heard(struct scene *scene, const char *name, const char *want) {
  g_autofree char *heard = scene_heard(scene, name);

  check_str_eq(heard, want);
}

static void save_status(struct scene *scene) {
  scene_say(scene, "edgecontroller", "insert", "a/pod/1", "{}");
  scene_say(scene, "edged", "update", "a/podstatus/1", "1");
  scene_run(scene);
  g_ptr_array_unref(fake_core_take(scene->core, "websocket"));
  g_ptr_array_unref(fake_core_take(scene->core, "edged"));
}

/* ------------------------------------------------------------------------------------------------------------ register */

static int32_t refuse_module(const struct edgecore_core *core, const struct edgecore_module *registration,
                             struct edgecore_error *error) {
  (void)core;
  check_str_eq(registration->name, "metaManager");
  check_str_eq(registration->group, "meta");
  return error_set(error, EDGECORE_DISABLED, "metaManager is not in modules.enabled");
}

static int32_t refuse_model(const struct edgecore_core *core, const struct edgecore_model *registration,
                            struct edgecore_error *error) {
  (void)core;
  check_str_eq(registration->table, "meta");
  return error_set(error, EDGECORE_INVALID, "no table today");
}

TEST_CASE(Module, is_not_made_when_the_core_refuses_it) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  struct edgecore_core table = *fake_core_table(core);
  module *self = NULL;

  table.register_module = refuse_module;
  check_fails(module_new(&table, &self, &failure), EDGECORE_DISABLED, "modules.enabled");
  check_null(self);
  table = *fake_core_table(core);
  table.register_model = refuse_model;
  check_fails(module_new(&table, &self, &failure), EDGECORE_INVALID, "no table today");
  check_null(self);
  table = *fake_core_table(core);
  table.size = offsetof(struct edgecore_core, room);
  check_fails(module_new(&table, &self, &failure), EDGECORE_INVALID, "the host's table of functions has ");
  check_null(self);
}

TEST_CASE(Module, is_not_made_with_a_wrong_setting) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *self = NULL;

  fake_core_set(core, "metamanager.volume-timeout", "soon");
  check_fails(module_new(fake_core_table(core), &self, &failure), EDGECORE_INVALID,
              "test.yaml:1: metamanager.volume-timeout: ");
  check_null(self);
}

/* -------------------------------------------------------------------------------------------------------- start, stop */

TEST_CASE(Module, that_cannot_start_can_be_started_later) {
  g_autofree char *path = test_path("later.db");
  g_autoptr(fake_core) core = fake_core_new(path);
  module *self = NULL;

  require_ok(module_new(fake_core_table(core), &self, &failure));
  check_fails(module_start(self, NULL, &failure), EDGECORE_IO, path);
  check_fails(module_stop(self, NULL, &failure), EDGECORE_INVALID, "is not started");
  fake_database(path);
  check_ok(module_start(self, NULL, &failure));
  check_fails(module_start(self, NULL, &failure), EDGECORE_INVALID, "is started already");
  check_ok(module_stop(self, NULL, &failure));
  module_free(self);
  module_free(NULL);
}

TEST_CASE(Module, that_is_stopped_leaves_no_file_open_and_no_message_alive) {
  const guint before = message_count_live();
  struct scene scene = scene_begin(NULL);
  g_autofree char *path = g_strdup(fake_core_database(scene.core));

  scene_link(&scene, TRUE);
  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "{}");
  scene_say(&scene, "edged", "query", "a/secret/s", NULL);
  module_run_inbox(scene.module);
  check_int_ge(database_file_count_open(path), 1);
  scene_end(&scene);
  check_int_eq(database_file_count_open(path), 0);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Module, goes_on_when_it_cannot_be_stopped) {
  struct scene scene = scene_begin(NULL);
  struct edgecore_state too_short = {.size = sizeof too_short - 1};

  check_fails(module_stop(scene.module, &too_short, &failure), EDGECORE_INVALID, "the struct for the state has ");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "{}");
  check_heard(&scene, "edged", "insert a/pod/1 {}\n");
  scene_end(&scene);
}

TEST_CASE(Module, works_on_sources_of_the_threads_context_and_leaves_none) {
  GMainContext *context = g_main_context_new();
  g_autoptr(fake_core) core = fake_core_new(NULL);

  g_main_context_push_thread_default(context);
  module *self = fake_core_start(core, NULL);
  g_main_context_pop_thread_default(context);
  check_false(g_main_context_iteration(context, FALSE));
  fake_core_push(core, fake_message(.source = "edgecontroller", .operation = "insert", .resource = "a/pod/1"));
  check_true(g_main_context_iteration(context, FALSE));
  check_int_eq(fake_core_inbox_length(core), 0);
  check_int_eq(fake_core_queued(core, "edged"), 1);

  /* The timer, an hour later. */
  fake_core_advance(core, G_TIME_SPAN_HOUR);
  fake_core_push(core, fake_message(.operation = "anything"));
  while (g_main_context_iteration(context, FALSE))
    continue;
  check_int_le(fake_core_now(core), module_due(self));

  check_ok(module_stop(self, NULL, &failure));
  fake_core_push(core, fake_message(.source = "edgecontroller", .operation = "insert", .resource = "a/pod/2"));
  check_false(g_main_context_iteration(context, FALSE));
  check_int_eq(fake_core_inbox_length(core), 1);
  module_free(self);
  g_main_context_unref(context);
}

/* ------------------------------------------------------------------------------------------------------------- timers */

TEST_CASE(Module, syncs_pod_statuses_once_an_interval) {
  static const char *const settings[] = {"meta.sync.podstatus.interval", "120", NULL};
  struct scene scene = scene_begin(settings);

  save_status(&scene);
  scene_run_for(&scene, 2 * MINUTE - 1000000);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 0);
  scene_run_for(&scene, 1000000);
  check_heard(&scene, "websocket", "update a/podstatus [1]\n");
  scene_run_for(&scene, 10 * MINUTE);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 5);
  scene_end(&scene);
}

TEST_CASE(Module, syncs_pod_statuses_at_each_new_connection) {
  struct scene scene = scene_begin(NULL);

  save_status(&scene);
  scene_link(&scene, TRUE);
  check_heard(&scene, "websocket", "update a/podstatus [1]\n");
  scene_link(&scene, TRUE);
  scene_link(&scene, FALSE);
  check_heard(&scene, "websocket", "");
  scene_link(&scene, TRUE);
  check_heard(&scene, "websocket", "update a/podstatus [1]\n");
  scene_end(&scene);
}

/* Its own queue may be full of what the others say, for as long as they say it. */
TEST_CASE(Module, needs_no_room_in_its_own_queue_for_the_sync) {
  struct scene scene = scene_begin(NULL);

  save_status(&scene);
  fake_core_set_capacity(scene.core, FAKE_SELF, 0);
  scene_run_for(&scene, MINUTE + 100000);
  check_int_eq(fake_core_held(scene.core), 0);
  check_heard(&scene, "websocket", "update a/podstatus [1]\n");
  scene_end(&scene);
}

TEST_CASE(Module, has_nothing_to_do_but_the_next_sync_when_it_is_idle) {
  struct scene scene = scene_begin(NULL);
  const gint64 next_sync = fake_core_now(scene.core) + MINUTE;

  save_status(&scene);
  scene_run_for(&scene, 10 * G_USEC_PER_SEC);
  check_int_eq(module_due(scene.module), next_sync);
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(Module, gives_upstreams_rows_their_checksums_when_it_is_idle) {
  g_autofree char *path = fixture_upstream_database();
  struct scene scene = {.core = fake_core_new(path)};

  scene.module = fake_core_start(scene.core, NULL);
  check_rows(path, "SELECT count(sum) FROM meta", "0");
  scene_run_for(&scene, 30 * G_USEC_PER_SEC);
  check_rows(path, "SELECT count(*), count(sum) FROM meta", "458|458");
  scene_end(&scene);
}

/* ---------------------------------------------------------------------------------------------------------- hand-over */

TEST_CASE(Module, hands_over_the_link_and_the_time_of_the_next_sync) {
  struct scene scene = scene_begin(NULL);

  save_status(&scene);
  scene_link(&scene, FALSE);
  scene_run_for(&scene, 50 * G_USEC_PER_SEC);
  scene_swap(&scene);
  scene_say(&scene, "edgefunction", "action_result", "a/function/f", "1");
  check_heard(&scene, "websocket", "");
  check_int_eq(scene_count(&scene, SCENE_OUTBOX), 1);
  scene_link(&scene, TRUE);
  scene_run_for(&scene, 1000000);
  check_heard(&scene, "websocket", "action_result a/function/f 1\nupdate a/podstatus [1]\n");
  scene_swap(&scene);
  scene_run_for(&scene, 8999999);
  check_heard(&scene, "websocket", "");
  scene_run_for(&scene, 1);
  check_heard(&scene, "websocket", "update a/podstatus [1]\n");
  scene_end(&scene);
}

TEST_CASE(Module, an_edge_site_stays_connected_whatever_it_is_handed) {
  struct scene scene = scene_begin(NULL);

  scene_link(&scene, FALSE);
  fake_core_set(scene.core, "metamanager.edgesite", "true");
  scene_swap(&scene);
  scene_say(&scene, "edged", "query", "a/node/n", NULL);
  scene_run(&scene);
  check_int_eq(fake_core_requests(scene.core), 1);
  scene_end(&scene);
}

TEST_CASE(Module, hands_over_what_full_neighbours_have_not_taken) {
  const guint before = message_count_live();
  struct scene scene = scene_begin(NULL);

  fake_core_set_capacity(scene.core, "edged", 1);
  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/2", "2");
  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "3");
  module_run_inbox(scene.module);
  scene_swap(&scene);
  check_int_eq(fake_core_held(scene.core), 4);
  fake_core_set_capacity(scene.core, "edged", 100);
  fake_core_set_capacity(scene.core, "websocket", 100);
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/2 2\ncreatevolume a/volume/v 3\n");
  check_heard(&scene, "websocket", "response a/pod/1 \"OK\"\nresponse a/pod/2 \"OK\"\n");
  check_int_eq(fake_core_held(scene.core), 0);
  scene_end(&scene);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Module, an_outcome_after_the_swap_is_handled_by_the_next_version) {
  struct scene scene = scene_begin(NULL);

  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "{}");
  scene_run(&scene);
  g_autoptr(GPtrArray) asked = fake_core_take(scene.core, "edged");
  scene_swap(&scene);
  any_message *request = fake_sent_at(asked, 0)->message;
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edged", "made")));
  check_heard(&scene, "websocket", "response a/volume/v made\n");
  scene_end(&scene);
}

TEST_CASE(Module, takes_its_own_state_back_when_the_next_version_cannot) {
  struct scene scene = scene_begin(NULL);
  struct edgecore_state state = {.size = sizeof state};

  scene_link(&scene, TRUE);
  scene_say(&scene, "edged", "query", "a/secret/s", NULL);
  scene_run(&scene);
  g_autoptr(GPtrArray) asked = fake_core_take(scene.core, "websocket");
  fake_core_set_capacity(scene.core, "edged", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  module_run_inbox(scene.module);
  require_ok(module_stop(scene.module, &state, &failure));
  check_int_eq(state.format, STATE_FORMAT);
  require_ok(module_start(scene.module, &state, &failure));

  any_message *request = fake_sent_at(asked, 0)->message;
  check_true(fake_core_complete(scene.core, request, EDGECORE_OK, fake_reply(request, "edgecontroller", "2")));
  fake_core_set_capacity(scene.core, "edged", 10);
  scene_run_for(&scene, 20000);
  check_heard(&scene, "edged", "insert a/pod/1 1\nresponse a/secret/s 2\n");
  scene_end(&scene);
}

TEST_CASE(Module, refuses_a_state_that_is_none_and_can_still_be_started) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  const struct edgecore_state state = {
      .size = sizeof state, .format = STATE_FORMAT, .data = "not a state at all", .data_size = 18};
  module *self = NULL;

  require_ok(module_new(fake_core_table(core), &self, &failure));
  check_fails(module_start(self, &state, &failure), EDGECORE_UNSUPPORTED_STATE, "its checksum is wrong");
  check_int_eq(database_file_count_open(fake_core_database(core)), 0);
  check_ok(module_start(self, NULL, &failure));
  check_ok(module_stop(self, NULL, &failure));
  module_free(self);
}

TEST_CASE(Module, that_ends_for_good_keeps_what_is_for_the_cloud_and_names_what_is_lost) {
  struct scene scene = scene_begin(NULL);
  g_autofree char *path = g_strdup(fake_core_database(scene.core));

  fake_core_set_capacity(scene.core, "edged", 0);
  fake_core_set_capacity(scene.core, "websocket", 0);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  module_run_inbox(scene.module);
  require_ok(module_stop(scene.module, NULL, &failure));
  check_rows(path, "SELECT operation, resource FROM metamanager_outbox", "response|a/pod/1");
  check_contains(fake_core_log(scene.core), "warning stopped with 1 deliveries and 0 messages that nobody took");
  module_free(scene.module);
  fake_core_free(scene.core);
}
