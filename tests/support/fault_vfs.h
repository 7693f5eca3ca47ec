/* An SQLite VFS for tests: counts what is done to files, and fails on demand. Everything else goes to the VFS of the system.
 *
 * It is the default VFS of the process from fault_vfs_install on. For one thread. */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <glib.h>

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

#endif
