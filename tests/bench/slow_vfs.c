#include "slow_vfs.h"

#include "bench.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* SQLite's file struct comes first; the system's own file lies behind this one. */
struct file {
  sqlite3_file base;
  sqlite3_file *real;
};

static sqlite3_vfs *system_vfs;
static sqlite3_vfs slow_vfs;
static _Atomic guint64 syncs;
static _Atomic guint64 bytes;
static _Atomic guint64 sync_time;

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((struct file *)file)->real;
}

static int file_close(sqlite3_file *file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  atomic_fetch_add(&bytes, (guint64)size);
  return real_of(file)->pMethods->xWrite(real_of(file), data, size, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags) {
  guint64 time = atomic_load(&sync_time);

  atomic_fetch_add(&syncs, 1);
  if (time > 0)
    g_usleep(time);
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *result) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int from, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), from, count, flags);
}

static void file_shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/* Version 2: no memory-mapped reads, which neither side uses. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *opened, int flags, int *flags_out) {
  struct file *file = (struct file *)opened;

  (void)vfs;
  file->real = (sqlite3_file *)(void *)(file + 1);
  int result = system_vfs->xOpen(system_vfs, name, file->real, flags, flags_out);
  file->base.pMethods = file->real->pMethods != NULL ? &file_methods : NULL;
  return result;
}

void slow_vfs_register(void) {
  system_vfs = sqlite3_vfs_find(NULL);
  slow_vfs = *system_vfs;
  slow_vfs.zName = "slow";
  slow_vfs.pNext = NULL;
  slow_vfs.szOsFile = (int)sizeof(struct file) + system_vfs->szOsFile;
  slow_vfs.xOpen = open_file;
  atomic_store(&syncs, 0);
  atomic_store(&bytes, 0);
  if (sqlite3_vfs_register(&slow_vfs, 1) != SQLITE_OK)
    bench_fail("cannot register a VFS");
}

void slow_vfs_unregister(void) {
  sqlite3_vfs_unregister(&slow_vfs);
}

void slow_vfs_set_sync(guint64 microseconds) {
  atomic_store(&sync_time, microseconds);
}

struct slow_vfs_counts slow_vfs_counts(void) {
  return (struct slow_vfs_counts){.syncs = atomic_load(&syncs), .bytes = atomic_load(&bytes)};
}
