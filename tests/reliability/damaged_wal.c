/* The proof that a database survives what happens to its WAL and its shared memory: gone, cut, overwritten, or those of another one. */
#include "figures.h"
#include "tally.h"
#include "test.h"

#include <string.h>

#define FRAME (4096 + 24)
#define HEADER 32

static struct damaged wal_case(const struct files *files) {
  return (struct damaged){.files = files_copy(files), .allows_older = TRUE};
}

static void set_wal(struct damaged *damaged, GBytes *bytes) {
  files_set(&damaged->files, PART_WAL, bytes);
}

static gsize wal_size(const struct files *files) {
  return g_bytes_get_size(files->parts[PART_WAL]);
}

/* In the middle of frames, between them, and in the header. */
static void cut_each(struct tally *tally, const struct files *files, const char *what) {
  const gsize step = proof_is_full() ? FRAME / 2 : 3 * FRAME / 2;

  for (gsize size = 0; size < wal_size(files); size += size < HEADER ? 13 : step) {
    struct damaged damaged = wal_case(files);
    gsize whole;
    guint8 *bytes = files_bytes(&damaged.files, PART_WAL, &whole);
    set_wal(&damaged, g_bytes_new_take(bytes, size));
    tally_try(tally, &damaged, "%s, cut to %" G_GSIZE_FORMAT " bytes", what, size);
  }
}

static void overwrite_each(struct tally *tally, const struct files *files, const char *what, GRand *random) {
  const gsize step = proof_is_full() ? FRAME : 5 * FRAME;

  for (gsize at = 0; at < wal_size(files); at += at == 0 ? HEADER : step) {
    struct damaged damaged = wal_case(files);
    gsize size;
    guint8 *bytes = files_bytes(&damaged.files, PART_WAL, &size);
    for (gsize i = at; i < MIN(at + (at == 0 ? HEADER : FRAME), size); i++)
      bytes[i] = random != NULL ? (guint8)g_rand_int_range(random, 0, 256) : 0;
    set_wal(&damaged, g_bytes_new_take(bytes, size));
    tally_try(tally, &damaged, "%s, overwritten at %" G_GSIZE_FORMAT, what, at);
  }
}

TEST_CASE(DamagedWal, gone) {
  struct tally tally = {.name = "WAL gone"};
  const struct files *const all[] = {&originals_get()->stopped, &originals_get()->killed, &originals_get()->older};

  for (guint i = 0; i < G_N_ELEMENTS(all) - 1; i++) {
    struct damaged damaged = wal_case(all[i]);
    set_wal(&damaged, NULL);
    tally_try(&tally, &damaged, "state %u", i);
  }
  tally_finish(&tally, "damaged files");
}

TEST_CASE(DamagedWal, cut_short) {
  struct tally tally = {.name = "WAL cut"};

  cut_each(&tally, &originals_get()->killed, "killed");
  cut_each(&tally, &originals_get()->stopped, "stopped");
  tally_finish(&tally, "damaged files");
}

TEST_CASE(DamagedWal, overwritten) {
  struct tally tally = {.name = "WAL overwritten"};
  g_autoptr(GRand) random = g_rand_new_with_seed(proof_seed(1));

  overwrite_each(&tally, &originals_get()->killed, "killed, zeros", NULL);
  overwrite_each(&tally, &originals_get()->killed, "killed, garbage", random);
  overwrite_each(&tally, &originals_get()->stopped, "stopped, garbage", random);
  tally_finish(&tally, "damaged files");
}

TEST_CASE(DamagedWal, of_another_database_or_time) {
  struct tally tally = {.name = "WAL swapped"};
  const struct originals *all = originals_get();
  const struct files *const states[] = {&all->stopped, &all->killed};
  const struct files *const others[] = {&all->other, &all->older};

  for (guint i = 0; i < G_N_ELEMENTS(states); i++)
    for (guint j = 0; j < G_N_ELEMENTS(others); j++) {
      struct damaged damaged = wal_case(states[i]);
      set_wal(&damaged, g_bytes_ref(others[j]->parts[PART_WAL]));
      tally_try(&tally, &damaged, "state %u, WAL %u", i, j);
    }
  tally_finish(&tally, "damaged files");
}

/* SQLite makes it anew, whatever is in it, when nobody has it open. */
TEST_CASE(DamagedWal, shared_memory_is_made_anew) {
  struct tally tally = {.name = "shared memory"};
  const struct originals *all = originals_get();
  g_autoptr(GRand) random = g_rand_new_with_seed(proof_seed(1));

  for (guint i = 0; i < 12; i++) {
    struct damaged damaged = {.files = files_copy(i % 2 == 0 ? &all->killed : &all->stopped)};
    gsize size = 32768;
    g_autofree guint8 *bytes = NULL;
    if (i < 8) {
      bytes = g_malloc0(size);
      for (gsize at = 0; i >= 4 && at < size; at++)
        bytes[at] = (guint8)g_rand_int_range(random, 0, 256);
    } else {
      bytes = files_bytes(i < 10 ? &all->other : &all->older, PART_SHM, &size);
    }
    files_set(&damaged.files, PART_SHM, g_bytes_new(bytes, i % 4 < 2 ? size : size / 3));
    tally_try(&tally, &damaged, "kind %u", i);
  }
  tally_finish(&tally, "damaged files");
}

/* Without its mark a WAL passes as far as it is whole, which is all that SQLite knows. */
TEST_CASE(DamagedWal, the_mark_itself_may_be_damaged) {
  struct tally tally = {.name = "mark"};
  const struct files *killed = &originals_get()->killed;

  for (guint i = 0; i < g_bytes_get_size(killed->parts[PART_MARK]); i++) {
    struct damaged damaged = {.files = files_copy(killed)};
    gsize size;
    guint8 *bytes = files_bytes(&damaged.files, PART_MARK, &size);
    bytes[i] ^= 0x10;
    files_set(&damaged.files, PART_MARK, g_bytes_new_take(bytes, i % 2 == 0 ? size : i));
    tally_try(&tally, &damaged, "byte %u", i);
  }
  tally_finish(&tally, "damaged files");
}
