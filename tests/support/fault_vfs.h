/* An SQLite VFS that a test puts in front of the real one: it counts, it skips the waiting for the disk, it is full when the test
 * says so, and it asks the test before each call. For the whole process. Other threads may use files meanwhile, and ask for the counts. */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <glib.h>

enum fault_op { FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_DELETE, FAULT_LOCK, FAULT_OPS };

/* Makes it the default, over the one that was, with no hook, room on the disk and real syncs. Databases opened before stay as they are.
 * Again: only the hook, the room, the syncs and the counts are as at first. */
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

#endif
