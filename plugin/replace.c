#include "replace.h"

#include "error.h"
#include "wal_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* While it is being filled, and once it is whole. */
#define FILLING ".repair"
#define WHOLE ".repaired"

static int32_t fail_errno(struct edgecore_error *error, const char *what, const char *path) {
  return error_set(error, EDGECORE_IO, "cannot mend the database: %s %s: %s", what, path, g_strerror(errno));
}

/* So that names outlive a power cut. A file system that cannot do it for directories is no reason to fail. */
static void sync_directory_of(const char *path) {
  g_autofree char *directory = g_path_get_dirname(path);
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  close(descriptor);
}

/* The time is the fresh file's, so that a repair that was interrupted goes on under the same name. */
static char *dated_name(const char *path, const char *whole) {
  struct stat status;
  gint64 time = stat(whole, &status) == 0 ? (gint64)status.st_mtime : g_get_real_time() / G_USEC_PER_SEC;
  g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(time);
  g_autofree char *date = made != NULL ? g_date_time_format(made, "%Y%m%dT%H%M%SZ") : g_strdup("undated");

  return g_strconcat(path, ".damaged-", date, NULL);
}

/* The name itself, or the name with a number that nothing has yet. */
static char *free_name(const char *name) {
  char *free = g_strdup(name);

  for (guint i = 1; access(free, F_OK) == 0; i++) {
    g_free(free);
    free = g_strdup_printf("%s-%u", name, i);
  }
  return free;
}

static gboolean is_same_file(const char *a, const char *b) {
  struct stat left;
  struct stat right;

  return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static const char *const companions[] = {"-wal", "-journal"};

/* What was done so far, for taking it back. */
struct moves {
  const char *path;
  char *main;                                 /* the damaged file's further name */
  char *companions[G_N_ELEMENTS(companions)]; /* where they went */
};

/* Gives the file one more name, so that there is no moment without it under its own. */
static int32_t keep_main(struct moves *self, const char *dated, struct edgecore_error *error) {
  if (access(self->path, F_OK) != 0 || is_same_file(self->path, dated))
    return EDGECORE_OK;
  (void)chmod(self->path, 0600);
  g_autofree char *name = free_name(dated);
  /* A file system without links gets a moment without the name instead; replace_finish closes it. */
  if (link(self->path, name) != 0 && rename(self->path, name) != 0)
    return fail_errno(error, "cannot keep", self->path);
  self->main = g_steal_pointer(&name);
  return EDGECORE_OK;
}

/* Moves a companion away; an empty one says nothing. */
static int32_t keep_companion(struct moves *self, guint number, const char *dated, struct edgecore_error *error) {
  g_autofree char *from = g_strconcat(self->path, companions[number], NULL);
  g_autofree char *wanted = g_strconcat(dated, companions[number], NULL);
  struct stat status;

  if (stat(from, &status) != 0)
    return EDGECORE_OK;
  if (status.st_size == 0)
    return unlink(from) == 0 ? EDGECORE_OK : fail_errno(error, "cannot remove", from);
  (void)chmod(from, 0600);
  g_autofree char *name = free_name(wanted);
  if (rename(from, name) != 0)
    return fail_errno(error, "cannot keep", from);
  self->companions[number] = g_steal_pointer(&name);
  return EDGECORE_OK;
}

/* The order matters: see the header. */
static int32_t move_all(struct moves *self, const char *whole, const char *dated, struct edgecore_error *error) {
  g_autofree char *shm = g_strconcat(self->path, "-shm", NULL);
  int32_t code = keep_main(self, dated, error);

  wal_mark_remove(self->path);
  for (guint i = 0; code == EDGECORE_OK && i < G_N_ELEMENTS(companions); i++)
    code = keep_companion(self, i, dated, error);
  if (code != EDGECORE_OK)
    return code;
  if (unlink(shm) != 0 && errno != ENOENT)
    return fail_errno(error, "cannot remove", shm);
  sync_directory_of(self->path);
  if (rename(whole, self->path) != 0)
    return fail_errno(error, "cannot put in place", whole);
  sync_directory_of(self->path);
  return EDGECORE_OK;
}

/* The damaged file goes on being used: the fresh one must not be found later, for it would be old then. */
static void take_back(const struct moves *self, const char *whole) {
  (void)unlink(whole);
  for (guint i = 0; i < G_N_ELEMENTS(companions); i++) {
    g_autofree char *name = g_strconcat(self->path, companions[i], NULL);
    if (self->companions[i] != NULL)
      (void)rename(self->companions[i], name);
  }
  if (self->main != NULL && access(self->path, F_OK) != 0)
    (void)rename(self->main, self->path);
  else if (self->main != NULL)
    (void)unlink(self->main);
  sync_directory_of(self->path);
}

static int32_t put_in_place(const char *path, const char *whole, gboolean is_undone, char **kept,
                            struct edgecore_error *error) {
  struct moves moves = {.path = path};
  g_autofree char *dated = dated_name(path, whole);
  int32_t code = move_all(&moves, whole, dated, error);

  if (code == EDGECORE_OK)
    *kept = g_strdup(moves.main != NULL ? moves.main : dated);
  else if (is_undone)
    take_back(&moves, whole);
  g_free(moves.main);
  for (guint i = 0; i < G_N_ELEMENTS(companions); i++)
    g_free(moves.companions[i]);
  return code;
}

char *replace_filling_name(const char *path) {
  return g_strconcat(path, FILLING, NULL);
}

int32_t replace_file(const char *path, char **kept, struct edgecore_error *error) {
  g_autofree char *filling = replace_filling_name(path);
  g_autofree char *whole = g_strconcat(path, WHOLE, NULL);

  if (rename(filling, whole) != 0)
    return fail_errno(error, "cannot rename", filling);
  /* From here on the repair will be finished, so it must be found; the WAL may not move before. */
  sync_directory_of(path);
  return put_in_place(path, whole, TRUE, kept, error);
}

int32_t replace_finish(const char *path, char **kept, struct edgecore_error *error) {
  g_autofree char *filling = replace_filling_name(path);
  g_autofree char *journal = g_strconcat(filling, "-journal", NULL);
  g_autofree char *whole = g_strconcat(path, WHOLE, NULL);

  *kept = NULL;
  (void)unlink(filling);
  (void)unlink(journal);
  return access(whole, F_OK) == 0 ? put_in_place(path, whole, FALSE, kept, error) : EDGECORE_OK;
}
