#include "config.h"

#include "host.h"
#include "test.h"

#include <string.h>
#include <sys/stat.h>

static config *read_text(const char *text, GError **error) {
  config *self = config_new();
  if (config_read(self, text, strlen(text), "edge.yaml", error))
    return self;
  config_unref(self);
  return NULL;
}

static void check_value(config *self, const char *key, enum edgecore_config_kind kind, const char *text,
                        gint64 integer) {
  struct edgecore_config_value value = {.size = sizeof value};
  test_note("%s", key);
  if (!check_int_eq(config_get(self, key, &value), EDGECORE_OK))
    return;
  check_int_eq(value.kind, kind);
  check_str_eq(value.text, text);
  check_int_eq(value.integer, integer);
}

TEST_CASE(Config, has_defaults) {
  g_autoptr(config) self = config_new();
  check_value(self, "modules.enabled", EDGECORE_CONFIG_LIST, "metaManager", 0);
  check_value(self, "database.source", EDGECORE_CONFIG_STRING, "edge.db", 0);
  check_true(config_list_has(self, "modules.enabled", "metaManager"));
  check_false(config_list_has(self, "modules.enabled", "meta"));
  struct edgecore_config_value value = {.size = sizeof value};
  check_int_eq(config_get(self, "no.such", &value), EDGECORE_NOT_FOUND);
}

/* The parts of KubeEdge v1.1's own edge.yaml and modules.yaml that matter here, as they are laid out there. */
TEST_CASE(Config, reads_files_as_kubeedge_has_them) {
  g_autofree char *edge = test_file("edge.yaml",
                                    "mqtt:\n"
                                    "    server: tcp://127.0.0.1:1883 # external mqtt broker url.\n"
                                    "    mode: 2 # 0: internal mqtt broker enable only.\n"
                                    "    retain: false\n"
                                    "    session-queue-size: 100\n"
                                    "database:\n"
                                    "    source: /var/lib/kubeedge/edgecore.db\n"
                                    "metamanager:\n"
                                    "    context-send-group: hub\n"
                                    "    context-send-module: websocket\n"
                                    "    edgesite: false\n"
                                    "meta:\n"
                                    "    sync:\n"
                                    "        podstatus:\n"
                                    "            interval: 60\n",
                                    -1);
  test_write("modules.yaml",
             "modules:\n"
             "    enabled: [eventbus, servicebus, websocket, metaManager, edged, twin, edgemesh]\n",
             -1);
  g_autoptr(GError) error = NULL;
  g_autoptr(config) self = config_load(test_directory(), &error);
  require_no_error(error);
  check_value(self, "mqtt.server", EDGECORE_CONFIG_STRING, "tcp://127.0.0.1:1883", 0);
  check_value(self, "mqtt.mode", EDGECORE_CONFIG_INTEGER, "2", 2);
  check_value(self, "mqtt.retain", EDGECORE_CONFIG_BOOLEAN, "false", 0);
  check_value(self, "database.source", EDGECORE_CONFIG_STRING, "/var/lib/kubeedge/edgecore.db", 0);
  check_value(self, "metamanager.context-send-group", EDGECORE_CONFIG_STRING, "hub", 0);
  check_value(self, "metamanager.edgesite", EDGECORE_CONFIG_BOOLEAN, "false", 0);
  check_value(self, "meta.sync.podstatus.interval", EDGECORE_CONFIG_INTEGER, "60", 60);
  check_true(config_list_has(self, "modules.enabled", "metaManager"));
  check_false(config_list_has(self, "modules.enabled", "devicetwin"));
  struct edgecore_config_value value = {.size = sizeof value};
  require_int_eq(config_get(self, "meta.sync.podstatus.interval", &value), EDGECORE_OK);
  g_autofree char *origin = g_strconcat(edge, ":15", NULL);
  check_str_eq(value.origin, origin);
}

