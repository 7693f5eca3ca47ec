#include "fault_vfs.h"

#include <sqlite3.h>

struct fault_file {
  sqlite3_file base;
  const char *path;
  sqlite3_file *real; /* behind this struct, in the same memory */
};

static struct fault_state {
  sqlite3_vfs vfs;
  sqlite3_vfs *real;
  fault_vfs_fn *hook;
  void *hook_data;
  gboolean is_full;
  gboolean is_syncing;
  enum fault_op nth_op;
  guint nth_left;
  int nth_result;
  _Atomic guint64 calls[FAULT_OPS];
  _Atomic guint64 bytes;
} fault;

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((struct fault_file *)file)->real;
}

static int ask(enum fault_op op, const char *path) {
  fault.calls[op]++;
  if (fault.nth_left > 0 && fault.nth_op == op && --fault.nth_left == 0)
    return fault.nth_result;
  return fault.hook != NULL ? fault.hook(op, path != NULL ? path : "", fault.hook_data) : SQLITE_OK;
}

static int ask_file(enum fault_op op, sqlite3_file *file) {
  return ask(op, ((struct fault_file *)file)->path);
}

static int file_close(sqlite3_file *file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset) {
  int result = ask_file(FAULT_READ, file);

  return result == SQLITE_OK ? real_of(file)->pMethods->xRead(real_of(file), data, size, offset) : result;
}

static int check_room(sqlite3_file *file, sqlite3_int64 end) {
  sqlite3_int64 size;

  if (!fault.is_full)
    return SQLITE_OK;
  int result = real_of(file)->pMethods->xFileSize(real_of(file), &size);
  return result == SQLITE_OK && end > size ? SQLITE_FULL : result;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
  int result = ask_file(FAULT_WRITE, file);

  if (result == SQLITE_OK)
    result = check_room(file, offset + size);
  if (result != SQLITE_OK)
    return result;
  fault.bytes += (guint64)size;
  return real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int result = ask_file(FAULT_TRUNCATE, file);

  return result == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : result;
}

static int file_sync(sqlite3_file *file, int flags) {
  int result = ask_file(FAULT_SYNC, file);

  return result == SQLITE_OK && fault.is_syncing ? real_of(file)->pMethods->xSync(real_of(file), flags) : result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level) {
  int result = ask_file(FAULT_LOCK, file);

  return result == SQLITE_OK ? real_of(file)->pMethods->xLock(real_of(file), level) : result;
}

static int file_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *is_reserved) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_reserved);
}

static int file_control(sqlite3_file *file, int op, void *argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int region, int size, int is_write, void volatile **address) {
  return real_of(file)->pMethods->xShmMap(real_of(file), region, size, is_write, address);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  int result = ask_file(FAULT_LOCK, file);

  return result == SQLITE_OK ? real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags) : result;
}

static void shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int is_delete) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), is_delete);
}

/* Version 2: memory maps (of version 3) would go past us. */
static const sqlite3_io_methods methods = {.iVersion = 2,
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
                                           .xShmMap = shm_map,
                                           .xShmLock = shm_lock,
                                           .xShmBarrier = shm_barrier,
                                           .xShmUnmap = shm_unmap};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  struct fault_file *self = (struct fault_file *)file;
  int result = ask(FAULT_OPEN, path);

  (void)vfs;
  *self = (struct fault_file){.path = path, .real = (sqlite3_file *)(self + 1)};
  if (result == SQLITE_OK)
    result = fault.real->xOpen(fault.real, path, self->real, flags, out_flags);
  file->pMethods = result == SQLITE_OK ? &methods : NULL;
  return result;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int is_directory_synced) {
  int result = ask(FAULT_DELETE, path);

  (void)vfs;
  return result == SQLITE_OK ? fault.real->xDelete(fault.real, path, fault.is_syncing ? is_directory_synced : 0)
                             : result;
}

void fault_vfs_install(void) {
  sqlite3_vfs *real = fault.real != NULL ? fault.real : sqlite3_vfs_find(NULL);

  fault = (struct fault_state){.vfs = *real, .real = real};
  fault.vfs.zName = "fault";
  fault.vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
  fault.vfs.xOpen = vfs_open;
  fault.vfs.xDelete = vfs_delete;
  fault.is_syncing = TRUE;
  sqlite3_vfs_register(&fault.vfs, 1);
}

void fault_vfs_remove(void) {
  sqlite3_vfs_unregister(&fault.vfs);
  sqlite3_vfs_register(fault.real, 1);
  fault = (struct fault_state){.real = NULL};
}

void fault_vfs_set_hook(fault_vfs_fn *hook, void *data) {
  fault.hook = hook;
  fault.hook_data = data;
}

void fault_vfs_fail_nth(enum fault_op op, guint n, int result) {
  fault.nth_op = op;
  fault.nth_left = n;
  fault.nth_result = result;
}

void fault_vfs_set_full(gboolean is_full) {
  fault.is_full = is_full;
}

void fault_vfs_set_syncing(gboolean is_syncing) {
  fault.is_syncing = is_syncing;
}

guint64 fault_vfs_calls(enum fault_op op) {
  return fault.calls[op];
}

guint64 fault_vfs_bytes(void) {
  return fault.bytes;
}
