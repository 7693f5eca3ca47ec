#include "config.h"
#include "config_yaml.h"
#include "failure.h"
#include <string.h>

struct entry {
  enum edgecore_config_kind kind;
  char *text;
  char *origin;
  gint64 integer;
  gboolean is_default;
};

struct config {
  gatomicrefcount references;
  GHashTable *entries; /* key -> struct entry */
};

/* Keys whose type is the host's own business. */
static const struct {
  const char *key;
  enum edgecore_config_kind kind;
  const char *wanted;
} typed_keys[] = {
    {"modules.enabled", EDGECORE_CONFIG_LIST, "a list of module names"},
    {"database.source", EDGECORE_CONFIG_STRING, "a file name"},
};

/* The plugin's own keys: what they take is its business, but it is a value. */
static const char *const value_keys[] = {
    "metamanager.context-send-group", "metamanager.context-send-module",  "metamanager.edgesite",
    "meta.sync.podstatus.interval",   "metamanager.remote-query-timeout", "metamanager.remote-query-attempts",
    "metamanager.volume-timeout",     "metamanager.outbox-max-bytes",     "metamanager.turn-max-messages",
    "metamanager.turn-max-bytes",
};

/* Under these stand keys and values. */
static const char *const sections[] = {"database",    "meta",    "meta.sync", "meta.sync.podstatus",
                                       "metamanager", "modules", NULL};

static void entry_free(gpointer data) {
  struct entry *entry = data;

  g_free(entry->text);
  g_free(entry->origin);
  g_free(entry);
}

static void put(config *self, const char *key, enum edgecore_config_kind kind, const char *text, gint64 integer,
                const char *origin, gboolean is_default) {
  struct entry *entry = g_new0(struct entry, 1);

  entry->kind = kind;
  entry->text = g_strdup(text);
  entry->origin = g_strdup(origin);
  entry->integer = integer;
  entry->is_default = is_default;
  g_hash_table_replace(self->entries, g_strdup(key), entry);
}

static const char *kind_name(enum edgecore_config_kind kind) {
  switch (kind) {
  case EDGECORE_CONFIG_STRING:
    return "text";
  case EDGECORE_CONFIG_INTEGER:
    return "the number";
  case EDGECORE_CONFIG_BOOLEAN:
    return "the truth value";
  case EDGECORE_CONFIG_LIST:
    return "the list";
  }
  return "something";
}

static gboolean is_under(const char *key, const char *outer) {
  gsize length = strlen(outer);

  return strncmp(key, outer, length) == 0 && key[length] == '.';
}

static gboolean fail_keys(const struct config_value *value, const char *key, const char *wanted, GError **error) {
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: %s: want %s, got keys and values", value->origin, key, wanted);
  return FALSE;
}

/* What stands under a key that takes a value would be no key that anybody asks for. */
static gboolean check_place(const struct config_value *value, GError **error) {
  for (gsize i = 0; i < G_N_ELEMENTS(typed_keys); i++)
    if (is_under(value->key, typed_keys[i].key))
      return fail_keys(value, typed_keys[i].key, typed_keys[i].wanted, error);
  for (gsize i = 0; i < G_N_ELEMENTS(value_keys); i++)
    if (is_under(value->key, value_keys[i]))
      return fail_keys(value, value_keys[i], "a value", error);
  return TRUE;
}

static gboolean check_type(const struct config_value *value, GError **error) {
  if (g_strv_contains(sections, value->key)) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: %s: want keys and values, got %s \"%.64s\"", value->origin,
                value->key, kind_name(value->kind), value->text);
    return FALSE;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(typed_keys); i++) {
    if (strcmp(value->key, typed_keys[i].key) != 0)
      continue;
    if (value->kind == typed_keys[i].kind && (value->kind == EDGECORE_CONFIG_LIST || *value->text != '\0'))
      return TRUE;
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: %s: want %s, got %s \"%.64s\"", value->origin, value->key,
                typed_keys[i].wanted, kind_name(value->kind), value->text);
    return FALSE;
  }
  return TRUE;
}