TEST_CASE(Config, resolves_scalars) {
  g_autoptr(GError) error = NULL;
  g_autoptr(config) self = read_text("a: -9223372036854775808\n"
                                     "b: 9223372036854775808\n"
                                     "c: 0x1F\n"
                                     "d: 007\n"
                                     "e: 1.5\n"
                                     "f: Yes\n"
                                     "g: 'yes'\n"
                                     "h: \"12\"\n"
                                     "i: ~\n"
                                     "j:\n"
                                     "k: {l: {m: off}}\n"
                                     "n: |\n  two\n  lines\n"
                                     "o: [a, 1, true]\n"
                                     "p: []\n",
                                     &error);
  require_no_error(error);
  check_value(self, "a", EDGECORE_CONFIG_INTEGER, "-9223372036854775808", INT64_MIN);
  check_value(self, "b", EDGECORE_CONFIG_STRING, "9223372036854775808", 0);
  check_value(self, "c", EDGECORE_CONFIG_INTEGER, "0x1F", 31);
  check_value(self, "d", EDGECORE_CONFIG_STRING, "007", 0);
  check_value(self, "e", EDGECORE_CONFIG_STRING, "1.5", 0);
  check_value(self, "f", EDGECORE_CONFIG_BOOLEAN, "Yes", 1);
  check_value(self, "g", EDGECORE_CONFIG_STRING, "yes", 0);
  check_value(self, "h", EDGECORE_CONFIG_STRING, "12", 0);
  check_value(self, "k.l.m", EDGECORE_CONFIG_BOOLEAN, "off", 0);
  check_value(self, "n", EDGECORE_CONFIG_STRING, "two\nlines\n", 0);
  check_value(self, "o", EDGECORE_CONFIG_LIST, "a,1,true", 0);
  check_value(self, "p", EDGECORE_CONFIG_LIST, "", 0);
  struct edgecore_config_value value = {.size = sizeof value};
  check_int_eq(config_get(self, "i", &value), EDGECORE_NOT_FOUND);
  check_int_eq(config_get(self, "j", &value), EDGECORE_NOT_FOUND);
}

