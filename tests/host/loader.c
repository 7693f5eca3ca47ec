#include "loader.h"

#include "host.h"
#include "test.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIANT(name) TESTS_BUILD_DIR "/tests/variants/" name ".so"
#define PLUGIN_V1_0 TESTS_BUILD_DIR "/tests/abi/plugin-v1.0.so"

static void check_refused(const char *path, const char *const *parts) {
  test_note("%s", path);
  g_autoptr(GError) error = NULL;
  struct image *image = loader_open(path, 1, &error);
  check_null(image);
  if (!check_not_null(error))
    return;
  check_contains(error->message, path);
  check_lacks(error->message, "\n");
  for (guint i = 0; parts[i] != NULL; i++)
    check_error(error, HOST_ERROR, EDGECORE_INVALID, parts[i]);

  /* What inspect says is the same. */
  g_autoptr(GError) inspected = NULL;
  check_null(host_inspect(path, &inspected));
  check_str_eq(inspected != NULL ? inspected->message : NULL, error->message);
}

TEST_CASE(Loader, says_why_it_refuses) {
  static const struct {
    const char *path, *said[4];
  } rows[] = {
      {VARIANT("no-query"), {"symbol missing: edgecore_plugin_query"}},
      {VARIANT("no-register"), {"symbol missing: edgecore_plugin_register"}},
      {VARIANT("no-start"), {"symbol missing: edgecore_plugin_start"}},
      {VARIANT("no-stop"), {"symbol missing: edgecore_plugin_stop"}},
      {VARIANT("no-unregister"), {"symbol missing: edgecore_plugin_unregister"}},
      {VARIANT("no-descriptor"), {"no descriptor"}},
      {VARIANT("undefined-symbol"), {"a_function_that_nobody_has"}},
      {VARIANT("wrong-magic"), {"wrong magic", "0x12345678", "0x6563706c"}},
      {VARIANT("wrong-major"), {"wrong ABI major", "it has 2", "the host has 1"}},
      {VARIANT("newer-minor"), {"1.7 is newer than the host's 1."}},
      {VARIANT("short-descriptor"), {"too short", "32", "64"}},
      {VARIANT("unknown-flag"), {"unknown flags (0x1)"}},
      {VARIANT("reserved-field"), {"reserved"}},
      {VARIANT("no-state-range"), {"3 to 2"}},
      {VARIANT("empty-version"), {"empty text"}},
      {TESTS_SOURCE_DIR "/conformance/scenarios.jsonl", {"not a shared object"}},
      {TESTS_BUILD_DIR "/tests/shim/libtest-shim.a", {"not a shared object"}},
      {TESTS_BUILD_DIR, {"not a shared object"}},
      {"/nonexistent/plugin.so", {"No such file or directory"}},
      {"/dev/null", {"not a shared object"}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    check_refused(rows[i].path, rows[i].said);
}

TEST_CASE(Loader, refuses_an_object_cut_short_and_lives) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(PLUGIN_V1_0, &bytes, &size, NULL));
  static const char *const parts[] = {"not a shared object", NULL};
  for (gsize cut = 0; cut < size; cut += 1 + size / 40) {
    g_autofree char *path = test_file("cut.so", bytes, (gssize)cut);
    check_refused(path, parts);
  }
}

TEST_CASE(Loader, refuses_a_file_that_others_may_write) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(PLUGIN_V1_0, &bytes, &size, NULL));
  g_autofree char *path = test_file("plugin.so", bytes, (gssize)size);
  static const char *const parts[] = {"others may write", NULL};
  require_int_eq(chmod(path, 0666), 0);
  check_refused(path, parts);
  require_int_eq(chmod(path, 0644), 0);
  require_int_eq(chmod(test_directory(), 0777), 0);
  check_refused(path, parts);
  require_int_eq(chmod(test_directory(), 0700), 0);
  g_autoptr(GError) error = NULL;
  struct image *image = loader_open(path, 1, &error);
  require_no_error(error);
  check_true(loader_close(image));
}

TEST_CASE(Loader, gives_the_functions_and_the_descriptor) {
  g_autoptr(GError) error = NULL;
  struct image *image = loader_open(PLUGIN_V1_0, 1, &error);
  require_no_error(error);
  check_str_eq(image->module, "metaManager");
  check_str_eq(image->group, "meta");
  check_str_eq(image->version, "1.0.0-frozen");
  check_str_eq(image->description, "answers v1.0");
  check_int_eq(image->abi_major, 1);
  check_int_eq(image->abi_minor, 0);
  check_int_eq(image->state_format_written, 1);
  check_int_eq(image->query()->magic, EDGECORE_PLUGIN_MAGIC);
  check_true(image->register_plugin != NULL && image->start != NULL && image->stop != NULL &&
             image->unregister != NULL);
  check_true(loader_is_same(image, PLUGIN_V1_0));
  check_false(loader_is_same(image, VARIANT("whole")));
  check_false(loader_is_same(image, "/nonexistent.so"));
  check_true(loader_close(image));
}

static int count_objects(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  *(guint *)data += info->dlpi_name != NULL && strstr(info->dlpi_name, "generation-") != NULL;
  return 0;
}

TEST_CASE(Loader, unloads_and_leaves_nothing) {
  guint before = 0, after = 0;
  dl_iterate_phdr(count_objects, &before);
  for (guint i = 0; i < 10; i++) {
    g_autoptr(GError) error = NULL;
    struct image *image = loader_open(PLUGIN_V1_0, i, &error);
    require_no_error(error);
    check_true(loader_close(image));
  }
  dl_iterate_phdr(count_objects, &after);
  check_int_eq(after, before);
}

TEST_CASE(Loader, two_generations_of_one_file_are_two_objects) {
  g_autoptr(GError) error = NULL;
  struct image *first = loader_open(PLUGIN_V1_0, 1, &error);
  struct image *second = loader_open(PLUGIN_V1_0, 2, &error);
  require_no_error(error);
  check_true(first->query != second->query);
  check_true(first->start != second->start);
  check_true(loader_close(first));
  check_str_eq(second->query()->module, "metaManager");
  check_true(loader_close(second));
}

TEST_CASE(Loader, a_file_that_is_overwritten_does_not_change_what_runs) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(PLUGIN_V1_0, &bytes, &size, NULL));
  g_autofree char *path = test_file("plugin.so", bytes, (gssize)size);
  g_autoptr(GError) error = NULL;
  struct image *image = loader_open(path, 1, &error);
  require_no_error(error);
  require_int_eq(truncate(path, 0), 0);
  check_str_eq(image->query()->description, "answers v1.0");
  check_false(loader_is_same(image, path));
  check_true(loader_close(image));
}

TEST_CASE(Loader, what_is_held_by_another_stays_mapped_and_is_told) {
  g_autoptr(GError) error = NULL;
  struct image *image = loader_open(VARIANT("whole"), 1, &error);
  require_no_error(error);
  Dl_info info;
  require_true(dladdr((void *)image->query, &info) != 0);
  void *held = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  require_not_null(held);
  check_false(loader_close(image));
  dlclose(held);
}

TEST_CASE(Loader, inspect_shows_the_descriptor) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = host_inspect(PLUGIN_V1_0, &error);
  require_no_error(error);
  static const char *const parts[] = {"metaManager", "meta", "1.0.0-frozen", "answers v1.0", "1.0"};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    check_contains(text, parts[i]);
}
