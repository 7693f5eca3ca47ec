#include "cli.h"

#include "test.h"

#include <string.h>

static process *start(const char *const *arguments) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, (char *)EDGEHOST);
  for (guint i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add(argv, (char *)arguments[i]);
  g_ptr_array_add(argv, NULL);
  return process_start((const char *const *)argv->pdata, test_directory());
}

static struct outcome finish(process *running, const void *input, gssize size) {
  process_write(running, input, size);
  const int status = process_finish(running);
  struct outcome end = {
      .status = status,
      .output = g_strdup(process_output(running)->str),
      .error = g_strdup(process_error(running)->str),
  };
  process_free(running);
  return end;
}

process *cli_run(const char *const *options) {
  g_autofree char *directory = test_path("run");
  g_autofree char *database = test_path("edge.db");
  const char *const first[] = {"run", "--plugin", PLUGIN, "--run-directory", directory, "--database", database};
  g_autoptr(GPtrArray) arguments = g_ptr_array_new();
  for (guint i = 0; i < G_N_ELEMENTS(first); i++)
    g_ptr_array_add(arguments, (char *)first[i]);
  for (guint i = 0; options != NULL && options[i] != NULL; i++)
    g_ptr_array_add(arguments, (char *)options[i]);
  g_ptr_array_add(arguments, NULL);
  return start((const char *const *)arguments->pdata);
}

struct outcome cli_call(const char *const *arguments, const void *input, gssize size) {
  return finish(start(arguments), input, size);
}

struct outcome cli_feed(const char *const *options, const void *input, gssize size) {
  return finish(cli_run(options), input, size);
}

void outcome_clear(struct outcome *self) {
  g_free(self->output);
  g_free(self->error);
}

guint count_of(const char *text, const char *part) {
  guint count = 0;
  for (const char *at = strstr(text, part); at != NULL; at = strstr(at + strlen(part), part))
    count++;
  return count;
}
