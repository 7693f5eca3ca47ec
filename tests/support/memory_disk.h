/* A disk in memory, as SQLite's default VFS: it is fast, it is the same in each run, it records all that is written to it in order, and
 * any call may be made to fail. What a power cut would leave of it is built by power_cut.h.
 *
 *   disk *d = disk_new();
 *   disk_use(d);                        SQLite now opens all files on this disk, whatever their path
 *   ...
 *   disk_use(NULL);                     SQLite's own VFS again
 *   disk_free(d);
 *
 * Files with no name (temporary ones) are kept but not recorded. One thread only. */
#ifndef TESTS_MEMORY_DISK_H
#define TESTS_MEMORY_DISK_H

#include <glib.h>
#include <sqlite3.h>

typedef struct disk disk;

disk *disk_new(void);
/* All files of the disk must be closed. */
void disk_free(disk *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(disk, disk_free)
/* A disk with the same files; its log is empty. */
disk *disk_copy(const disk *self) G_GNUC_WARN_UNUSED_RESULT;
/* Where files are opened from now on. NULL: SQLite's own VFS. Files that are open stay where they are. */
void disk_use(disk *self);

/* Puts a file on the disk, or replaces it; not recorded. */
void disk_put(disk *self, const char *name, const void *bytes, gsize size);
/* Makes an empty file unless it is there; recorded. */
void disk_touch(disk *self, const char *name);
/* Calls `each` for all files. */
typedef void disk_file_fn(const char *name, const GByteArray *bytes, void *data);
void disk_each(const disk *self, disk_file_fn *each, void *data);
/* Its bytes, owned by the disk; NULL when there is no such file. */
const GByteArray *disk_get(const disk *self, const char *name);
/* Files that are open. */
guint disk_open_count(const disk *self);

/* ------------------------------------------------------------------------------------------------------------- the log */

enum disk_op_kind {
  DISK_WRITE,
  DISK_TRUNCATE,       /* to `offset` bytes */
  DISK_SYNC,           /* the file's data and size */
  DISK_SYNC_FAILED,    /* what was written before may never reach the disk, even if a later sync succeeds */
  DISK_CREATE,         /* a new file, and its entry in the directory */
  DISK_DELETE,         /* the entry goes */
  DISK_SYNC_DIRECTORY, /* all entries */
  DISK_OPEN            /* an existing file was opened; nothing changes */
};

struct disk_op {
  enum disk_op_kind kind;
  guint file; /* a number for each file that ever was: a new one of the same name has a new one */
  gint64 offset;
  GBytes *data; /* DISK_WRITE */
};

struct disk_named {
  char *name;
  gboolean from_start; /* it was there when the recording began ... */
  GBytes *start;       /* ... with these bytes */
};

/* From now on all that changes the disk is recorded, and what is on it is noted as being safe. */
void disk_record(disk *self);
/* How many operations were recorded. */
guint disk_position(const disk *self);
const struct disk_op *disk_op_at(const disk *self, guint number);
/* The files that there were, by number. */
const struct disk_named *disk_named_at(const disk *self, guint file);
guint disk_named_count(const disk *self);

/* Lies: a sync of files whose name ends in `suffix` ("": of all) is reported as done, and is not. NULL: none. For showing that a proof
 * would find out. */
void disk_ignore_sync(disk *self, const char *suffix);

/* ---------------------------------------------------------------------------------------------------------------- faults */

enum disk_fault {
  DISK_FAULT_NONE,
  DISK_FAULT_READ,        /* EIO */
  DISK_FAULT_WRITE,       /* EIO, after half of it was written */
  DISK_FAULT_FULL,        /* ENOSPC, nothing written; for a write and a file that grows */
  DISK_FAULT_SHORT_WRITE, /* ENOSPC after half of it */
  DISK_FAULT_SYNC,
  DISK_FAULT_TRUNCATE,
  DISK_FAULT_LOCK, /* another process seems to hold it, or its memory */
  DISK_FAULT_OPEN,
  DISK_FAULT_DELETE,
  DISK_FAULT_LOOK,   /* whether a file is there, how large it is */
  DISK_FAULT_SHARED, /* the shared memory of the WAL */
  DISK_FAULT_COUNT
};
const char *disk_fault_name(enum disk_fault fault);

/* Of the calls that the fault can befall, from now on, number `first` (1: the next one) fails, and the count - 1 after it. */
void disk_fail(disk *self, enum disk_fault fault, guint first, guint count);
/* Calls that the fault could have befallen since disk_fail. */
guint disk_fault_calls(const disk *self);
/* How many of them failed. */
guint disk_faults_seen(const disk *self);

#endif
