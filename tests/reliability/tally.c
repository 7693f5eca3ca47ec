#include "tally.h"

#include "figures.h"
#include "test.h"

#define SHOWN_MAX 5

void tally_try(struct tally *self, struct damaged *damaged, const char *format, ...) {
  va_list arguments;

  damaged_try(damaged);
  self->cases++;
  self->mended += damaged->was_mended;
  self->missing += damaged->missing;
  self->refetched += damaged->refetched;
  if (damaged->wrong != NULL && self->violations++ < SHOWN_MAX) {
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s, %s: %s\n", self->name, what, damaged->wrong);
  }
  damaged_clear(damaged);
}

void tally_finish(const struct tally *self, const char *proof) {
  printf("%s: %" G_GUINT64_FORMAT " mended, %" G_GUINT64_FORMAT " keys missing at first, %" G_GUINT64_FORMAT
         " brought back by the cloud\n",
         self->name, self->mended, self->missing, self->refetched);
  figure_add(proof, self->cases, self->violations);
  check_int_eq(self->violations, 0);
}
