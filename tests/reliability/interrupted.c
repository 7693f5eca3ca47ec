/* The proof that a repair may be interrupted at each of its steps, and that a disk that is full during it costs nothing. */
#include "damaged_private.h"
#include "failure.h"
#include "figures.h"
#include "file_vfs.h"
#include "repair.h"
#include "secret.h"
#include "tally.h"
#include "test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

/* What a power cut may leave. Hard links are what it does; without them, on a file system that has none, a name is gone for a moment. */
enum state {
  HALF_FILLED,
  WHOLE,
  LINKED,
  WAL_MOVED,
  RENAMED, /* no hard links */
  RENAMED_WAL_MOVED,
  WAL_MOVED_NOT_LINKED, /* the directory was not written in order */
  STATE_COUNT
};

static const char *const state_names[STATE_COUNT] = {
    "half filled", "whole", "linked", "WAL moved", "renamed", "renamed, WAL moved", "WAL moved, not linked"};

static void say(int32_t level, const char *text, void *data) {
  (void)data;
  secret_check_line(level, text);
}

static void move(const char *from, const char *from_suffix, const char *to, const char *to_suffix) {
  g_autofree char *source = g_strconcat(from, from_suffix, NULL);
  g_autofree char *target = g_strconcat(to, to_suffix, NULL);

  if (g_rename(source, target) != 0)
    g_error("cannot rename %s", source);
}

static char *find_damaged(void) {
  g_autoptr(GDir) dir = g_dir_open(damaged_directory(), 0, NULL);

  for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
    if (strstr(name, ".damaged-") != NULL && !g_str_has_suffix(name, "-wal"))
      return g_build_filename(damaged_directory(), name, NULL);
  return NULL;
}

static void half_fill(const char *path) {
  g_autofree char *name = g_strconcat(path, ".repair", NULL);
  g_autofree char *whole = g_strconcat(path, ".repaired", NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents(whole, &bytes, &size, NULL) || g_unlink(whole) != 0 ||
      !g_file_set_contents_full(name, bytes, (gssize)size / 3, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
    g_error("cannot write %s", name);
}

/* Repairs, and then undoes what comes after the state. */
static void go_to(const char *path, gconstpointer data) {
  enum state state = *(const enum state *)data;
  struct edgecore_error error = FAILURE_INIT;

  if (repair_database(path, TRUE, "the test says so", say, NULL, &error) != EDGECORE_OK)
    g_error("%s", error.text);
  g_autofree char *damaged = find_damaged();
  move(path, "", path, ".repaired");
  if (state == HALF_FILLED || state == WHOLE || state == LINKED || state == RENAMED)
    move(damaged, "-wal", path, "-wal");
  switch (state) {
  case HALF_FILLED:
    half_fill(path);
    move(damaged, "", path, "");
    break;
  case WHOLE:
  case WAL_MOVED_NOT_LINKED:
    move(damaged, "", path, "");
    break;
  case LINKED:
  case WAL_MOVED:
    if (link(damaged, path) != 0)
      g_error("cannot link %s", path);
    break;
  case RENAMED:
  case RENAMED_WAL_MOVED:
  case STATE_COUNT:
    break;
  }
}

static struct files damaged_files(guint page) {
  struct files files = files_copy(&originals_get()->killed);
  gsize size;
  guint8 *bytes = files_bytes(&files, PART_MAIN, &size);

  memset(bytes + (gsize)(page - 1) * PAGE, 0, PAGE);
  files_set(&files, PART_MAIN, g_bytes_new_take(bytes, size));
  return files;
}

TEST_CASE(Interrupted, at_each_step) {
  struct tally tally = {.name = "interrupted repairs"};
  static const guint pages[] = {1, 2, 4, 20, 100};

  for (enum state state = HALF_FILLED; state < STATE_COUNT; state++)
    for (guint i = 0; i < G_N_ELEMENTS(pages); i++) {
      struct damaged damaged = {.files = damaged_files(pages[i]), .prepare = go_to, .data = &state};
      tally_try(&tally, &damaged, "%s, page %u", state_names[state], pages[i]);
    }
  tally_finish(&tally, "interrupted repairs");
}

/* ------------------------------------------------------------------------------------------------------ the disk is full */

static guint count_others(void) {
  g_autoptr(GDir) dir = g_dir_open(damaged_directory(), 0, NULL);
  guint count = 0;

  for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
    count += strstr(name, ".repair") != NULL || strstr(name, ".damaged") != NULL;
  return count;
}

/* FALSE when the repair got through. */
static gboolean fails_when_full(const char *path, guint after) {
  struct edgecore_error error = FAILURE_INIT;

  file_vfs_install();
  file_vfs_fail(FILE_WRITE, ".repair", after, G_MAXUINT, SQLITE_FULL);
  int32_t code = repair_database(path, TRUE, "the test says so", say, NULL, &error);
  file_vfs_heal();
  if (code == EDGECORE_OK)
    return FALSE;
  check_int_eq(code, EDGECORE_IO);
  check_contains(error.text, "full");
  return TRUE;
}

TEST_CASE(Interrupted, by_a_full_disk) {
  g_autofree char *path = damaged_path();
  struct tally tally = {.name = "full disks"};
  gboolean fails = TRUE;

  for (guint after = 0; fails; after += proof_is_full() ? 1 : 37) {
    struct files before = damaged_files(20);
    damaged_sweep();
    files_write(&before, path);
    fails = fails_when_full(path, after);
    if (fails) {
      struct files files = files_read(path);
      test_note("after %u writes", after);
      for (enum part part = PART_MAIN; part < PART_COUNT; part++)
        check_true(before.parts[part] == files.parts[part] ||
                   (before.parts[part] != NULL && files.parts[part] != NULL &&
                    g_bytes_equal(before.parts[part], files.parts[part])));
      check_int_eq(count_others(), 0);
      struct damaged damaged = {.files = files};
      tally_try(&tally, &damaged, "after %u writes", after);
    }
    files_clear(&before);
  }
  check_int_ge(tally.cases, 3);
  check_int_eq(tally.mended, tally.cases);
  tally_finish(&tally, "interrupted repairs");
}
