/* The YAML configuration, as the host reads it and as the plugin then reads its settings. */
#include "config.h"
#include "fuzz.h"
#include "settings.h"

#include <string.h>

/* The table comes first: the plugin's pointer to it is a pointer to this. */
struct core {
  struct edgecore_core table;
  const config *values;
};

static int32_t get(const struct edgecore_core *table, const char *key, struct edgecore_config_value *value) {
  return config_get(((const struct core *)table)->values, key, value);
}

static void check_settings(const config *values) {
  const struct core core = {.table = {.size = sizeof core.table, .config_get = get}, .values = values};
  struct edgecore_error error = {.size = sizeof error};
  struct settings settings;

  if (settings_read(&core.table, &settings, &error) != EDGECORE_OK) {
    if (error.text[0] == '\0' || !g_utf8_validate(error.text, -1, NULL))
      fuzz_fail("the settings' error is no UTF-8 text: %s", error.text);
    return;
  }
  if (*settings.database == '\0' || *settings.send_group == '\0' || *settings.send_module == '\0' ||
      settings.sync_interval < 60 || settings.remote_query_timeout < 1 || settings.remote_query_attempts < 1 ||
      settings.volume_timeout < 1 || settings.outbox_max_bytes < 1024 || settings.turn_max_messages < 1 ||
      settings.turn_max_bytes < 1024)
    fuzz_fail("settings beyond their bounds were taken");
  settings_clear(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(config) first = config_new();
  g_autoptr(config) second = config_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) again = NULL;

  fuzz_begin();
  gboolean taken = config_read(first, (const char *)data, size, "fuzz.yaml", &error);
  if (config_read(second, (const char *)data, size, "fuzz.yaml", &again) != taken ||
      (taken && !config_equal(first, second)))
    fuzz_fail("the same text says two things");
  if (taken) {
    check_settings(first);
    return 0;
  }
  fuzz_check_error(error);
  if (!g_str_has_prefix(error->message, "fuzz.yaml:"))
    fuzz_fail("the error does not begin with the file: %s", error->message);
  return 0;
}
