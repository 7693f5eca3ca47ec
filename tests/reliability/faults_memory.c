/* The proof that SQLite may run out of memory at any moment: its allocator fails, at each call in turn. */
#include "figures.h"
#include "test.h"
#include "trial.h"

#include <sqlite3.h>
#include <string.h>

static sqlite3_mem_methods real;
static struct trial_memory {
  gboolean is_armed;
  guint first;
  guint count;
  guint calls;
  guint seen;
} memory;

static gboolean strikes(void) {
  if (!memory.is_armed)
    return FALSE;
  memory.calls++;
  if (memory.calls < memory.first || memory.calls - memory.first >= memory.count)
    return FALSE;
  memory.seen++;
  return TRUE;
}

static void *failing_malloc(int size) {
  return strikes() ? NULL : real.xMalloc(size);
}

static void *failing_realloc(void *block, int size) {
  return strikes() ? NULL : real.xRealloc(block, size);
}

/* Before anything uses SQLite. */
__attribute__((constructor)) static void install(void) {
  sqlite3_mem_methods methods;

  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
    g_error("SQLite is in use already");
  methods = real;
  methods.xMalloc = failing_malloc;
  methods.xRealloc = failing_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
    g_error("SQLite does not take the allocator");
}

static void arm(struct trial *trial, guint first, guint count) {
  (void)trial;
  memory = (struct trial_memory){.is_armed = TRUE, .first = first, .count = count};
}

static void disarm(struct trial *trial) {
  trial->calls = memory.calls;
  trial->seen = memory.seen;
  memory.is_armed = FALSE;
}

static const struct trial_fault fault = {arm, disarm, 0, "SQLite's allocator"};

static void try_all(const disk *base, guint turns, gboolean has_requests) {
  guint64 cases = 0;
  guint64 violations = 0;

  trial_all(&fault, base, turns, has_requests, &cases, &violations);
  figure_add("SQLite's allocations that fail", cases, violations);
  check_int_eq(violations, 0);
  check_int_ge(cases, 100);
}

TEST_CASE(MemoryFaults, at_work) {
  g_autoptr(disk) base = trial_base();

  try_all(base, 4, FALSE);
}

TEST_CASE(MemoryFaults, with_requests) {
  g_autoptr(disk) base = trial_base();

  try_all(base, 3, TRUE);
}

TEST_CASE(MemoryFaults, from_the_start) {
  try_all(NULL, 1, FALSE);
}
