/* Runs a fuzz target over inputs that are there: fuzz-TARGET [FILE | DIRECTORY]...; none: one input on standard input. */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

static guint inputs;

static int run_bytes(const void *bytes, gsize size) {
  inputs++;
  return LLVMFuzzerTestOneInput(bytes, size);
}

static gboolean run_file(const char *path) {
  g_autoptr(GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize size;

  if (g_file_get_contents(path, &bytes, &size, &error))
    return run_bytes(bytes, size) == 0;
  fprintf(stderr, "%s\n", error->message);
  return FALSE;
}

static gboolean run_directory(const char *path) {
  g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
  gboolean good = directory != NULL;

  for (const char *name; good && (name = g_dir_read_name(directory)) != NULL;) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    good = run_file(file);
  }
  return good;
}

static gboolean run_standard_input(void) {
  g_autoptr(GByteArray) all = g_byte_array_new();
  guint8 piece[4096];

  for (ssize_t got; (got = read(STDIN_FILENO, piece, sizeof piece)) > 0;)
    g_byte_array_append(all, piece, (guint)got);
  return run_bytes(all->data, all->len) == 0;
}

int main(int argc, char **argv) {
  gboolean good = argc > 1 || run_standard_input();

  for (int i = 1; good && i < argc; i++)
    good = g_file_test(argv[i], G_FILE_TEST_IS_DIR) ? run_directory(argv[i]) : run_file(argv[i]);
  fuzz_clean();
  printf("%s: %u inputs\n", argv[0], inputs);
  return good && inputs > 0 ? 0 : 1;
}
