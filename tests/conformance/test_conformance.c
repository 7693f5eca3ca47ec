/* The plugin as a black box: `edgehost replay` runs every scenario on the built object, and each is a test of its own. */
#include "compare.h"
#include "process.h"
#include "test.h"

#include <string.h>

#define SCENARIOS TESTS_SOURCE_DIR "/conformance/scenarios.jsonl"
#define SCENARIO_COUNT 77

struct scenario_row {
  JsonObject *scenario;
  int line;
};

static GPtrArray *scenarios;

/* Results by name; a replay is run when the first test asks. */
static GHashTable *results;
static int replay_status;
static char *replay_errors;

static const char *name_of(JsonObject *scenario) {
  return json_object_get_string_member(scenario, "name");
}

static void replay(void) {
  if (results != NULL)
    return;
  results = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_object_unref);
  const char *argv[] = {TESTS_BUILD_DIR "/host-stub/edgehost",    "replay",  "--log-level", "info", "--plugin",
                        TESTS_BUILD_DIR "/plugin/metamanager.so", SCENARIOS, NULL};
  g_autoptr(process) run = process_start(argv, test_directory());
  replay_status = process_finish(run);
  replay_errors = g_strdup(process_error(run)->str);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) lines = compare_read_lines(process_output(run)->str, &error);
  if (!check_no_error(error))
    return;
  for (guint i = 0; i < lines->len; i++)
    g_hash_table_insert(results, g_strdup(name_of(lines->pdata[i])), json_object_ref(lines->pdata[i]));
}

static void scenario_run(const void *data) {
  const struct scenario_row *row = data;
  replay();
  JsonObject *result = g_hash_table_lookup(results, name_of(row->scenario));
  if (!test_that(result != NULL, SCENARIOS, row->line, "%s: not replayed", name_of(row->scenario)))
    return;
  g_autofree char *why = compare_scenario(row->scenario, result);
  test_that(why == NULL, SCENARIOS, row->line, "%s: %s", name_of(row->scenario), why);
}

TEST_GENERATOR(scenarios) {
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  if (g_file_get_contents(SCENARIOS, &text, NULL, &error))
    scenarios = compare_read_lines(text, &error);
  if (scenarios == NULL)
    g_error("%s: %s", SCENARIOS, error->message);
  static struct scenario_row rows[SCENARIO_COUNT];
  for (guint i = 0; i < scenarios->len && i < SCENARIO_COUNT; i++) {
    rows[i] = (struct scenario_row){scenarios->pdata[i], (int)i + 1};
    test_add("Scenario", name_of(rows[i].scenario), SCENARIOS, rows[i].line, scenario_run, &rows[i]);
  }
}

TEST_CASE(Conformance, all_scenarios_are_there_under_names_of_their_own) {
  check_int_eq(scenarios->len, SCENARIO_COUNT);
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < scenarios->len; i++)
    g_hash_table_add(names, (char *)name_of(scenarios->pdata[i]));
  check_int_eq(g_hash_table_size(names), SCENARIO_COUNT);
}

TEST_CASE(Conformance, the_replay_ends_well_and_writes_one_line_a_scenario) {
  replay();
  test_note("%s", replay_errors);
  check_int_eq(replay_status, 0);
  check_int_eq(g_hash_table_size(results), SCENARIO_COUNT);
}