static gboolean take_value(const struct config_value *value, void *data, GError **error) {
  config *self = data;
  const struct entry *before = g_hash_table_lookup(self->entries, value->key);

  if (before && !before->is_default) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: %s: want it once, got it already at %s", value->origin,
                value->key, before->origin);
    return FALSE;
  }
  if (!check_place(value, error) || !check_type(value, error))
    return FALSE;
  put(self, value->key, value->kind, value->text, value->integer, value->origin, FALSE);
  return TRUE;
}

config *config_new(void) {
  config *self = g_new0(config, 1);

  g_atomic_ref_count_init(&self->references);
  self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
  put(self, "modules.enabled", EDGECORE_CONFIG_LIST, "metaManager", 0, "default", TRUE);
  put(self, "database.source", EDGECORE_CONFIG_STRING, "edge.db", 0, "default", TRUE);
  return self;
}

gboolean config_read(config *self, const char *text, gsize size, const char *name, GError **error) {
  return config_yaml_read(text, size, name, take_value, self, error);
}

config *config_load(const char *directory, GError **error) {
  g_autoptr(GPtrArray) files = config_yaml_list(directory, error);
  if (!files)
    return NULL;

  g_autoptr(config) self = config_new();
  for (guint i = 0; i < files->len; i++) {
    const char *file = g_ptr_array_index(files, i);
    g_autoptr(GString) text = config_yaml_load(file, error);

    if (!text || !config_read(self, text->str, text->len, file, error))
      return NULL;
  }
  return g_steal_pointer(&self);
}

config *config_ref(config *self) {
  g_atomic_ref_count_inc(&self->references);
  return self;
}

void config_unref(config *self) {
  if (!g_atomic_ref_count_dec(&self->references))
    return;
  g_hash_table_unref(self->entries);
  g_free(self);
}

void config_set(config *self, const char *key, const char *text, const char *origin) {
  enum edgecore_config_kind kind = EDGECORE_CONFIG_STRING;
  gint64 integer = 0;

  for (gsize i = 0; i < G_N_ELEMENTS(typed_keys); i++) {
    if (strcmp(key, typed_keys[i].key) == 0) {
      put(self, key, typed_keys[i].kind, text, 0, origin, FALSE);
      return;
    }
  }
  if (config_yaml_resolve(text, &kind, &integer))
    put(self, key, kind, text, integer, origin, FALSE);
  else
    g_hash_table_remove(self->entries, key);
}

int32_t config_get(const config *self, const char *key, struct edgecore_config_value *value) {
  const struct entry *entry = g_hash_table_lookup(self->entries, key);
  struct edgecore_config_value full = {.size = sizeof full};

  if (!entry)
    return EDGECORE_NOT_FOUND;
  full.size = MIN(value->size, (uint32_t)sizeof full);
  full.kind = entry->kind;
  full.text = entry->text;
  full.integer = entry->integer;
  full.origin = entry->origin;
  memcpy(value, &full, full.size);
  return EDGECORE_OK;
}

gboolean config_list_has(const config *self, const char *key, const char *item) {
  const struct entry *entry = g_hash_table_lookup(self->entries, key);

  if (!entry || entry->kind != EDGECORE_CONFIG_LIST)
    return FALSE;
  g_auto(GStrv) items = g_strsplit(entry->text, ",", -1);
  return g_strv_contains((const char *const *)items, item);
}

gboolean config_equal(const config *a, const config *b) {
  GHashTableIter each;
  gpointer key, data;

  if (g_hash_table_size(a->entries) != g_hash_table_size(b->entries))
    return FALSE;
  g_hash_table_iter_init(&each, a->entries);
  while (g_hash_table_iter_next(&each, &key, &data)) {
    const struct entry *one = data, *other = g_hash_table_lookup(b->entries, key);

    if (!other || one->kind != other->kind || strcmp(one->text, other->text) != 0)
      return FALSE;
  }
  return TRUE;
}
