#include "database_file.h"

#include "failure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's own name, then those of its companions. */
static const char *const suffixes[] = {"", "-wal", "-shm"};

gboolean database_file_refuse(GError **error, const char *path, const char *why, const char *remedy) {
  g_set_error(error, HOST_ERROR, EDGECORE_IO, "database \"%s\": %s; %s", path, why, remedy);
  return FALSE;
}

static gboolean refuse_errno(GError **error, const char *path, const char *what) {
  g_autofree char *why = g_strdup_printf("%s: %s", what, g_strerror(errno));
  return database_file_refuse(error, path, why, "check the path in database.source and who may write there");
}

/* So that the name outlives a power cut. A file system that cannot do it for directories is no reason to fail. */
static void sync_directory_of(const char *path) {
  g_autofree char *directory = g_path_get_dirname(path);
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  close(descriptor);
}

/* SQLite would make it 0644. */
static gboolean create(const char *path, GError **error) {
  int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0 && errno == EEXIST)
    return database_file_refuse(error, path, "is a link that leads nowhere",
                                "remove it or name another file in database.source");
  if (descriptor < 0)
    return refuse_errno(error, path, "cannot be created");
  gboolean is_private = fchmod(descriptor, 0600) == 0;
  if (!is_private) {
    refuse_errno(error, path, "cannot be made private");
    unlink(path);
  }
  close(descriptor);
  sync_directory_of(path);
  return is_private;
}

gboolean database_file_prepare(const char *path, gboolean *is_made, GError **error) {
  struct stat status;
  if (!database_file_check(path, error))
    return FALSE;
  *is_made = stat(path, &status) < 0;
  return !*is_made || create(path, error);
}

gboolean database_file_make_private(const char *path, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    struct stat status;
    g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
    if (stat(file, &status) < 0 || status.st_uid != geteuid() || !(status.st_mode & 077))
      continue;
    if (chmod(file, 0600) < 0)
      return refuse_errno(error, file, "cannot be made private");
  }
  return TRUE;
}

char *database_file_follow_link(const char *path) {
  struct stat status;
  char *found = lstat(path, &status) == 0 && S_ISLNK(status.st_mode) ? realpath(path, NULL) : NULL;
  char *file = g_strdup(found != NULL ? found : path);
  free(found);
  return file;
}

gboolean database_file_check(const char *path, GError **error) {
  struct stat status;
  /* SQLite takes the second for a URI, which may name another file and options. */
  if (path[0] == '\0' || path[0] == ':' || g_str_has_prefix(path, "file:"))
    return database_file_refuse(error, path, "is not the name of a file", "set database.source to a path");
  if (stat(path, &status) < 0)
    return errno == ENOENT || refuse_errno(error, path, "cannot be looked at");
  if (S_ISDIR(status.st_mode))
    return database_file_refuse(error, path, "is a directory", "name a file in database.source");
  if (!S_ISREG(status.st_mode))
    return database_file_refuse(error, path, "is not a regular file", "name another one in database.source");
  /* The mode is looked at as well, because root may write to anything. */
  if (!(status.st_mode & S_IWUSR) || access(path, R_OK | W_OK) < 0)
    return database_file_refuse(error, path, "is read-only", "make it writable for the user that the host runs as");
  return TRUE;
}

gint64 database_file_size(const char *path, const char *suffix) {
  struct stat status;
  g_autofree char *file = g_strconcat(path, suffix, NULL);
  return stat(file, &status) == 0 ? status.st_size : 0;
}

guint database_file_count_open(const char *path) {
  struct stat files[G_N_ELEMENTS(suffixes)];
  guint file_count = 0;
  g_autofree char *database = database_file_follow_link(path);
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *file = g_strconcat(database, suffixes[i], NULL);
    file_count += stat(file, &files[file_count]) == 0;
  }
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL)
    return 0;

  guint count = 0;
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    struct stat status;
    if (fstatat(dirfd(directory), entry->d_name, &status, 0) < 0)
      continue;
    for (guint i = 0; i < file_count; i++)
      count += status.st_dev == files[i].st_dev && status.st_ino == files[i].st_ino;
  }
  closedir(directory);
  return count;
}
