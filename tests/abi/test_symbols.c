#include "symbols.h"
#include "test.h"

#include <string.h>

#define FORBIDDEN TESTS_SOURCE_DIR "/abi/forbidden-imports.txt"
#define OBJECTS TESTS_BUILD_DIR "/tests/abi/"

static void check_clean(const char *path) {
  g_autoptr(GPtrArray) complaints = symbols_complaints(path, FORBIDDEN);
  for (guint i = 0; i < complaints->len; i++)
    check_fail("%s %s", path, (char *)complaints->pdata[i]);
}

/* Complains of all of these. */
static void check_flagged(const char *path, const char *const *parts) {
  g_autoptr(GPtrArray) complaints = symbols_complaints(path, FORBIDDEN);
  for (guint i = 0; parts[i] != NULL; i++) {
    gboolean said = FALSE;
    for (guint k = 0; k < complaints->len; k++)
      said |= strstr(complaints->pdata[k], parts[i]) != NULL;
    if (!said)
      check_fail("%s: nothing said of \"%s\"", path, parts[i]);
  }
}

TEST_CASE(Symbols, the_plugin_is_clean) {
  check_clean(TESTS_BUILD_DIR "/plugin/metamanager.so");
}

TEST_CASE(Symbols, the_plugin_of_abi_1_0_is_clean) {
  check_clean(OBJECTS "plugin-v1.0.so");
}

TEST_CASE(Symbols, every_bad_thing_is_flagged) {
  static const char *const parts[] = {"exports helper",         "does not export edgecore_plugin_unregister",
                                      "imports pthread_create", "imports g_intern_static_string",
                                      "imports sqlite3_config", "imports setenv",
                                      "imports execv ",         "imports puts",
                                      "imports sigaction",      "is linked with -z nodelete",
                                      "has thread-local",       "needs the library libgio-2.0.so.0",
                                      "imports g_bus_get_sync", NULL};
  check_flagged(OBJECTS "bad.so", parts);
}

TEST_CASE(Symbols, what_is_no_object_is_flagged) {
  static const char *const text[] = {"cannot be checked", NULL};
  check_flagged(FORBIDDEN, text);
  check_flagged("/nonexistent.so", text);
  check_flagged(TESTS_BUILD_DIR, text);
}

TEST_CASE(Symbols, an_object_cut_short_is_flagged) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(OBJECTS "bad.so", &bytes, &size, NULL));
  for (gsize cut = 0; cut < size; cut += 509) {
    g_autofree char *path = test_file("cut.so", bytes, (gssize)cut);
    g_autoptr(GPtrArray) complaints = symbols_complaints(path, FORBIDDEN);
    check_int_ge(complaints->len, 1);
  }
}

TEST_CASE(Symbols, the_list_is_read_as_written) {
  g_autofree char *list = test_file("list", "# exec*\nset?nv\n", -1);
  g_autoptr(GPtrArray) complaints = symbols_complaints(OBJECTS "bad.so", list);
  guint imports = 0;
  for (guint i = 0; i < complaints->len; i++)
    imports += g_str_has_prefix(complaints->pdata[i], "imports ");
  check_int_eq(imports, 1);
}
