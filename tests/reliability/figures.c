#include "figures.h"

#include <malloc.h>
#include <stdio.h>

void figure_add(const char *proof, guint64 cases, guint64 violations) {
  const char *path = g_getenv("EDGECORE_FIGURES");
  FILE *file = path != NULL ? fopen(path, "a") : NULL;

  printf("%s: %" G_GUINT64_FORMAT " cases, %" G_GUINT64_FORMAT " violations\n", proof, cases, violations);
  if (file == NULL)
    return;
  fprintf(file, "%s\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\n", proof, cases, violations);
  fclose(file);
}

guint32 proof_seed(guint32 fallback) {
  const char *text = g_getenv("EDGECORE_SEED");

  return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : fallback;
}

gboolean proof_is_full(void) {
  return g_getenv("EDGECORE_FULL") != NULL;
}

void proof_keep_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
}