TEST_CASE(Config, bad_yaml_is_an_error_with_file_line_and_key) {
  static const struct {
    const char *name, *text, *said[3];
  } rows[] = {
      {"malformed", "a: 1\nb: [1, 2\nc: 3\n", {"edge.yaml:", "want YAML"}},
      {"a tab for indentation", "a:\n\tb: 1\n", {"edge.yaml:2:", "want YAML"}},
      {"not closed", "a: \"text\n", {"edge.yaml:", "want YAML"}},
      {"bytes that are no characters", "a: 1\nb: \xff\xfe\n", {"edge.yaml:2:", "want YAML"}},
      {"a lone value", "just text\n", {"edge.yaml:1:", "want keys and values"}},
      {"a list at the top", "- a\n- b\n", {"edge.yaml:1:", "want keys and values"}},
      {"the same key twice", "a:\n  b: 1\na:\n  b: 2\n", {"edge.yaml:4:", "a.b:", "edge.yaml:2"}},
      {"the same key dotted", "a.b: 1\na:\n  b: 2\n", {"edge.yaml:3:", "a.b:", "edge.yaml:1"}},
      {"an empty key", "a:\n  '': 1\n", {"edge.yaml:2:", "a: want a key"}},
      {"a list as key", "? [a]\n: 1\n", {"edge.yaml:1:", "want a key"}},
      {"a list in a list", "a:\n  - [b]\n", {"edge.yaml:2:", "a: want a list of plain values"}},
      {"a mapping in a list", "a:\n  - b: 1\n", {"edge.yaml:2:", "a: want a list of plain values"}},
      {"a comma in an item", "a: ['b,c']\n", {"edge.yaml:1:", "a: want an item without a comma"}},
      {"an anchor", "a: &x 1\n", {"edge.yaml:1:", "a: want a value, got an anchor"}},
      {"an alias", "a: *x\n", {"edge.yaml:1:", "a"}},
      {"a tag", "a: !!int '7'\n", {"edge.yaml:1:", "a: want a value, got a tag"}},
      {"two documents", "a: 1\n---\nb: 2\n", {"edge.yaml:2:", "want one document"}},
      {"a NUL", "a: \"x\\0y\"\n", {"edge.yaml:1:", "a: want text, got a NUL"}},
      {"modules.enabled as a text",
       "modules:\n  enabled: metaManager\n",
       {"edge.yaml:2:", "modules.enabled: want a list"}},
      {"modules.enabled as a number", "modules: {enabled: 7}\n", {"edge.yaml:1:", "modules.enabled: want a list"}},
      {"database.source as a list", "database:\n  source: [a]\n", {"edge.yaml:2:", "database.source: want"}},
      {"database.source as a number", "database:\n  source: 7\n", {"edge.yaml:2:", "database.source: want"}},
      {"a text where keys stand",
       "a: 1\ndatabase: /data/edge.db\n",
       {"edge.yaml:2: database: want keys and values, got text \"/data/edge.db\""}},
      {"a number where keys stand",
       "metamanager: 5\n",
       {"edge.yaml:1: metamanager: want keys and values, got the number \"5\""}},
      {"a list where keys stand",
       "meta:\n  sync: [60]\n",
       {"edge.yaml:2: meta.sync: want keys and values, got the list"}},
      {"keys under a truth value",
       "metamanager:\n  edgesite:\n    enabled: true\n",
       {"edge.yaml:3: metamanager.edgesite: want a value, got keys and values"}},
      {"keys under a number",
       "metamanager:\n  remote-query-timeout:\n    unit: s\n    value: 5\n",
       {"edge.yaml:3: metamanager.remote-query-timeout: want a value, got keys and values"}},
      {"keys under keys under a number",
       "meta:\n  sync:\n    podstatus:\n      interval:\n        a: {b: 60}\n",
       {"edge.yaml:5: meta.sync.podstatus.interval: want a value, got keys and values"}},
      {"keys under a list",
       "modules:\n  enabled:\n    metaManager: true\n",
       {"edge.yaml:3: modules.enabled: want a list of module names, got keys and values"}},
      {"database.source empty", "database:\n  source: ''\n", {"edge.yaml:2:", "database.source: want"}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    test_note("%s", rows[i].name);
    g_autoptr(GError) error = NULL;
    g_autoptr(config) self = read_text(rows[i].text, &error);
    check_null(self);
    for (guint k = 0; k < G_N_ELEMENTS(rows[i].said) && rows[i].said[k] != NULL; k++)
      check_error(error, HOST_ERROR, EDGECORE_INVALID, rows[i].said[k]);
    check_lacks(error != NULL ? error->message : "", "\n");
  }
}

TEST_CASE(Config, a_key_that_only_begins_as_one_of_ours_is_not_looked_at) {
  g_autoptr(GError) error = NULL;
  g_autoptr(config) self = read_text("metamanager:\n  edgesites:\n    enabled: true\n  edge: {site: 1}\n", &error);
  require_no_error(error);
  check_value(self, "metamanager.edgesites.enabled", EDGECORE_CONFIG_BOOLEAN, "true", 1);
}

TEST_CASE(Config, bounds_depth_and_size) {
  g_autoptr(GString) deep = g_string_new(NULL);
  for (guint i = 0; i < 40; i++)
    g_string_append_printf(deep, "%*sk%u:\n", (int)i, "", i);
  g_autoptr(GError) error = NULL;
  g_autoptr(config) self = read_text(deep->str, &error);
  check_null(self);
  check_error(error, HOST_ERROR, EDGECORE_INVALID, "edge.yaml:33:");
  g_autofree char *large = g_strnfill(2 << 20, '#');
  g_autoptr(GError) too_large = NULL;
  g_autoptr(config) none = read_text(large, &too_large);
  check_null(none);
  check_error(too_large, HOST_ERROR, EDGECORE_INVALID, "edge.yaml: want at most 1048576 bytes, got more");
}

TEST_CASE(Config, takes_files_that_say_nothing) {
  static const char *const texts[] = {"", "# only a comment\n", "---\n", "a: {}\n"};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(config) self = read_text(texts[i], &error);
    check_no_error(error);
    g_autoptr(config) defaults = config_new();
    check_true(self != NULL && config_equal(self, defaults));
  }
}

