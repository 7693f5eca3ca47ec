#include "bad_sector.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  dev_t device;
  ino_t inode;
  off_t from;
  off_t to;
  guint left;
  guint tried;
} bad;

void bad_sector_set(const char *path, off_t at, off_t size, guint times) {
  struct stat status;

  if (stat(path, &status) != 0)
    g_error("no %s", path);
  bad.device = status.st_dev;
  bad.inode = status.st_ino;
  bad.from = at;
  bad.to = at + size;
  bad.left = times;
  bad.tried = 0;
}

void bad_sector_heal(void) {
  bad.left = 0;
}

guint bad_sector_tried(void) {
  return bad.tried;
}

static gboolean is_of_file(int descriptor) {
  struct stat status;

  return fstat(descriptor, &status) == 0 && status.st_dev == bad.device && status.st_ino == bad.inode;
}

static ssize_t read_some(int descriptor, void *bytes, size_t size, off_t at) {
  if (bad.left == 0 || at >= bad.to || at + (off_t)size <= bad.from || !is_of_file(descriptor))
    return syscall(SYS_pread64, descriptor, bytes, size, at);
  /* As the kernel does it: what lies before is read. */
  if (at < bad.from)
    return syscall(SYS_pread64, descriptor, bytes, (size_t)(bad.from - at), at);
  bad.tried++;
  if (bad.left != BAD_FOR_EVER)
    bad.left--;
  errno = EIO;
  return -1;
}

/* In place of the C library's, for the program and for what it is linked with. Both names: which one a call has depends
 * on the flags that it was compiled with. */
ssize_t narrow_pread(int descriptor, void *bytes, size_t size, off_t at) __asm__("pread")
    __attribute__((visibility("default")));
ssize_t wide_pread(int descriptor, void *bytes, size_t size, off_t at) __asm__("pread64")
    __attribute__((visibility("default")));

ssize_t narrow_pread(int descriptor, void *bytes, size_t size, off_t at) {
  return read_some(descriptor, bytes, size, at);
}

ssize_t wide_pread(int descriptor, void *bytes, size_t size, off_t at) {
  return read_some(descriptor, bytes, size, at);
}
