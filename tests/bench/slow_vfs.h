/* An SQLite VFS around the system's own, and the default while it is registered: counts what is written and synced, and can make
 * each sync take longer. Only files opened meanwhile go through it. */
#ifndef BENCH_SLOW_VFS_H
#define BENCH_SLOW_VFS_H

#include <glib.h>

struct slow_vfs_counts {
  guint64 syncs; /* of files; those of a directory are not counted */
  guint64 bytes; /* written to files; shared memory is not */
};

void slow_vfs_register(void);
/* All files that were opened through it must be closed. */
void slow_vfs_unregister(void);
/* Each sync takes this much longer, in microseconds. */
void slow_vfs_set_sync(guint64 microseconds);
/* Since it was registered. */
struct slow_vfs_counts slow_vfs_counts(void);

#endif
