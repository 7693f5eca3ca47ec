/* How deep the JSON of SQLite goes, and values that are that deep. */
#ifndef TESTS_JSON_DEPTH_H
#define TESTS_JSON_DEPTH_H

#include <glib.h>
#include <sqlite3.h>

#define JSON_DEPTH_MAX (sqlite3_libversion_number() < 3045000 ? 2000U : 1000U)

/* Arrays in each other. The caller owns it. */
static inline char *json_nested(guint depth) {
  g_autofree char *open = g_strnfill(depth, '[');
  g_autofree char *close = g_strnfill(depth, ']');

  return g_strconcat(open, close, NULL);
}

#endif
