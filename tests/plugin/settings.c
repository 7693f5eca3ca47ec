#include "settings.h"

#include "fixture.h"

/* What config_get finds; the test's. */
static struct edgecore_config_value given;
static const char *given_key;

static int32_t config_get(const struct edgecore_core *core, const char *key, struct edgecore_config_value *value) {
  (void)core;
  check_int_eq(value->size, sizeof *value);
  if (given_key == NULL || !g_str_equal(key, given_key))
    return EDGECORE_NOT_FOUND;
  *value = given;
  return EDGECORE_OK;
}

static const struct edgecore_core core = {.size = sizeof core, .config_get = config_get};

static void give(const char *key, enum edgecore_config_kind kind, const char *text, gint64 integer) {
  given_key = key;
  given = (struct edgecore_config_value){
      .size = sizeof given, .kind = kind, .text = text, .integer = integer, .origin = "conf/edge.yaml:12"};
}

static void check_refused(const char *key) {
  struct settings settings;

  check_fails(settings_read(&core, &settings, &failure), EDGECORE_INVALID, "conf/edge.yaml:12: ");
  check_contains(failure.text, key);
  g_autofree char *got = g_strdup_printf("got \"%s\"", given.text);
  check_contains(failure.text, got);
  check_null(settings.database);
}

TEST_CASE(Settings, all_have_a_default) {
  struct settings settings;

  given_key = NULL;
  require_ok(settings_read(&core, &settings, &failure));
  check_str_eq(settings.database, "edge.db");
  check_str_eq(settings.send_group, "hub");
  check_str_eq(settings.send_module, "websocket");
  check_false(settings.edgesite);
  check_int_eq(settings.sync_interval, 60);
  check_int_eq(settings.remote_query_timeout, 60);
  check_int_eq(settings.remote_query_attempts, 2);
  check_int_eq(settings.volume_timeout, 60);
  check_int_eq(settings.outbox_max_bytes, 16777216);
  check_int_eq(settings.turn_max_messages, 256);
  check_int_eq(settings.turn_max_bytes, 1048576);
  settings_clear(&settings);
  check_null(settings.database);
}

static const struct {
  const char *key;
  gsize offset;
} texts[] = {
    {"database.source", offsetof(struct settings, database)},
    {"metamanager.context-send-group", offsetof(struct settings, send_group)},
    {"metamanager.context-send-module", offsetof(struct settings, send_module)},
};

TEST_CASE(Settings, a_text_is_taken_as_it_is) {
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    struct settings settings;
    test_note("%s", texts[i].key);
    give(texts[i].key, EDGECORE_CONFIG_STRING, "its value", 0);
    require_ok(settings_read(&core, &settings, &failure));
    check_str_eq(G_STRUCT_MEMBER(char *, &settings, texts[i].offset), "its value");
    settings_clear(&settings);
  }
}

TEST_CASE(Settings, a_text_that_is_empty_or_none_is_refused_by_file_key_and_value) {
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    test_note("%s", texts[i].key);
    give(texts[i].key, EDGECORE_CONFIG_STRING, "", 0);
    check_refused(texts[i].key);
    give(texts[i].key, EDGECORE_CONFIG_INTEGER, "7", 7);
    check_refused(texts[i].key);
    give(texts[i].key, EDGECORE_CONFIG_LIST, "a,b", 0);
    check_refused(texts[i].key);
  }
}

static const struct {
  const char *key;
  gsize offset;
  gint64 min;
  gint64 max;
} numbers[] = {
    {"metamanager.remote-query-timeout", offsetof(struct settings, remote_query_timeout), 1, 86400},
    {"metamanager.remote-query-attempts", offsetof(struct settings, remote_query_attempts), 1, 100},
    {"metamanager.volume-timeout", offsetof(struct settings, volume_timeout), 1, 86400},
    {"metamanager.outbox-max-bytes", offsetof(struct settings, outbox_max_bytes), 1024, G_MAXINT32},
    {"metamanager.turn-max-messages", offsetof(struct settings, turn_max_messages), 1, 4096},
    {"metamanager.turn-max-bytes", offsetof(struct settings, turn_max_bytes), 1024, 268435456},
};

TEST_CASE(Settings, a_number_is_taken_from_its_smallest_to_its_greatest) {
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    const gint64 good[] = {numbers[i].min, numbers[i].max};
    for (guint j = 0; j < G_N_ELEMENTS(good); j++) {
      struct settings settings;
      test_note("%s %" G_GINT64_FORMAT, numbers[i].key, good[j]);
      give(numbers[i].key, EDGECORE_CONFIG_INTEGER, "as written", good[j]);
      require_ok(settings_read(&core, &settings, &failure));
      check_int_eq(G_STRUCT_MEMBER(gint64, &settings, numbers[i].offset), good[j]);
      settings_clear(&settings);
    }
  }
}

TEST_CASE(Settings, a_number_out_of_its_range_or_none_is_refused) {
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    test_note("%s", numbers[i].key);
    give(numbers[i].key, EDGECORE_CONFIG_INTEGER, "too small", numbers[i].min - 1);
    check_refused(numbers[i].key);
    give(numbers[i].key, EDGECORE_CONFIG_INTEGER, "too great", numbers[i].max + 1);
    check_refused(numbers[i].key);
    give(numbers[i].key, EDGECORE_CONFIG_INTEGER, "least", G_MININT64);
    check_refused(numbers[i].key);
    give(numbers[i].key, EDGECORE_CONFIG_STRING, "ten", 0);
    check_refused(numbers[i].key);
    give(numbers[i].key, EDGECORE_CONFIG_BOOLEAN, "true", 1);
    check_refused(numbers[i].key);
  }
}

TEST_CASE(Settings, a_sync_interval_under_a_minute_means_a_minute) {
  static const gint64 rows[][2] = {{-5, 60}, {0, 60}, {59, 60}, {60, 60}, {61, 61}, {3600, 3600}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct settings settings;
    test_note("%" G_GINT64_FORMAT, rows[i][0]);
    give("meta.sync.podstatus.interval", EDGECORE_CONFIG_INTEGER, "as written", rows[i][0]);
    require_ok(settings_read(&core, &settings, &failure));
    check_int_eq(settings.sync_interval, rows[i][1]);
    settings_clear(&settings);
  }
  give("meta.sync.podstatus.interval", EDGECORE_CONFIG_STRING, "often", 0);
  check_refused("meta.sync.podstatus.interval");
}

TEST_CASE(Settings, edgesite_is_true_or_false) {
  struct settings settings;

  give("metamanager.edgesite", EDGECORE_CONFIG_BOOLEAN, "true", 1);
  require_ok(settings_read(&core, &settings, &failure));
  check_true(settings.edgesite);
  settings_clear(&settings);
  give("metamanager.edgesite", EDGECORE_CONFIG_BOOLEAN, "false", 0);
  require_ok(settings_read(&core, &settings, &failure));
  check_false(settings.edgesite);
  settings_clear(&settings);
  give("metamanager.edgesite", EDGECORE_CONFIG_STRING, "yes please", 0);
  check_refused("metamanager.edgesite");
}
