/* The configuration as KubeEdge v1.1 keeps it: the YAML files of a directory (edge.yaml, modules.yaml), nested keys joined by
 * dots. Immutable once it is shared; reference counted; read by any thread. */
#ifndef EDGEHOST_CONFIG_H
#define EDGEHOST_CONFIG_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct config config;

/* Nothing set but the defaults: modules.enabled = [metaManager], database.source = edge.db. */
config *config_new(void);
/* Every *.yaml and *.yml of the directory, in the order of their names; a key set twice is an error. The error names file, line
 * and key. NULL on error. */
config *config_load(const char *directory, GError **error);
config *config_ref(config *self);
void config_unref(config *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(config, config_unref)

/* Sets or replaces one value, as if YAML had brought the scalar `text`; `origin` is for messages ("--database", "line 3"). */
void config_set(config *self, const char *key, const char *text, const char *origin);
/* As the contract's config_get. Strings live as long as the configuration. */
int32_t config_get(const config *self, const char *key, struct edgecore_config_value *value);
/* Whether the list `key` holds `item`. */
gboolean config_list_has(const config *self, const char *key, const char *item);
gboolean config_equal(const config *a, const config *b);

#endif
