/* The plugin's module on a disk in memory, with a core in the test's hand: started as a host does it, looked at from outside, ended. */
#ifndef TESTS_RELIABILITY_RIG_H
#define TESTS_RELIABILITY_RIG_H

#include "fake_core.h"
#include "memory_disk.h"

/* Of the core's calls of this name ("message_new", "send", "send_sync"), from now on, number `first` (1: the next one) fails, and the
 * count - 1 after it. The numbers below count the calls and the failures. */
struct rig_fault {
  const char *call; /* NULL: none */
  guint first;
  guint count;
  int32_t code;
  guint calls;
  guint seen;
};

struct rig {
  disk *disk;
  fake_core *core;
  module *module;               /* NULL: not started */
  GString *why;                 /* of the last failure */
  GArray *send_at;              /* guint: where the disk's log was at each sending */
  struct edgecore_state handed; /* of the module, when it is stopped in a swap that could not be undone */
  gboolean is_halted;
  struct rig_fault fault; /* of the core */
};

/* On this disk, which stays the caller's; not started. SQLite opens its files there until rig_clear. */
void rig_init(struct rig *self, disk *on);
void rig_clear(struct rig *self);
/* The path of the database. */
const char *rig_path(void);

/* What a host does: makes or grows the tables, makes the module, starts it. FALSE, with `why`, when any of it fails. */
gboolean rig_start(struct rig *self, const struct edgecore_state *state);
/* For good. */
void rig_stop(struct rig *self);
/* A swap: stops, with the state, makes a new one and starts it with that. When it cannot be started the old one is started again; when
 * that fails too, the module is halted, and rig_resume tries once more. */
gboolean rig_swap(struct rig *self);
gboolean rig_resume(struct rig *self);

/* The tables as text, a line for each row: those of `meta` by key, then those of the outbox in their order; or why not, as a line
 * "unreadable: ...". Checks the sum of each row, and, when asked to, the integrity of the whole. */
char *rig_read(disk *on, gboolean checks_integrity) G_GNUC_WARN_UNUSED_RESULT;
/* The lines of that text. */
char *rig_row_line(const char *key, const char *type, const void *value, gsize size) G_GNUC_WARN_UNUSED_RESULT;
char *rig_kept_line(const struct edgecore_message_fields *message) G_GNUC_WARN_UNUSED_RESULT;

/* The fake_sent.number of the next thing that is sent. */
guint rig_next_send(const struct rig *self);
/* Whether anything was logged as a warning or an error. */
gboolean rig_complained(const struct rig *self);

#endif
