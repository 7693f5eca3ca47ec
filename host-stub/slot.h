/* The place for one plugin in a host: which generation is active, and how one follows another. Functions may be called by any
 * thread but a module's own; one at a time works, the others wait. */
#ifndef EDGEHOST_SLOT_H
#define EDGEHOST_SLOT_H

#include "generation.h"

#include <sys/stat.h>

struct slot {
  const struct core_services *services;
  guint stop_timeout_ms;
  guint stuck_timeout_ms;
  GMutex lock;
  config *configuration;
  generation *active; /* has the module's name; NULL: nothing is loaded */
  handover *state;    /* what the last stop handed over, until a start has taken it */
  int database_lock;  /* keeps other hosts away from the database; -1: none */
  struct stat file;   /* the database that the active one was started on */
  guint files_before; /* descriptors of the database that were open before the active one started */
  guint last_number;
  guint unload_left;
  generation *late; /* its start or stop has not returned in time: the active one, or one that was to follow it */
  enum { SLOT_LATE_STOP, SLOT_LATE_START } late_in;
  GThread *watch; /* waits for `late` */
  gboolean is_closed;
  gboolean has_left_thread; /* a thread may come back and use `services` */
  atomic_bool is_down;
};

/* `services` must outlive it; `configuration` is referenced. */
void slot_init(struct slot *self, const struct core_services *services, config *configuration, guint stop_timeout_ms,
               guint stuck_timeout_ms);
void slot_clear(struct slot *self);

gboolean slot_load(struct slot *self, const char *file, GError **error);
/* As host_swap. */
gboolean slot_swap(struct slot *self, const char *file, config *configuration, struct host_swap_report *report,
                   GError **error);
/* Stops, unregisters and unloads. The module's queue is still there. */
void slot_close(struct slot *self);

char *slot_version(struct slot *self);
gboolean slot_is_current(struct slot *self, const char *file);

/* For swap.c, with the lock held. */

/* Opens, checks and registers. `before`: whose mailbox it shall have, or NULL. */
generation *slot_prepare(struct slot *self, const char *file, config *configuration, generation *before,
                         GError **error);
/* Creates or grows its tables and starts it with the kept state. */
gboolean slot_bring_up(struct slot *self, generation *next, GError **error);
/* Unloads it, and counts it when that leaves something. */
void slot_unload(struct slot *self, generation *old, guint files_left);
/* Whether the module can work, for those who wait for rest. */
void slot_set_down(struct slot *self, gboolean is_down);
void slot_log(const struct slot *self, int32_t level, const generation *subject, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

#endif
