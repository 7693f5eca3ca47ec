/* The configuration as KubeEdge v1.1 keeps it: the YAML files of a directory (edge.yaml, modules.yaml), nested keys joined by
 * dots. Immutable once it is shared; reference counted; read by any thread.
 *
 * What is taken of YAML
 *
 *   One document a file, at most 1 MiB, nested at most 32 deep: mappings, scalars, and lists of scalars. A key is a scalar and
 *   not empty; the same key twice, in one file or in two, is an error. Keys that nobody asks for are kept and do no harm.
 *   Scalars  A plain one is resolved as in YAML 1.1: true/false/yes/no/on/off (also Capital and UPPER) is a BOOLEAN; a decimal
 *            number without leading zeros, or 0x..., that fits int64 is an INTEGER; null, ~ and nothing leave the key unset; all
 *            else is a STRING (fractions, and numbers that are too big, too). A quoted or block scalar is a STRING.
 *   Refused  anchors, aliases and so merge keys (a few lines of them can stand for gigabytes), tags, a second document, lists of
 *            lists or mappings, a NUL in a scalar, an item with a comma in it (the contract joins items by commas).
 *
 * Two keys have a type of their own: modules.enabled is a list, database.source a string that is not empty. What others stand under, as
 * database and metamanager, has no value itself.
 * An error reads "DIR/edge.yaml:LINE: KEY: want ..., got ...". */
#ifndef EDGEHOST_CONFIG_H
#define EDGEHOST_CONFIG_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct config config;

/* Nothing set but the defaults: modules.enabled = [metaManager], database.source = edge.db. */
config *config_new(void);
/* Every *.yaml and *.yml of the directory, in the order of their names; edge.yaml must be among them. The error names file,
 * line and key. NULL on error. */
config *config_load(const char *directory, GError **error);
/* Adds what a YAML text says. `name` is what errors and origins call it. On error `self` is good for config_unref only. */
gboolean config_read(config *self, const char *text, gsize size, const char *name,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
config *config_ref(config *self);
void config_unref(config *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(config, config_unref)

/* Sets or replaces one value, as if YAML had brought the plain scalar `text`; modules.enabled takes its items with commas between
 * them, and database.source is a string whatever it looks like. `origin` is for messages ("--database", "line 3"). */
void config_set(config *self, const char *key, const char *text, const char *origin);
/* As the contract's config_get. Strings live as long as the configuration. */
int32_t config_get(const config *self, const char *key, struct edgecore_config_value *value);
/* Whether the list `key` holds `item`. */
gboolean config_list_has(const config *self, const char *key, const char *item);
/* Whether both say the same, wherever they say it. */
gboolean config_equal(const config *a, const config *b);

#endif
