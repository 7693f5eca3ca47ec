#include "file_vfs.h"

#include "fault_vfs.h"

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

static int judge(enum file_call call, const char *name) {
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

static int on_call(enum fault_op op, const char *path, void *data) {
  static const struct {
    enum fault_op op;
    enum file_call call;
  } calls[] = {
      {FAULT_READ, FILE_READ}, {FAULT_WRITE, FILE_WRITE}, {FAULT_TRUNCATE, FILE_TRUNCATE}, {FAULT_SYNC, FILE_SYNC}};

  (void)data;
  for (guint i = 0; i < G_N_ELEMENTS(calls); i++)
    if (calls[i].op == op)
      return judge(calls[i].call, path);
  return SQLITE_OK;
}

void file_vfs_install(void) {
  fault_vfs_install();
  fault_vfs_set_hook(on_call, NULL);
  fault_vfs_set_syncing(!is_lazy);
  for (guint call = 0; call < FILE_CALL_COUNT; call++)
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
      counts[call][i] = 0;
  file_vfs_heal();
}

void file_vfs_set_syncing(gboolean is_syncing) {
  is_lazy = !is_syncing;
  fault_vfs_set_syncing(is_syncing);
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
