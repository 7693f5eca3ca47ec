/* YAML to a flat list of keys and values, with libyaml. What is taken and what is refused is written in config.h. */
#ifndef EDGEHOST_CONFIG_YAML_H
#define EDGEHOST_CONFIG_YAML_H

#include <edgecore/plugin.h>
#include <glib.h>

/* One value, owned by the reader, valid during the call. */
struct config_value {
  const char *key; /* nested keys joined by dots */
  enum edgecore_config_kind kind;
  const char *text;   /* a list's items are joined by ',' */
  gint64 integer;     /* INTEGER and BOOLEAN */
  const char *origin; /* "FILE:LINE" */
};

/* FALSE and `error` end the reading. */
typedef gboolean config_value_fn(const struct config_value *value, void *data, GError **error);

/* Calls `take` for each value of a text, in order. The error names `name`, line and key. */
gboolean config_yaml_read(const char *text, gsize size, const char *name, config_value_fn *take, void *data,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a plain scalar is; FALSE for null, which is no value. */
gboolean config_yaml_resolve(const char *text, enum edgecore_config_kind *kind, gint64 *integer);

/* The configuration files of a directory, sorted by name; edge.yaml is among them, or it is an error. */
GPtrArray *config_yaml_list(const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A whole file, bounded, never a device or a pipe. */
GString *config_yaml_load(const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
