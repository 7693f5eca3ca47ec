<<<<<<< HEAD
/* An SQLite VFS for tests: counts what is done to files, and fails on demand. Everything else goes to the VFS of the system.
 *
 * It is the default VFS of the process from fault_vfs_install on. For one thread. */
=======
/* An SQLite VFS that a test puts in front of the real one: it counts, it skips the waiting for the disk, it is full when the test
 * says so, and it asks the test before each call. For the whole process; one thread. */
>>>>>>> sim
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <glib.h>

<<<<<<< HEAD
enum fault_call { FAULT_READ, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_CALL_COUNT };

/* Installs it, the first time; ends all failing and counting of before. */
void fault_vfs_install(void);

/* From now on, after `after` more calls of this kind on files whose name ends in `suffix`, `count` of them fail with SQLite's `code`. One
 * such order a kind of call. */
void fault_vfs_fail(enum fault_call call, const char *suffix, guint after, guint count, int code);
/* Ends all failing. */
void fault_vfs_heal(void);
/* How many calls failed since the installation or the last fault_vfs_heal. */
guint fault_vfs_failed(void);

/* How many calls of this kind reached files whose name ends in `suffix`, since the installation; failed ones count too. */
guint fault_vfs_count(enum fault_call call, const char *suffix);
=======
enum fault_op { FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_DELETE, FAULT_LOCK, FAULT_OPS };

/* Makes it the default, over the one that was, with no hook, room on the disk and real syncs. Databases opened before stay as they are. */
void fault_vfs_install(void);
/* The one that was is the default again. All databases opened through this one must be closed. */
void fault_vfs_remove(void);

/* Called before each call of the kinds above, with the path of the file. Another value than SQLITE_OK is what the call returns, and
 * nothing is done. NULL: none. */
typedef int fault_vfs_fn(enum fault_op op, const char *path, void *data);
void fault_vfs_set_hook(fault_vfs_fn *hook, void *data);
/* The n-th call of this kind from now on (1: the next one) returns `result`, once. */
void fault_vfs_fail_nth(enum fault_op op, guint n, int result);
/* A write that makes a file longer fails with SQLITE_FULL; what is there may be written over, as on a real disk. */
void fault_vfs_set_full(gboolean is_full);
/* FALSE: a sync does nothing, for tests that are not about power cuts. */
void fault_vfs_set_syncing(gboolean is_syncing);

/* Since install: calls of this kind, and bytes written. */
guint64 fault_vfs_calls(enum fault_op op);
guint64 fault_vfs_bytes(void);
>>>>>>> sim

#endif
