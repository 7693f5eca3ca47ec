/* Swaps of the program edgehost, as the person sees it who ships a new file: what may happen to the installed file, what SIGHUP and `edgehost
 * swap` answer, and the conformance scenarios with a swap before every step. */
#include "cli.h"
#include "compare.h"
#include "test.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NEXT TESTS_BUILD_DIR "/tests/swap/metamanager-next.so"
#define START_FAILS TESTS_BUILD_DIR "/tests/swap/metamanager-start-fails.so"
#define STATE_2 TESTS_BUILD_DIR "/tests/swap/metamanager-state-2.so"
#define SCENARIOS TESTS_SOURCE_DIR "/conformance/scenarios.jsonl"
#define ANSWER "swapped 1.0.0 to 1.1.0-next: pause "

/* A host that runs an installed copy of the plugin, with a configuration of its own. */
struct site {
  char *file;
  char *directory;
  process *host;
  guint messages;
};

static char *copy(const char *from, const char *name) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  if (!g_file_get_contents(from, &bytes, &size, NULL))
    g_error("%s: cannot be read", from);
  return test_file(name, bytes, (gssize)size);
}

/* As cp does it: the same file gets other bytes. */
static void overwrite(const char *file, const char *from) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(from, &bytes, &size, NULL));
  int descriptor = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
  require_int_ge(descriptor, 0);
  for (gsize done = 0; done < size;) {
    gssize put = write(descriptor, bytes + done, size - done);
    require_int_ge(put, 1);
    done += (gsize)put;
  }
  close(descriptor);
}

/* The plugin that is loaded works. */
static void check_works(struct site *self) {
  g_autofree char *line =
      g_strdup_printf("{\"send\":{\"id\":\"m%u\",\"source\":\"edgecontroller\",\"operation\":\"insert\","
                      "\"resource\":\"default/pod/web\",\"content\":{\"n\":%u,\"secret\":\"" SECRET "\"}}}\n",
                      self->messages, self->messages);
  g_autofree char *answer = g_strdup_printf("\"parent_id\":\"m%u\"", self->messages++);
  check_true(process_write(self->host, line, -1));
  check_true(process_wait_for(self->host, answer));
}

static void configure(const char *text) {
  test_write("config/edge.yaml", text, -1);
}

static struct site site_new(void) {
  struct site self = {.file = copy(PLUGIN, "metamanager.so"), .directory = test_path("config")};
  g_mkdir(self.directory, 0700);
  configure("mqtt:\n  mode: 0\n");
  self.host = cli_run((const char *const[]){"--plugin", self.file, "--config", self.directory, "--forever", NULL});
  check_works(&self);
  return self;
}

static void site_end(struct site *self) {
  check_works(self);
  process_signal(self->host, SIGTERM);
  check_int_eq(process_finish(self->host), 0);
  process_free(self->host);
  g_free(self->directory);
  g_free(self->file);
}

/* Asks for a reload and waits for this part of what is said. */
static void reload(struct site *self, const char *said) {
  process_signal(self->host, SIGHUP);
  check_true(process_wait_for_error(self->host, said));
}

static outcome ask(const char *file) {
  g_autofree char *directory = test_path("run");
  return cli_call((const char *const[]){"swap", "--run-directory", directory, file, NULL}, "", 0);
}

TEST_CASE(SwapProgram, the_installed_file_is_replaced_by_rename) {
  struct site site = site_new();
  g_autofree char *new = copy(NEXT, "metamanager.so.new");
  check_int_eq(g_rename(new, site.file), 0);
  check_works(&site);
  reload(&site, "reload: " ANSWER);
  check_true(process_wait_for_error(site.host, "messages waiting, handed over "));
  check_works(&site);
  reload(&site, "metamanager.so and the configuration are unchanged, nothing happens");
  site_end(&site);
}

TEST_CASE(SwapProgram, the_installed_file_is_overwritten_in_place) {
  struct site site = site_new();
  for (guint i = 0; i < 3; i++) {
    overwrite(site.file, NEXT);
    check_works(&site);
    reload(&site, "swapped 1.0.0 to 1.1.0-next");
    overwrite(site.file, PLUGIN);
    check_works(&site);
    reload(&site, "swapped 1.1.0-next to 1.0.0");
  }
  site_end(&site);
}

TEST_CASE(SwapProgram, the_installed_file_is_cut_off) {
  struct site site = site_new();
  static const struct {
    off_t size;
    const char *said;
  } rows[] = {{70000, "not a shared object: it is cut off"}, {0, "not a shared object: it is no ELF file"}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    check_int_eq(truncate(site.file, rows[i].size), 0);
    check_works(&site);
    reload(&site, rows[i].said);
    check_true(process_wait_for_error(site.host, "; version 1.0.0 goes on"));
    check_works(&site);
  }
  check_int_eq(g_unlink(site.file), 0);
  reload(&site, "No such file or directory; version 1.0.0 goes on");
  site_end(&site);
}

