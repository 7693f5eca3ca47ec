/* The proof that a damaged database file heals: each of its pages is overwritten, and it is cut off at each page. */
#include "figures.h"
#include "tally.h"
#include "test.h"

#define PAGE 4096

static void overwrite(GRand *random, guint8 *page) {
  for (guint i = 0; i < PAGE; i++)
    page[i] = random != NULL ? (guint8)g_rand_int_range(random, 0, 256) : 0;
}

static void overwrite_each(const char *name, GRand *random) {
  struct tally tally = {.name = name};
  gsize size = g_bytes_get_size(originals_get()->stopped.parts[PART_MAIN]);

  for (guint page = 0; page < size / PAGE; page++) {
    struct damaged damaged = {.files = files_copy(&originals_get()->stopped)};
    guint8 *bytes = files_bytes(&damaged.files, PART_MAIN, &size);
    overwrite(random, bytes + (gsize)page * PAGE);
    files_set(&damaged.files, PART_MAIN, g_bytes_new_take(bytes, size));
    tally_try(&tally, &damaged, "page %u", page + 1);
  }
  tally_finish(&tally, "damaged files");
}

TEST_CASE(Damage, whole_files_are_all_right) {
  const struct originals *all = originals_get();
  const struct files *const whole[] = {&all->stopped, &all->killed};

  for (guint i = 0; i < G_N_ELEMENTS(whole); i++) {
    struct damaged damaged = {.files = files_copy(whole[i])};
    damaged_try(&damaged);
    check_str_eq(damaged.wrong, NULL);
    check_false(damaged.was_mended);
    check_int_eq(damaged.missing, 0);
    damaged_clear(&damaged);
  }
}

TEST_CASE(Damage, a_page_of_zeros) {
  overwrite_each("zeros", NULL);
}

TEST_CASE(Damage, a_page_of_garbage) {
  g_autoptr(GRand) random = g_rand_new_with_seed(proof_seed(1));

  overwrite_each("garbage", random);
}

TEST_CASE(Damage, a_file_that_is_cut_off) {
  struct tally tally = {.name = "cut off"};
  gsize size = g_bytes_get_size(originals_get()->stopped.parts[PART_MAIN]);

  for (guint page = 0; page < size / PAGE; page++) {
    struct damaged damaged = {.files = files_copy(&originals_get()->stopped)};
    guint8 *bytes = files_bytes(&damaged.files, PART_MAIN, &size);
    files_set(&damaged.files, PART_MAIN, g_bytes_new_take(bytes, (gsize)page * PAGE));
    tally_try(&tally, &damaged, "after %u pages", page);
  }
  tally_finish(&tally, "damaged files");
}
