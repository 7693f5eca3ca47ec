/* Counts the cases of a proof about damage, shows the first violations, and adds the figures up. */
#ifndef TESTS_RELIABILITY_TALLY_H
#define TESTS_RELIABILITY_TALLY_H

#include "damaged.h"

struct tally {
  const char *name;
  guint64 cases;
  guint64 violations;
  guint64 mended;
  guint64 missing;
  guint64 refetched;
};

/* Tries a case, and clears it; the format names it. */
void tally_try(struct tally *self, struct damaged *damaged, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Says what came of them; a violation fails the test. `proof` is the row of the table of figures. */
void tally_finish(const struct tally *self, const char *proof);

#endif
