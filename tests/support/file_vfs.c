#include "file_vfs.h"

#include <sqlite3.h>

static const char *const suffixes[] = {"-wal", "-shm", "-journal", ".db"};

static struct order {
  const char *suffix; /* NULL: nothing fails */
  guint after;
  guint left;
  int code;
} orders[FILE_CALL_COUNT];
static guint counts[FILE_CALL_COUNT][G_N_ELEMENTS(suffixes)];
static guint failed;
static gboolean is_lazy;

static sqlite3_vfs *real_vfs;

struct fault_file {
  sqlite3_file base;
  const char *name; /* owned by SQLite until the file is closed; "" for a temporary one */
};

static sqlite3_file *real_of(sqlite3_file *file) {
  return (sqlite3_file *)(void *)((struct fault_file *)(void *)file + 1);
}

static int judge(enum file_call call, const sqlite3_file *file) {
  const char *name = ((const struct fault_file *)(const void *)file)->name;
  struct order *order = &orders[call];

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (g_str_has_suffix(name, suffixes[i])) {
      counts[call][i]++;
      break;
    }
  if (order->suffix == NULL || !g_str_has_suffix(name, order->suffix))
    return SQLITE_OK;
  if (order->after > 0) {
    order->after--;
    return SQLITE_OK;
  }
  if (order->left == 0)
    return SQLITE_OK;
  order->left--;
  failed++;
  return order->code;
}

static int file_close(sqlite3_file *file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *to, int size, sqlite3_int64 at) {
  int code = judge(FILE_READ, file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xRead(real_of(file), to, size, at);
}

static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at) {
  int code = judge(FILE_WRITE, file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xWrite(real_of(file), from, size, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int code = judge(FILE_TRUNCATE, file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags) {
  int code = judge(FILE_SYNC, file);
  return code != SQLITE_OK || is_lazy ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int lock) {
  return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock) {
  return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *locked) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), locked);
}

static int file_control(sqlite3_file *file, int operation, void *data) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, data);
}

static int file_sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
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

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
  (void)vfs;
  ((struct fault_file *)(void *)file)->name = name != NULL ? name : "";
  int code = real_vfs->xOpen(real_vfs, name, real_of(file), flags, flags_out);
  file->pMethods = real_of(file)->pMethods != NULL ? &methods : NULL;
  return code;
}

void file_vfs_install(void) {
  static sqlite3_vfs vfs;

  if (real_vfs == NULL) {
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.pNext = NULL;
    vfs.xOpen = vfs_open;
    sqlite3_vfs_register(&vfs, 1);
  }
  for (guint call = 0; call < FILE_CALL_COUNT; call++)
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
      counts[call][i] = 0;
  file_vfs_heal();
}

void file_vfs_set_syncing(gboolean is_syncing) {
  is_lazy = !is_syncing;
}

void file_vfs_fail(enum file_call call, const char *suffix, guint after, guint count, int code) {
  orders[call] = (struct order){.suffix = suffix, .after = after, .left = count, .code = code};
}

void file_vfs_heal(void) {
  for (guint call = 0; call < FILE_CALL_COUNT; call++)
    orders[call] = (struct order){.suffix = NULL};
  failed = 0;
}

guint file_vfs_failed(void) {
  return failed;
}

guint file_vfs_count(enum file_call call, const char *suffix) {
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (g_str_equal(suffix, suffixes[i]))
      return counts[call][i];
  g_error("files that end in %s are not counted", suffix);
}
