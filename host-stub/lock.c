#include "lock.h"

#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(GError **error, const char *database, const char *file, int code, int descriptor) {
  if (code == EWOULDBLOCK)
    g_set_error(error, HOST_ERROR, EDGECORE_IO,
                "database \"%s\": another edgehost uses it; end that one or name another file in database.source",
                database);
  else
    g_set_error(
        error, HOST_ERROR, EDGECORE_IO,
        "database \"%s\": cannot be locked with \"%s\": %s; check the path in database.source and who may write there",
        database, file, g_strerror(code));
  if (descriptor >= 0)
    close(descriptor);
  return -1;
}

int lock_take(const char *database, GError **error) {
  char *resolved = realpath(database, NULL);
  g_autofree char *file = g_strconcat(resolved != NULL ? resolved : database, "-lock", NULL);
  free(resolved);

  int descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  /* Whatever the umask took away, and whoever made the file. */
  if (descriptor < 0 || fchmod(descriptor, 0600) < 0 || flock(descriptor, LOCK_EX | LOCK_NB) < 0)
    return fail(error, database, file, errno, descriptor);
  return descriptor;
}
