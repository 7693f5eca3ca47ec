#include "settings.h"

#include "error.h"

#include <stdlib.h>
#include <sys/stat.h>

/* The shortest interval of the pod status sync, and the default, in seconds; upstream's. */
#define SYNC_INTERVAL_MIN 60

static const struct {
  const char *key;
  gsize offset;
  const char *fallback;
} strings[] = {
    {"database.source", offsetof(struct settings, database), "edge.db"},
    {"metamanager.context-send-group", offsetof(struct settings, send_group), "hub"},
    {"metamanager.context-send-module", offsetof(struct settings, send_module), "websocket"},
};

static const struct {
  const char *key;
  gsize offset;
  gint64 fallback;
  gint64 min;
  gint64 max;
  const char *unit;
} integers[] = {
    {"meta.sync.podstatus.interval", offsetof(struct settings, sync_interval), SYNC_INTERVAL_MIN, G_MININT32,
     G_MAXINT32, "seconds"},
    {"metamanager.remote-query-timeout", offsetof(struct settings, remote_query_timeout), 60, 1, 86400, "seconds"},
    {"metamanager.remote-query-attempts", offsetof(struct settings, remote_query_attempts), 2, 1, 100, "attempts"},
    {"metamanager.volume-timeout", offsetof(struct settings, volume_timeout), 60, 1, 86400, "seconds"},
    {"metamanager.outbox-max-bytes", offsetof(struct settings, outbox_max_bytes), 16 << 20, 1 << 10, G_MAXINT32,
     "bytes"},
    {"metamanager.turn-max-messages", offsetof(struct settings, turn_max_messages), 256, 1, 4096, "messages"},
    {"metamanager.turn-max-bytes", offsetof(struct settings, turn_max_bytes), 1 << 20, 1 << 10, 256 << 20, "bytes"},
};

static gboolean get(const struct edgecore_core *core, const char *key, struct edgecore_config_value *value) {
  *value = (struct edgecore_config_value){.size = sizeof *value};
  return core->config_get(core, key, value) == EDGECORE_OK;
}

static int32_t read_strings(const struct edgecore_core *core, struct settings *settings, struct edgecore_error *error) {
  struct edgecore_config_value value;

  for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
    const char *text = strings[i].fallback;
    if (get(core, strings[i].key, &value)) {
      if (value.kind != EDGECORE_CONFIG_STRING || *value.text == '\0')
        return error_set(error, EDGECORE_INVALID,
                         "%s: %s: want a text that is not empty (what is no text needs quotes), got \"%s\"",
                         value.origin, strings[i].key, value.text);
      text = value.text;
    }
    G_STRUCT_MEMBER(char *, settings, strings[i].offset) = g_strdup(text);
  }
  return EDGECORE_OK;
}

static int32_t read_integers(const struct edgecore_core *core, struct settings *settings,
                             struct edgecore_error *error) {
  struct edgecore_config_value value;

  for (gsize i = 0; i < G_N_ELEMENTS(integers); i++) {
    gint64 number = integers[i].fallback;
    if (get(core, integers[i].key, &value)) {
      if (value.kind != EDGECORE_CONFIG_INTEGER || value.integer < integers[i].min || value.integer > integers[i].max)
        return error_set(error, EDGECORE_INVALID,
                         "%s: %s: want a whole number of %s from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                         ", got \"%s\"",
                         value.origin, integers[i].key, integers[i].unit, integers[i].min, integers[i].max, value.text);
      number = value.integer;
    }
    G_STRUCT_MEMBER(gint64, settings, integers[i].offset) = number;
  }
  settings->sync_interval = MAX(settings->sync_interval, SYNC_INTERVAL_MIN);
  return EDGECORE_OK;
}

static int32_t read_edgesite(const struct edgecore_core *core, struct settings *settings,
                             struct edgecore_error *error) {
  static const char key[] = "metamanager.edgesite";
  struct edgecore_config_value value;

  if (!get(core, key, &value))
    return EDGECORE_OK;
  if (value.kind != EDGECORE_CONFIG_BOOLEAN)
    return error_set(error, EDGECORE_INVALID, "%s: %s: want true or false, got \"%s\"", value.origin, key, value.text);
  settings->edgesite = value.integer != 0;
  return EDGECORE_OK;
}

int32_t settings_read(const struct edgecore_core *core, struct settings *settings, struct edgecore_error *error) {
  *settings = (struct settings){0};
  int32_t code = read_strings(core, settings, error);

  if (code == EDGECORE_OK)
    code = read_integers(core, settings, error);
  if (code == EDGECORE_OK)
    code = read_edgesite(core, settings, error);
  if (code != EDGECORE_OK)
    settings_clear(settings);
  return code;
}

void settings_follow_link(struct settings *settings) {
  struct stat status;
  char *file = NULL;

  if (lstat(settings->database, &status) == 0 && S_ISLNK(status.st_mode))
    file = realpath(settings->database, NULL);
  if (file == NULL)
    return;
  g_free(settings->database);
  settings->database = g_strdup(file);
  free(file);
}

void settings_clear(struct settings *settings) {
  g_free(settings->database);
  g_free(settings->send_group);
  g_free(settings->send_module);
  *settings = (struct settings){0};
}
