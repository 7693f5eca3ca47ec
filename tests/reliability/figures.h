/* The figures that tests/reliability/run prints: a row for each proof. */
#ifndef TESTS_RELIABILITY_FIGURES_H
#define TESTS_RELIABILITY_FIGURES_H

#include <glib.h>

/* Adds a row "proof<TAB>cases<TAB>violations" to the file that the environment variable EDGECORE_FIGURES names, and says it. */
void figure_add(const char *proof, guint64 cases, guint64 violations);

/* For programs that make and drop many large blocks: the memory stays with the process. */
void proof_keep_memory(void);

/* EDGECORE_SEED, or the fallback. */
guint32 proof_seed(guint32 fallback);
/* Whether the long version is asked for: EDGECORE_FULL is set. */
gboolean proof_is_full(void);

#endif
