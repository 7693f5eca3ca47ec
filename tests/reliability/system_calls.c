/* The proof that reads and writes may be short or interrupted: on real files, SQLite's own VFS gets its system calls from here. */
#include "fake_core.h"
#include "figures.h"
#include "secret.h"
#include "test.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static guint64 calls;
static guint64 violations;

/* Every third call is interrupted, and of the others each moves about half of what it could. */
static size_t part_of(size_t size) {
  calls++;
  if (calls % 3 == 0) {
    errno = EINTR;
    return 0;
  }
  return size > 1 ? size / 2 + 1 : size;
}

static ssize_t short_pread(int file, void *buffer, size_t size, off_t offset) {
  size_t part = part_of(size);

  return part > 0 ? pread(file, buffer, part, offset) : -1;
}

static ssize_t short_pwrite(int file, const void *buffer, size_t size, off_t offset) {
  size_t part = part_of(size);

  return part > 0 ? pwrite(file, buffer, part, offset) : -1;
}

static void replace(const char *name, sqlite3_syscall_ptr call) {
  sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

  require_not_null(vfs);
  check_int_eq(vfs->xSetSystemCall(vfs, name, call), SQLITE_OK);
}

static char *value_of(guint number) {
  g_autofree char *padding = g_strnfill(number * 400, 'x');

  return g_strconcat(SECRET, padding, NULL);
}

static void update(fake_core *core, module *metamanager, guint number) {
  g_autofree char *resource = g_strdup_printf("default/podstatus/p%u", number);
  g_autofree char *value = value_of(number);

  fake_core_push(core, fake_message(.source = "edged", .operation = "update", .resource = resource, .raw = value));
  fake_core_run(core, metamanager);
  g_autoptr(GPtrArray) answers = fake_core_take(core, "edged");
  require_int_eq(answers->len, 1);
  g_autofree char *answer = fake_content(fake_sent_at(answers, 0)->message);
  violations += !check_str_eq(answer, "\"OK\"");
}

static void check_value(fake_core *core, module *metamanager, guint number) {
  g_autofree char *resource = g_strdup_printf("default/podstatus/p%u", number);
  g_autofree char *value = value_of(number);

  fake_core_push(core, fake_message(.source = "edged", .operation = "query", .resource = resource));
  fake_core_run(core, metamanager);
  g_autoptr(GPtrArray) answers = fake_core_take(core, "edged");
  require_int_eq(answers->len, 1);
  g_autofree char *answer = fake_content(fake_sent_at(answers, 0)->message);
  violations += !check_contains(answer, value);
}

TEST_CASE(SystemCalls, short_and_interrupted_ones_cost_nothing) {
  replace("pread", (sqlite3_syscall_ptr)short_pread);
  replace("pread64", (sqlite3_syscall_ptr)short_pread);
  replace("pwrite", (sqlite3_syscall_ptr)short_pwrite);
  replace("pwrite64", (sqlite3_syscall_ptr)short_pwrite);
  g_autoptr(fake_core) core = fake_core_new(NULL);
  module *metamanager = fake_core_start(core, NULL);

  for (guint i = 0; i < 60; i++)
    update(core, metamanager, i);
  fake_core_run_for(core, metamanager, 5 * G_USEC_PER_SEC);
  fake_core_end(core, metamanager);
  metamanager = fake_core_start(core, NULL);
  for (guint i = 0; i < 60; i++)
    check_value(core, metamanager, i);
  fake_core_end(core, metamanager);
  check_lacks(fake_core_log(core), "warning");
  check_int_ge(calls, 1000);
  figure_add("short and interrupted system calls", calls, violations);
  check_int_eq(violations, 0);
}