TEST_CASE(SwapProgram, a_changed_configuration_is_taken_by_the_same_file) {
  struct site site = site_new();
  configure("metamanager:\n  edgesite: true\n");
  reload(&site, "reload: swapped 1.0.0 to 1.0.0: pause ");
  static const char query[] =
      "{\"send\":{\"source\":\"edged\",\"operation\":\"query\",\"resource\":\"default/secret/s\"}}\n";
  check_true(process_write(site.host, query, -1));
  check_true(process_wait_for(site.host, "{\"to\":\"websocket\",\"message\":"));
  check_true(process_wait_for(site.host, "default/secret/s"));
  reload(&site, "unchanged, nothing happens");
  process_signal(site.host, SIGKILL);
  check_int_eq(process_finish(site.host), -SIGKILL);
  process_free(site.host);
  g_free(site.directory);
  g_free(site.file);
}

TEST_CASE(SwapProgram, a_wrong_configuration_is_not_taken) {
  struct site site = site_new();
  configure("metamanager: [\n");
  reload(&site, "reload: not reloaded, all goes on as it was: ");
  check_true(process_wait_for_error(site.host, "edge.yaml:"));
  check_works(&site);
  configure("metamanager:\n  remote-query-timeout: soon\n");
  reload(&site, "register: ");
  check_true(process_wait_for_error(site.host, "edge.yaml:2: metamanager.remote-query-timeout: want"));
  check_true(process_wait_for_error(site.host, "; version 1.0.0 goes on"));
  check_works(&site);
  configure("modules:\n  enabled: [edged]\n");
  reload(&site, "module metaManager is not enabled: not registered; add it to modules.enabled; version 1.0.0 goes on");
  site_end(&site);
}

TEST_CASE(SwapProgram, the_command_answers) {
  struct site site = site_new();
  g_auto(outcome) fails = ask(START_FAILS);
  check_int_eq(fails.status, 1);
  check_str_eq(fails.output, "");
  check_str_eq(fails.error,
               "edgehost: not swapped: version 1.1.0-start-fails: start: a file of this version is missing;"
               " version 1.0.0 goes on\n");
  g_auto(outcome) cannot = ask(STATE_2);
  check_int_eq(cannot.status, 1);
  check_contains(cannot.error, "right ABI, but it cannot take this state: version 1.0.0 writes format 1, version "
                               "1.1.0-state-2 reads 2 to 2; version 1.0.0 goes on\n");
  check_works(&site);
  g_auto(outcome) works = ask(NEXT);
  check_int_eq(works.status, 0);
  check_contains(works.output, ANSWER);
  check_contains(works.output, " ms, 0 messages waiting, handed over ");
  check_contains(works.output, " bytes of state and 0 messages\n");
  check_str_eq(works.error, "");
  site_end(&site);
}

TEST_CASE(SwapProgram, a_step_reports) {
  static const char input[] = "{\"swap\":\"" NEXT "\"}\n{\"swap\":\"" START_FAILS "\"}\n" GOOD_LINE("m1");
  g_auto(outcome) end = cli_feed(NULL, input, -1);
  check_int_eq(end.status, 1);
  check_contains(end.output, "{\"swap\":{\"from\":\"1.0.0\",\"to\":\"1.1.0-next\",\"pause_ms\":");
  check_contains(end.output, ",\"waiting\":0,\"state_bytes\":");
  check_contains(end.output, ",\"state_messages\":0}}\n");
  check_contains(end.output, "{\"swap_error\":\"not swapped: version 1.1.0-start-fails: start: ");
  check_contains(end.error, "edgehost: line 2: not swapped: ");
  check_contains(end.output, "\"parent_id\":\"m1\"");
}

/* ----------------------------------------------------------------------------------------- scenarios with swaps in them */

static void add_swaps(JsonObject *scenario) {
  JsonArray *steps = json_object_get_array_member(scenario, "steps");
  for (guint i = 0; i < json_array_get_length(steps); i++)
    json_object_set_string_member(json_array_get_object_element(steps, i), "swap", i % 2 == 0 ? NEXT : PLUGIN);
}

static char *as_line(JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  return json_to_string(node, FALSE);
}

TEST_CASE(SwapProgram, all_scenarios_pass_with_a_swap_before_each_step) {
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  require_true(g_file_get_contents(SCENARIOS, &text, NULL, &error));
  g_autoptr(GPtrArray) scenarios = compare_read_lines(text, &error);
  require_no_error(error);
  g_autoptr(GString) lines = g_string_new(NULL);
  for (guint i = 0; i < scenarios->len; i++) {
    add_swaps(scenarios->pdata[i]);
    g_autofree char *line = as_line(scenarios->pdata[i]);
    g_string_append_printf(lines, "%s\n", line);
  }
  g_autofree char *file = test_file("scenarios.jsonl", lines->str, -1);
  g_auto(outcome) end = cli_call((const char *const[]){"replay", "--plugin", PLUGIN, file, NULL}, "", 0);
  test_note("%s", end.error);
  check_int_eq(end.status, 0);
  check_int_ge(count_of(end.output, "\"swap\":{\"from\":\"1.0.0\",\"to\":\"1.1.0-next\""), 70);
  g_autoptr(GPtrArray) results = compare_read_lines(end.output, &error);
  require_no_error(error);
  require_int_eq(results->len, scenarios->len);
  for (guint i = 0; i < results->len; i++) {
    g_autofree char *why = compare_scenario(scenarios->pdata[i], results->pdata[i]);
    test_note("%s", json_object_get_string_member(scenarios->pdata[i], "name"));
    check_str_eq(why, NULL);
  }
}