static void check_load_fails(const char *directory, int code, const char *part) {
  g_autoptr(GError) error = NULL;
  g_autoptr(config) self = config_load(directory, &error);
  check_null(self);
  check_error(error, HOST_ERROR, code, part);
}

TEST_CASE(Config, a_directory_that_cannot_be_read_is_an_error) {
  check_load_fails("/no/such/directory", EDGECORE_IO, "/no/such/directory");
  check_load_fails(test_directory(), EDGECORE_NOT_FOUND, "edge.yaml: no such file");
  g_autofree char *path = test_path("edge.yaml");
  require_int_eq(mkdir(path, 0700), 0);
  check_load_fails(test_directory(), EDGECORE_IO, "edge.yaml: not a file");
}

TEST_CASE(Config, a_pipe_is_no_file_and_holds_nothing_up) {
  g_autofree char *path = test_path("edge.yaml");
  require_int_eq(mkfifo(path, 0600), 0);
  check_load_fails(test_directory(), EDGECORE_IO, "edge.yaml: not a file");
}

TEST_CASE(Config, a_key_in_two_files_is_an_error_that_names_both) {
  test_write("edge.yaml", "modules:\n  enabled: [a]\n", -1);
  test_write("modules.yml", "modules:\n  enabled: [b]\n", -1);
  test_write("notes.txt", "modules: [", -1);
  test_write(".edge.yaml.swp.yaml", "modules: [", -1);
  check_load_fails(test_directory(), EDGECORE_INVALID, "modules.yml:2: modules.enabled: ");
  check_load_fails(test_directory(), EDGECORE_INVALID, "edge.yaml:2");
}

TEST_CASE(Config, set_replaces_as_if_yaml_had_said_it) {
  g_autoptr(config) self = config_new();
  config_set(self, "database.source", "12", "--database");
  config_set(self, "modules.enabled", "a,metaManager", "line 1");
  config_set(self, "meta.sync.podstatus.interval", "90", "line 2");
  config_set(self, "metamanager.edgesite", "true", "line 3");
  check_value(self, "database.source", EDGECORE_CONFIG_STRING, "12", 0);
  check_value(self, "modules.enabled", EDGECORE_CONFIG_LIST, "a,metaManager", 0);
  check_value(self, "meta.sync.podstatus.interval", EDGECORE_CONFIG_INTEGER, "90", 90);
  check_value(self, "metamanager.edgesite", EDGECORE_CONFIG_BOOLEAN, "true", 1);
  struct edgecore_config_value value = {.size = sizeof value};
  require_int_eq(config_get(self, "database.source", &value), EDGECORE_OK);
  check_str_eq(value.origin, "--database");
  config_set(self, "metamanager.edgesite", "null", "line 4");
  check_int_eq(config_get(self, "metamanager.edgesite", &value), EDGECORE_NOT_FOUND);
}

TEST_CASE(Config, equal_says_whether_anything_changed) {
  g_autoptr(config) a = config_new();
  g_autoptr(config) b = config_new();
  check_true(config_equal(a, b));
  config_set(a, "x", "1", "here");
  check_false(config_equal(a, b));
  config_set(b, "x", "1", "there");
  check_true(config_equal(a, b));
  config_set(b, "x", "2", "there");
  check_false(config_equal(a, b));
}
