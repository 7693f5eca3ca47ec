/* The structs of the disk in memory, shared by its sources: memory_disk.c (the disk and its log) and memory_vfs.c (what SQLite calls). */
#ifndef TESTS_MEMORY_DISK_PRIVATE_H
#define TESTS_MEMORY_DISK_PRIVATE_H

#include "memory_disk.h"

#define DISK_SHM_LOCKS SQLITE_SHM_NLOCK

struct disk_file {
  guint number; /* in the log; G_MAXUINT when it has no name */
  guint open;   /* handles */
  gboolean linked;
  GByteArray *bytes;
  /* Locks of the database file. */
  guint shared;
  const void *reserved; /* the handle that holds it */
  const void *exclusive;
  /* The WAL's shared memory; it goes when nobody has it any more. */
  GPtrArray *regions;
  guint mapped;
  guint shm_shared[DISK_SHM_LOCKS];
  const void *shm_exclusive[DISK_SHM_LOCKS];
};

struct disk {
  GHashTable *files; /* name -> struct disk_file */
  guint open;
  gboolean recording;
  GArray *ops;    /* struct disk_op */
  GArray *naming; /* struct disk_named */
  char *ignored_sync;
  enum disk_fault fault;
  guint fault_first;
  guint fault_count;
  guint fault_calls;
  guint faults_seen;
};

/* NULL when there is none. */
struct disk_file *disk_file_of(const disk *self, const char *name);
/* A file; name NULL: a temporary one. */
struct disk_file *disk_file_add(disk *self, const char *name);
/* Frees it when it has neither a name nor a handle any more. */
void disk_file_settle(struct disk_file *file);

void disk_note(disk *self, enum disk_op_kind kind, const struct disk_file *file, gint64 offset, const void *data,
               gsize size);
/* Whether this call, which may suffer from any of the faults (bits), fails now. */
enum disk_fault disk_strike(disk *self, guint faults);
/* Whether a sync of this file is lied about. */
gboolean disk_lies(const disk *self, const struct disk_file *file);

/* memory_vfs.c: makes the disk the one that files are opened on. */
void disk_vfs_use(disk *self);

#endif
