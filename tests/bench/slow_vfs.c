#include "slow_vfs.h"

#include "fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>

static _Atomic guint64 sync_time;

static int on_call(enum fault_op op, const char *path, void *data) {
  guint64 time = op == FAULT_SYNC ? atomic_load(&sync_time) : 0;

  (void)path;
  (void)data;
  if (time > 0)
    g_usleep(time);
  return SQLITE_OK;
}

void slow_vfs_register(void) {
  fault_vfs_install();
  fault_vfs_set_hook(on_call, NULL);
}

void slow_vfs_unregister(void) {
  fault_vfs_remove();
}

void slow_vfs_set_sync(guint64 microseconds) {
  atomic_store(&sync_time, microseconds);
}

struct slow_vfs_counts slow_vfs_counts(void) {
  return (struct slow_vfs_counts){.syncs = fault_vfs_calls(FAULT_SYNC), .bytes = fault_vfs_bytes()};
}
