#include "fake_core.h"
#include "fault_vfs.h"
#include "secret.h"
#include "test.h"

#include <sqlite3.h>

TEST_CASE(FakeCore, runs_a_module) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  fake_core_push(core,
                 fake_message(.source = "edged", .operation = "update", .resource = "default/pod/a", .raw = "{}"));
  fake_core_run(core, metamanager);
  g_autoptr(GPtrArray) sent = fake_core_take(core, "websocket");
  if (check_int_eq(sent->len, 1))
    check_str_eq(message_read(fake_sent_at(sent, 0)->message)->resource, "default/pod/a");
  check_int_eq(fake_core_queued(core, "edged"), 1);
  check_int_eq(fake_core_queued(core, "websocket"), 0);
  fake_core_end(core, metamanager);
}

TEST_CASE(FakeCore, lets_requests_time_out) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  fake_core_push(core, fake_message(.source = "edgecontroller", .operation = "createvolume", .resource = "a/volume/v"));
  fake_core_run(core, metamanager);
  check_int_eq(fake_core_requests(core), 1);
  fake_core_run_for(core, metamanager, 59 * G_USEC_PER_SEC);
  check_int_eq(fake_core_queued(core, "websocket"), 0);
  fake_core_run_for(core, metamanager, 2 * G_USEC_PER_SEC);
  check_int_eq(fake_core_requests(core), 0);
  check_int_eq(fake_core_queued(core, "websocket"), 1);
  fake_core_end(core, metamanager);
}

TEST_CASE(FakeCore, refuses_when_full_and_fails_on_demand) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  fake_core_set_capacity(core, "websocket", 0);
  fake_core_push(core,
                 fake_message(.source = "edged", .operation = "update", .resource = "default/pod/a", .raw = "{}"));
  fake_core_run(core, metamanager);
  check_int_eq(fake_core_held(core), 1);
  fake_core_set_capacity(core, "websocket", 1);
  fake_core_fail_nth(core, "send", 1, EDGECORE_NO_MEMORY);
  fake_core_run_for(core, metamanager, G_USEC_PER_SEC);
  check_int_eq(fake_core_held(core), 0);
  check_int_eq(fake_core_queued(core, "websocket"), 1);
  fake_core_end(core, metamanager);
}

TEST_CASE(FakeCore, gives_all_messages_back) {
  guint before = message_count_live();
  fake_core *core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  for (guint i = 0; i < 10; i++)
    fake_core_push(core,
                   fake_message(.source = "edged", .operation = "update", .resource = "default/pod/a", .raw = "{}"));
  fake_core_run(core, metamanager);
  g_autoptr(GPtrArray) some = fake_core_take_some(core, "edged", 4);
  check_int_eq(some->len, 4);
  check_int_eq(fake_core_queued(core, "edged"), 6);
  g_ptr_array_set_size(some, 0);
  fake_core_end(core, metamanager);
  fake_core_free(core);
  check_int_eq(message_count_live(), before);
}

struct logged {
  const struct edgecore_core *table;
  int32_t level;
  const char *text;
};

static void write_log(void *data) {
  const struct logged *line = data;

  line->table->log(line->table, line->level, line->text);
}

TEST_CASE(FakeCore, a_line_of_the_log_with_content_in_it_fails_the_test) {
  g_autoptr(fake_core) core = fake_core_new(NULL);
  struct logged line = {fake_core_table(core), EDGECORE_LOG_INFO, "it holds {\"password\":\"" SECRET "\"}"};

  for (; line.level <= EDGECORE_LOG_ERROR; line.level++) {
    g_autofree char *said = test_caught(write_log, &line);
    check_contains(said, "content of a message in the log: it holds {\"password\":\"" SECRET);
  }
  line.level = EDGECORE_LOG_DEBUG;
  g_autofree char *for_debugging = test_caught(write_log, &line);
  check_str_eq(for_debugging, "");
  line = (struct logged){fake_core_table(core), EDGECORE_LOG_ERROR, "default/secret/a cannot be stored"};
  g_autofree char *without = test_caught(write_log, &line);
  check_str_eq(without, "");
}

TEST_CASE(Secret, what_a_helper_adds_is_taken_out_of_what_comes_back) {
  static const char *const contents[] = {"1", "{}", "{\"a\":1}", "a text"};

  for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
    g_autofree char *with = secret_add(contents[i]);
    g_autoptr(GString) alone = g_string_new(with);
    check_contains(with, SECRET);
    secret_remove(alone);
    check_str_eq(alone->str, contents[i]);
  }
  g_autofree char *object = secret_add("{\"a\":1}");
  check_str_eq(object, "{\"secret\":\"" SECRET "\",\"a\":1}");
  g_autofree char *escaped = g_strescape(object, NULL);
  g_autoptr(GString) answer = g_string_new(escaped);
  secret_remove(answer);
  check_str_eq(answer->str, "{\\\"a\\\":1}");
}

static int count_writes(enum fault_op op, const char *path, void *data) {
  (void)path;
  *(guint *)data += op == FAULT_WRITE;
  return SQLITE_OK;
}

static void push_update(fake_core *core, const char *text) {
  g_autofree char *content = g_strconcat(text, SECRET, NULL);

  fake_core_push(core,
                 fake_message(.source = "edged", .operation = "update", .resource = "default/pod/a", .raw = content));
}

TEST_CASE(FaultVfs, is_full_on_demand) {
  fault_vfs_install();
  fault_vfs_set_syncing(FALSE);
  {
    g_autoptr(fake_core) core = fake_core_new(NULL);
    module *metamanager = fake_core_start(core, NULL);
    guint writes = 0;

    fault_vfs_set_full(TRUE);
    push_update(core, "1");
    fake_core_run(core, metamanager);
    check_contains(fake_core_log(core), "disk is full");
    check_int_eq(fake_core_queued(core, "websocket"), 0);

    fault_vfs_set_full(FALSE);
    fault_vfs_set_hook(count_writes, &writes);
    push_update(core, "2");
    fake_core_run(core, metamanager);
    check_int_ge(writes, 1);
    check_int_eq(fake_core_queued(core, "websocket"), 1);
    fault_vfs_set_hook(NULL, NULL);
    fake_core_end(core, metamanager);
  }
  fault_vfs_remove();
}

TEST_CASE(FaultVfs, fails_the_nth_call) {
  fault_vfs_install();
  {
    g_autoptr(fake_core) core = fake_core_new(NULL);
    module *metamanager = fake_core_start(core, NULL);

    fault_vfs_fail_nth(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
    push_update(core, "1");
    fake_core_run(core, metamanager);
    check_int_eq(fake_core_queued(core, "websocket"), 0);
    check_int_eq(fake_core_queued(core, "edged"), 1);
    push_update(core, "2");
    fake_core_run(core, metamanager);
    check_int_eq(fake_core_queued(core, "websocket"), 1);
    check_int_ge(fault_vfs_calls(FAULT_SYNC), 2);
    fake_core_end(core, metamanager);
  }
  fault_vfs_remove();
}
