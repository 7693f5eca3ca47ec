#include "memory_disk_private.h"

#include <string.h>

#define BIT(fault) (1u << (fault))

struct handle {
  sqlite3_file base; /* first: SQLite knows no more */
  disk *disk;
  struct disk_file *file;
  int lock; /* SQLITE_LOCK_... */
  gboolean syncs_directory;
  gboolean is_mapped;
  guint shm_shared; /* bits */
  guint shm_exclusive;
};

static disk *current;

static struct handle *handle_of(sqlite3_file *base) {
  return (struct handle *)(void *)base;
}

/* ---------------------------------------------------------------------------------------------------------------- bytes */

static int file_read(sqlite3_file *base, void *buffer, int size, sqlite3_int64 offset) {
  const struct handle *self = handle_of(base);
  const GByteArray *bytes = self->file->bytes;
  gsize there = offset >= bytes->len ? 0 : MIN((gsize)size, (gsize)(bytes->len - offset));

  if (disk_strike(self->disk, BIT(DISK_FAULT_READ)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_READ;
  if (there > 0)
    memcpy(buffer, bytes->data + offset, there);
  if (there == (gsize)size)
    return SQLITE_OK;
  memset((char *)buffer + there, 0, (gsize)size - there);
  return SQLITE_IOERR_SHORT_READ;
}

static void put_bytes(const struct handle *self, const void *buffer, gsize size, sqlite3_int64 offset) {
  GByteArray *bytes = self->file->bytes;
  guint before = bytes->len;

  if ((gsize)offset + size > before) {
    g_byte_array_set_size(bytes, (guint)((gsize)offset + size));
    memset(bytes->data + before, 0, bytes->len - before);
  }
  memcpy(bytes->data + offset, buffer, size);
  disk_note(self->disk, DISK_WRITE, self->file, offset, buffer, size);
}

static int file_write(sqlite3_file *base, const void *buffer, int size, sqlite3_int64 offset) {
  const struct handle *self = handle_of(base);

  switch (disk_strike(self->disk, BIT(DISK_FAULT_WRITE) | BIT(DISK_FAULT_FULL) | BIT(DISK_FAULT_SHORT_WRITE))) {
  case DISK_FAULT_WRITE:
    put_bytes(self, buffer, (gsize)size / 2, offset);
    return SQLITE_IOERR_WRITE;
  case DISK_FAULT_SHORT_WRITE:
    put_bytes(self, buffer, (gsize)size / 2, offset);
    return SQLITE_FULL;
  case DISK_FAULT_FULL:
    return SQLITE_FULL;
  default:
    put_bytes(self, buffer, (gsize)size, offset);
    return SQLITE_OK;
  }
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
  const struct handle *self = handle_of(base);

  if (disk_strike(self->disk, BIT(DISK_FAULT_TRUNCATE)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_TRUNCATE;
  if (size < self->file->bytes->len)
    g_byte_array_set_size(self->file->bytes, (guint)size);
  disk_note(self->disk, DISK_TRUNCATE, self->file, size, NULL, 0);
  return SQLITE_OK;
}

/* As SQLite's own VFS: the first sync of a journal or a WAL makes its entry in the directory safe too. */
static int file_sync(sqlite3_file *base, int flags) {
  struct handle *self = handle_of(base);

  (void)flags;
  if (disk_strike(self->disk, BIT(DISK_FAULT_SYNC)) != DISK_FAULT_NONE) {
    disk_note(self->disk, DISK_SYNC_FAILED, self->file, 0, NULL, 0);
    return SQLITE_IOERR_FSYNC;
  }
  if (disk_lies(self->disk, self->file))
    return SQLITE_OK;
  disk_note(self->disk, DISK_SYNC, self->file, 0, NULL, 0);
  if (self->syncs_directory)
    disk_note(self->disk, DISK_SYNC_DIRECTORY, NULL, 0, NULL, 0);
  self->syncs_directory = FALSE;
  return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
  const struct handle *self = handle_of(base);

  if (disk_strike(self->disk, BIT(DISK_FAULT_LOOK)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_FSTAT;
  *size = self->file->bytes->len;
  return SQLITE_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- locks */

static gboolean is_free(const void *holder, const struct handle *self) {
  return holder == NULL || holder == self;
}

static int file_unlock(sqlite3_file *base, int level) {
  struct handle *self = handle_of(base);
  struct disk_file *file = self->file;

  if (self->lock <= level)
    return SQLITE_OK;
  if (file->exclusive == self)
    file->exclusive = NULL;
  if (file->reserved == self)
    file->reserved = NULL;
  if (level == SQLITE_LOCK_NONE)
    file->shared--;
  self->lock = level;
  return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level) {
  struct handle *self = handle_of(base);
  struct disk_file *file = self->file;

  if (self->lock >= level)
    return SQLITE_OK;
  if (disk_strike(self->disk, BIT(DISK_FAULT_LOCK)) != DISK_FAULT_NONE)
    return SQLITE_BUSY;
  if (!is_free(file->exclusive, self))
    return SQLITE_BUSY;
  if (level == SQLITE_LOCK_SHARED) {
    file->shared++;
  } else {
    if (!is_free(file->reserved, self))
      return SQLITE_BUSY;
    file->reserved = self;
    if (level == SQLITE_LOCK_EXCLUSIVE && file->shared > 1)
      return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE)
      file->exclusive = self;
  }
  self->lock = level;
  return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *is_reserved) {
  *is_reserved = handle_of(base)->file->reserved != NULL;
  return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument) {
  (void)base;
  (void)operation;
  (void)argument;
  return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base) {
  (void)base;
  return 4096;
}

/* As SQLite says of any file system: a write leaves the bytes around it alone. */
static int file_characteristics(sqlite3_file *base) {
  (void)base;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* --------------------------------------------------------------------------------------------------------- shared memory */

static int shm_map(sqlite3_file *base, int number, int size, int extend, void volatile **region) {
  struct handle *self = handle_of(base);
  struct disk_file *file = self->file;

  *region = NULL;
  if (disk_strike(self->disk, BIT(DISK_FAULT_SHARED)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_SHMMAP;
  if (file->regions == NULL)
    file->regions = g_ptr_array_new_with_free_func(g_free);
  if (!self->is_mapped) {
    self->is_mapped = TRUE;
    file->mapped++;
  }
  if ((guint)number >= file->regions->len && !extend)
    return SQLITE_OK;
  while ((guint)number >= file->regions->len)
    g_ptr_array_add(file->regions, g_malloc0((gsize)size));
  *region = g_ptr_array_index(file->regions, number);
  return SQLITE_OK;
}

static void shm_release(struct handle *self, guint mask) {
  for (guint i = 0; i < DISK_SHM_LOCKS; i++) {
    if ((mask & self->shm_shared & 1u << i) != 0)
      self->file->shm_shared[i]--;
    if ((mask & self->shm_exclusive & 1u << i) != 0)
      self->file->shm_exclusive[i] = NULL;
  }
  self->shm_shared &= ~mask;
  self->shm_exclusive &= ~mask;
}

static gboolean shm_is_free(const struct handle *self, guint i, gboolean exclusive) {
  const struct disk_file *file = self->file;
  guint others = file->shm_shared[i] - ((self->shm_shared & 1u << i) != 0);

  return is_free(file->shm_exclusive[i], self) && (!exclusive || others == 0);
}

static int shm_lock(sqlite3_file *base, int offset, int count, int flags) {
  struct handle *self = handle_of(base);
  guint mask = ((1u << count) - 1) << offset;
  gboolean exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;

  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    shm_release(self, mask);
    return SQLITE_OK;
  }
  if (disk_strike(self->disk, BIT(DISK_FAULT_LOCK)) != DISK_FAULT_NONE)
    return SQLITE_BUSY;
  for (guint i = 0; i < DISK_SHM_LOCKS; i++)
    if ((mask & 1u << i) != 0 && !shm_is_free(self, i, exclusive))
      return SQLITE_BUSY;
  for (guint i = 0; i < DISK_SHM_LOCKS; i++) {
    if ((mask & 1u << i) == 0)
      continue;
    if (exclusive)
      self->file->shm_exclusive[i] = self;
    else if ((self->shm_shared & 1u << i) == 0)
      self->file->shm_shared[i]++;
  }
  *(exclusive ? &self->shm_exclusive : &self->shm_shared) |= mask;
  return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base) {
  (void)base;
}

static int shm_unmap(sqlite3_file *base, int remove) {
  struct handle *self = handle_of(base);

  (void)remove;
  if (!self->is_mapped)
    return SQLITE_OK;
  shm_release(self, G_MAXUINT);
  self->is_mapped = FALSE;
  if (--self->file->mapped == 0)
    g_clear_pointer(&self->file->regions, g_ptr_array_unref);
  return SQLITE_OK;
}

static int file_close(sqlite3_file *base) {
  struct handle *self = handle_of(base);

  file_unlock(base, SQLITE_LOCK_NONE);
  shm_unmap(base, 0);
  self->disk->open--;
  self->file->open--;
  disk_file_settle(self->file);
  return SQLITE_OK;
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
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* -------------------------------------------------------------------------------------------------------------- the VFS */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags) {
  const int companions = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL;
  struct handle *self = handle_of(base);
  struct disk_file *file = name != NULL ? disk_file_of(current, name) : NULL;

  (void)vfs;
  memset(self, 0, sizeof *self);
  if (disk_strike(current, BIT(DISK_FAULT_OPEN)) != DISK_FAULT_NONE)
    return SQLITE_CANTOPEN;
  if (file != NULL) {
    disk_note(current, DISK_OPEN, file, 0, NULL, 0);
  } else {
    if (name != NULL && (flags & SQLITE_OPEN_CREATE) == 0)
      return SQLITE_CANTOPEN;
    file = disk_file_add(current, name);
    disk_note(current, DISK_CREATE, file, 0, NULL, 0);
  }
  self->base.pMethods = &methods;
  self->disk = current;
  self->file = file;
  self->syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & companions) != 0;
  file->open++;
  current->open++;
  if (out_flags != NULL)
    *out_flags = flags;
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory) {
  const struct disk_file *file = disk_file_of(current, name);

  (void)vfs;
  if (disk_strike(current, BIT(DISK_FAULT_DELETE)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_DELETE;
  if (file == NULL)
    return SQLITE_IOERR_DELETE_NOENT;
  disk_note(current, DISK_DELETE, file, 0, NULL, 0);
  g_hash_table_remove(current->files, name);
  if (sync_directory)
    disk_note(current, DISK_SYNC_DIRECTORY, NULL, 0, NULL, 0);
  return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
  const struct disk_file *file = disk_file_of(current, name);

  (void)vfs;
  if (disk_strike(current, BIT(DISK_FAULT_LOOK)) != DISK_FAULT_NONE)
    return SQLITE_IOERR_ACCESS;
  /* As SQLite's own VFS: an empty file does not exist. */
  *result = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->bytes->len > 0);
  return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out) {
  (void)vfs;
  g_strlcpy(out, name, (gsize)size);
  return SQLITE_OK;
}

/* The same in each run. */
static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out) {
  static guint32 state = 1;

  (void)vfs;
  for (int i = 0; i < size; i++) {
    state = state * 1664525u + 1013904223u;
    out[i] = (char)(state >> 24);
  }
  return size;
}

/* Waiting for a lock takes no time here. */
static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs;
  return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, double *days) {
  (void)vfs;
  *days = 2460000.5;
  return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out) {
  (void)vfs;
  (void)size;
  (void)out;
  return 0;
}

static sqlite3_vfs memory_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct handle),
    .mxPathname = 4096,
    .zName = "memory-disk",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_path,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
    .xGetLastError = vfs_last_error,
};

void disk_vfs_use(disk *self) {
  current = self;
  if (self != NULL)
    sqlite3_vfs_register(&memory_vfs, 1);
  else
    sqlite3_vfs_unregister(&memory_vfs);
}
