#include "symbols.h"

#include "object.h"

#include <string.h>

static const char *const entry_points[] = {
    "edgecore_plugin_query", "edgecore_plugin_register",   "edgecore_plugin_start",
    "edgecore_plugin_stop",  "edgecore_plugin_unregister", NULL,
};

/* What a plugin may need: the libraries that the contract's header and its own data need, and what the sanitizers add. */
static const char *const libraries[] = {
    "libc.so.6",    "libm.so.6",     "libglib-2.0.so.0", "libsqlite3.so.0",
    "libasan.so.8", "libubsan.so.1", "libtsan.so.2",     NULL,
};

G_GNUC_PRINTF(2, 3)
static void complain(GPtrArray *complaints, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_ptr_array_add(complaints, g_strdup_vprintf(format, arguments));
  va_end(arguments);
}

static void check_exports(const struct object *built, GPtrArray *complaints) {
  for (guint i = 0; i < built->exports->len; i++)
    if (!g_strv_contains(entry_points, built->exports->pdata[i]))
      complain(complaints, "exports %s", (char *)built->exports->pdata[i]);
  for (guint i = 0; entry_points[i] != NULL; i++)
    if (!g_ptr_array_find_with_equal_func(built->exports, entry_points[i], g_str_equal, NULL))
      complain(complaints, "does not export %s", entry_points[i]);
}

static void check_imports(const struct object *built, char *const *patterns, GPtrArray *complaints) {
  for (guint i = 0; i < built->imports->len; i++)
    for (char *const *pattern = patterns; *pattern != NULL; pattern++)
      if ((*pattern)[0] != '#' && g_pattern_match_simple(*pattern, built->imports->pdata[i]))
        complain(complaints, "imports %s (forbidden: %s)", (char *)built->imports->pdata[i], *pattern);
}

static void check_object(const struct object *built, GPtrArray *complaints) {
  if (built->nodelete)
    complain(complaints, "is linked with -z nodelete");
  if (built->unique)
    complain(complaints, "has a unique symbol, which keeps it in memory");
  if (built->writable_code)
    complain(complaints, "has a segment that is both writable and executable");
  if (built->thread_local_storage)
    complain(complaints, "has thread-local variables");
  for (guint i = 0; i < built->libraries->len; i++)
    if (!g_strv_contains(libraries, built->libraries->pdata[i]))
      complain(complaints, "needs the library %s", (char *)built->libraries->pdata[i]);
}

GPtrArray *symbols_complaints(const char *path, const char *list) {
  GPtrArray *complaints = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  g_autoptr(object) built = object_read(path, &error);
  if (built == NULL || !g_file_get_contents(list, &text, NULL, &error)) {
    complain(complaints, "cannot be checked: %s", error->message);
    return complaints;
  }
  g_auto(GStrv) patterns = g_strsplit(text, "\n", -1);
  check_exports(built, complaints);
  check_imports(built, patterns, complaints);
  check_object(built, complaints);
  return complaints;
}
