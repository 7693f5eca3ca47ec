/* The proof that no flipped bit is served: each database has one bit that is not what it was. */
#include "figures.h"
#include "tally.h"
#include "test.h"

#define FLIPS 2000
#define PARTS 4
#define PAGE 4096

static void flip(struct tally *tally, const struct files *files, enum part part, gsize bit) {
  struct damaged damaged = {.files = files_copy(files), .is_flip = TRUE, .allows_older = part == PART_WAL};
  gsize size;
  guint8 *bytes = files_bytes(&damaged.files, part, &size);

  bytes[bit / 8] ^= (guint8)(1 << bit % 8);
  files_set(&damaged.files, part, g_bytes_new_take(bytes, size));
  tally_try(tally, &damaged, "bit %" G_GSIZE_FORMAT " of part %d", bit, part);
}

static gsize bits_of(enum part part) {
  return 8 * g_bytes_get_size(originals_get()->killed.parts[part]);
}

static void flip_some(guint32 part) {
  struct tally tally = {.name = "flipped bits"};
  g_autoptr(GRand) random = g_rand_new_with_seed(proof_seed(1) + part);
  guint count = (proof_is_full() ? 10 * FLIPS : FLIPS) / PARTS;

  for (guint i = 0; i < count; i++) {
    gsize bit = (gsize)(g_rand_double(random) * (double)bits_of(PART_MAIN));
    flip(&tally, &originals_get()->stopped, PART_MAIN, bit);
  }
  tally_finish(&tally, "flipped bits");
}

/* In parts, so that they can be run side by side. */
TEST_CASE(BitFlips, none_is_served_1) {
  flip_some(0);
}

TEST_CASE(BitFlips, none_is_served_2) {
  flip_some(1);
}

TEST_CASE(BitFlips, none_is_served_3) {
  flip_some(2);
}

TEST_CASE(BitFlips, none_is_served_4) {
  flip_some(3);
}

/* The header of the file, and the first of what is in each page that says how to read it. */
TEST_CASE(BitFlips, none_of_the_headers) {
  struct tally tally = {.name = "flipped bits of headers"};
  guint step = proof_is_full() ? 1 : 5;

  for (gsize bit = 0; bit < 8 * 108; bit += step)
    flip(&tally, &originals_get()->stopped, PART_MAIN, bit);
  for (gsize page = 1; page < bits_of(PART_MAIN) / 8 / PAGE; page += step)
    for (gsize bit = 0; bit < 8 * 12; bit += 3 * step)
      flip(&tally, &originals_get()->stopped, PART_MAIN, 8 * PAGE * page + bit);
  tally_finish(&tally, "flipped bits");
}

TEST_CASE(BitFlips, none_of_the_wal) {
  struct tally tally = {.name = "flipped bits of the WAL"};
  g_autoptr(GRand) random = g_rand_new_with_seed(proof_seed(2));
  guint count = proof_is_full() ? FLIPS : FLIPS / 10;

  for (guint i = 0; i < count; i++)
    flip(&tally, &originals_get()->killed, PART_WAL, (gsize)(g_rand_double(random) * (double)bits_of(PART_WAL)));
  tally_finish(&tally, "flipped bits");
}
