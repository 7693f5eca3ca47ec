#include "replace.h"

#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* A damaged database with its companions, and a fresh one that is whole but not in place. */
struct site {
  char *path;
  char *filling;
};

static void write_file(const char *path, const char *suffix, const char *text) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);

  g_assert(g_file_set_contents(name, text, -1, NULL));
}

static void check_file(const char *path, const char *suffix, const char *want) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  g_autofree char *text = NULL;

  test_note("%s", name);
  if (want == NULL)
    check_false(g_file_test(name, G_FILE_TEST_EXISTS));
  else if (check_true(g_file_get_contents(name, &text, NULL, NULL)))
    check_str_eq(text, want);
}

static struct site site_new(const char *name) {
  struct site self = {.path = test_path(name)};

  self.filling = replace_filling_name(self.path);
  write_file(self.path, "", "damaged");
  write_file(self.path, "-wal", "wal");
  write_file(self.path, "-shm", "shm");
  write_file(self.path, "-mark", "mark");
  write_file(self.filling, "", "fresh");
  return self;
}

static void site_clear(struct site *self) {
  g_free(self->path);
  g_free(self->filling);
}

TEST_CASE(Replace, the_fresh_file_takes_the_place_and_the_damaged_one_stays_under_a_dated_name) {
  struct site site = site_new("edge.db");
  g_autofree char *kept = NULL;

  require_ok(replace_file(site.path, &kept, &failure));
  require_not_null(kept);
  g_autofree char *prefix = g_strconcat(site.path, ".damaged-2", NULL);
  check_true(g_str_has_prefix(kept, prefix));
  check_file(site.path, "", "fresh");
  check_file(kept, "", "damaged");
  check_file(kept, "-wal", "wal");
  check_file(site.path, "-wal", NULL);
  check_file(site.path, "-shm", NULL);
  check_file(site.path, "-mark", NULL);
  check_file(site.filling, "", NULL);
  check_file(site.path, ".repaired", NULL);
  site_clear(&site);
}

TEST_CASE(Replace, what_is_kept_is_private) {
  struct site site = site_new("edge.db");
  g_autofree char *kept = NULL;
  GStatBuf status;

  require_int_eq(g_chmod(site.path, 0644), 0);
  require_ok(replace_file(site.path, &kept, &failure));
  require_int_eq(g_stat(kept, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
  g_autofree char *wal = g_strconcat(kept, "-wal", NULL);
  require_int_eq(g_stat(wal, &status), 0);
  check_int_eq(status.st_mode & 0777, 0600);
  site_clear(&site);
}

TEST_CASE(Replace, each_damaged_file_has_a_name_of_its_own) {
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 5; i++) {
    struct site site = site_new("edge.db");
    char *kept = NULL;
    require_ok(replace_file(site.path, &kept, &failure));
    check_true(g_hash_table_add(names, kept));
    check_file(kept, "", "damaged");
    site_clear(&site);
  }
}

TEST_CASE(Replace, what_a_power_cut_interrupted_is_finished) {
  g_autofree char *kept = NULL;

  /* Nothing was moved yet; everything but the last step was done; a further name was given, and no more. */
  for (guint i = 0; i < 3; i++) {
    g_autofree char *name = g_strdup_printf("edge-%u.db", i);
    struct site site = site_new(name);
    g_autofree char *whole = g_strconcat(site.path, ".repaired", NULL);
    test_note("state %u", i);
    require_int_eq(g_rename(site.filling, whole), 0);
    if (i == 1) {
      g_autofree char *away = g_strconcat(site.path, ".damaged-before", NULL);
      require_int_eq(g_rename(site.path, away), 0);
    }
    g_clear_pointer(&kept, g_free);
    require_ok(replace_finish(site.path, &kept, &failure));
    check_not_null(kept);
    check_file(site.path, "", "fresh");
    check_file(site.path, "-wal", NULL);
    check_file(site.path, ".repaired", NULL);
    if (i != 1)
      check_file(kept, "", "damaged");
    check_file(kept, "-wal", "wal");
    site_clear(&site);
  }
}

TEST_CASE(Replace, there_is_nothing_to_finish_without_a_whole_file) {
  struct site site = site_new("edge.db");
  char *kept = (char *)"unset";

  require_ok(replace_finish(site.path, &kept, &failure));
  check_null(kept);
  check_file(site.path, "", "damaged");
  check_file(site.path, "-wal", "wal");
  site_clear(&site);
}

TEST_CASE(Replace, without_a_fresh_file_nothing_is_touched) {
  struct site site = site_new("edge.db");
  g_autofree char *kept = NULL;

  require_int_eq(g_unlink(site.filling), 0);
  check_fails(replace_file(site.path, &kept, &failure), EDGECORE_IO, "cannot mend the database: cannot rename");
  check_null(kept);
  check_file(site.path, "", "damaged");
  check_file(site.path, "-wal", "wal");
  check_file(site.path, "-mark", "mark");
  site_clear(&site);
}

/* Something stands where the shared memory would: it cannot be removed. */
TEST_CASE(Replace, when_it_cannot_all_is_as_before_and_the_fresh_file_is_gone) {
  struct site site = site_new("edge.db");
  g_autofree char *shm = g_strconcat(site.path, "-shm", NULL);
  g_autofree char *inside = g_build_filename(shm, "file", NULL);
  g_autofree char *kept = NULL;

  require_int_eq(g_unlink(shm), 0);
  require_int_eq(g_mkdir(shm, 0700), 0);
  require_true(g_file_set_contents(inside, "x", 1, NULL));
  check_fails(replace_file(site.path, &kept, &failure), EDGECORE_IO, "cannot remove");
  check_null(kept);
  check_file(site.path, "", "damaged");
  check_file(site.path, "-wal", "wal");
  check_file(site.filling, "", NULL);
  check_file(site.path, ".repaired", NULL);
  site_clear(&site);
}
