/* The VFS of fault_vfs.h with a hook of its own: it counts by the kind of file, and fails for some calls on it.
 *
 * It is the default VFS of the process from file_vfs_install on. For one thread. */
#ifndef TESTS_FILE_VFS_H
#define TESTS_FILE_VFS_H

#include <glib.h>

enum file_call { FILE_READ, FILE_WRITE, FILE_TRUNCATE, FILE_SYNC, FILE_CALL_COUNT };

/* Installs it, the first time; ends all failing and counting of before. */
void file_vfs_install(void);

/* FALSE: a sync is counted and may fail, but waits for no disk; for tests that are not about power cuts. TRUE at first. */
void file_vfs_set_syncing(gboolean is_syncing);

/* From now on, after `after` more calls of this kind on files whose name ends in `suffix`, `count` of them fail with SQLite's `code`. One
 * such order a kind of call. */
void file_vfs_fail(enum file_call call, const char *suffix, guint after, guint count, int code);
/* Ends all failing. */
void file_vfs_heal(void);
/* How many calls failed since the installation or the last file_vfs_heal. */
guint file_vfs_failed(void);

/* How many calls of this kind reached files whose name ends in `suffix`, since the installation; failed ones count too. */
guint file_vfs_count(enum file_call call, const char *suffix);

#endif
