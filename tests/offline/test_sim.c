#include "sim.h"
#include "test.h"

#include <stdlib.h>

/* A thousand seeds, in blocks that a test run may share out. */
#define BLOCKS 20
#define SEEDS_PER_BLOCK 50

static void run_block(const void *data) {
  guint first = *(const guint *)data;

  for (guint i = 0; i < SEEDS_PER_BLOCK; i++)
    sim_run(first + i, FALSE);
}

static void run_one(const void *data) {
  check_true(sim_run(*(const guint *)data, TRUE));
}

TEST_GENERATOR(seeds) {
  static guint firsts[BLOCKS];
  static guint wanted;
  const char *seed = getenv("EDGECORE_OFFLINE_SEED");

  if (seed != NULL) {
    wanted = (guint)strtoul(seed, NULL, 10);
    test_add("Offline", "one_seed", __FILE__, __LINE__, run_one, &wanted);
    return;
  }
  for (guint i = 0; i < BLOCKS; i++) {
    g_autofree char *name = g_strdup_printf("seeds_%u_to_%u", 1 + i * SEEDS_PER_BLOCK, (i + 1) * SEEDS_PER_BLOCK);
    firsts[i] = 1 + i * SEEDS_PER_BLOCK;
    test_add("Offline", name, __FILE__, __LINE__, run_block, &firsts[i]);
  }
}
