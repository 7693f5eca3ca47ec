/* The module's own struct, shared by its sources: module.c (life and loop), module_turn.c (one turn), module_deliver.c (what comes
 * after the commit), module_idle.c (what waits for a quiet moment), module_mend.c (opening, and mending what is damaged). */
#ifndef METAMANAGER_MODULE_PRIVATE_H
#define METAMANAGER_MODULE_PRIVATE_H

#include "module.h"
#include "outbox.h"
#include "remote.h"
#include "resource.h"
#include "settings.h"
#include "state.h"
#include "store.h"

#define MODULE_NAME "metaManager"
/* A node that is never at rest has an idle step this long after the last one all the same, in microseconds. */
#define MODULE_IDLE_BY (60 * G_USEC_PER_SEC)

struct module {
  const struct edgecore_core *core;
  const struct edgecore_clock *clock; /* NULL: the monotonic one */
  struct settings settings;
  gboolean started;
  struct state_blob handed; /* what stop gave out */

  store *store;
  outbox *outbox;
  remote *remote;
  enum link link;
  guint hub_looks;    /* how often in a row the hub had room for just one message */
  GArray *deliveries; /* of the turn that runs */
  GArray *waiting;    /* deliveries that are due, or that a full neighbour has not taken */
  GArray *backlog;    /* struct edgecore_item: taken from the queue, not handled */
  GArray *items;      /* the buffer for receive */

  GSource *inbox;
  gpointer inbox_tag;
  gboolean inbox_polled;
  GSource *timer;
  gint64 timer_at; /* what it is set to, on the monotonic clock; G_MAXINT64: it is not */
  guint64 held_told;

  /* All in microseconds of the clock; G_MAXINT64 is never. */
  gint64 sync_due;
  gint64 wait_due;    /* offer `waiting` again */
  gint64 wait_time;   /* ... after this long */
  gint64 crowded_at;  /* since when so much waits that nothing is taken in */
  gint64 backlog_due; /* handle `backlog` again */
  gint64 backlog_time;
  gint64 keep_due;     /* put what is left for the cloud into the outbox again ... */
  gint64 keep_after;   /* ... not before this, after a failure */
  gint64 flush_due;    /* pass on some of the outbox */
  gint64 flush_wait;   /* ... which waited this long for the hub the last time */
  gint64 idle_due;     /* checkpoint and the like */
  gint64 idle_by;      /* ... not later than this, however much there is to do */
  gint64 sum_after;    /* the rowid up to which upstream's rows were given checksums; G_MAXINT64 when all are */
  gint64 verify_due;   /* begin the check of all rows again */
  gint64 verify_after; /* the rowid up to which rows were checked; G_MAXINT64 when all are */
  gint64 wanted_due;   /* ask the cloud for what was lost */
  gint64 mend_due;     /* no repair before this time ... */
  gint64 mend_wait;    /* ... which was this long after the last one */
  char *damage;        /* what the start found and could not mend; NULL: nothing */
  gboolean has_wanted;
  char *wanted_after; /* the key up to which the cloud was asked in this round; NULL: a new round */
};

/* module_base.c */
gint64 module_now(const module *self);
void module_log(const module *self, int32_t level, const char *text);
/* Whether deliveries are due, or wait for a full neighbour: then nothing more is taken in but what lets both go on. */
gboolean module_is_refused(const module *self);
/* Whether so many deliveries wait, or such great ones, that nothing at all is taken in. */
gboolean module_is_crowded(const module *self);
/* Of what could not be kept for the cloud and is over the bounds: the oldest answers go, then the oldest others, with a line in the log. */
void module_drop_held(module *self);
/* Whether it is for the cloud, which may not get it while the link is down, nor before what is in the outbox: it is to be kept. */
gboolean module_is_held(const module *self, const struct delivery *delivery);
/* Whether something that is not held waits for the cloud. */
gboolean module_cloud_waits(const module *self);
/* Whether what is in the outbox is to be passed on: not while the link is down. */
gboolean module_may_flush(const module *self);
/* What follows every commit. */
void module_committed(module *self);
/* Moves a long WAL to the database file; for when everything is delivered. */
void module_bound_wal(module *self);

/* module_mend.c */
/* Opens the database, mended if need be. `check`: its structure is looked at first. */
int32_t module_open(module *self, gboolean check, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether a failure of the database is damage. What is found once may be a disk that was gone for a moment: do what
 * failed again after module_reopen before module_mend. */
gboolean module_is_damage(int32_t code, const struct edgecore_error *error);
/* Opens the database anew, and is TRUE, when the failure is damage. */
gboolean module_reopen(module *self, int32_t code, const struct edgecore_error *error);
/* Mends the database while it is in use. FALSE when it could not, or was tried a moment ago. */
gboolean module_mend(module *self, const char *reason);

/* module_idle.c */
/* One step of what waits for a quiet moment: checkpoint, checksums for upstream's rows, the check of all rows. */
void module_idle(module *self);
/* Asks the cloud for some of what was lost. */
void module_fetch_wanted(module *self);

/* module_turn.c */
/* Handles what is in the backlog, or else up to `max` things from the queue, and delivers. */
void module_process(module *self, guint max);
/* Tries to put into the outbox what is left for the cloud while the link is down. FALSE when it could not, now or a moment ago. */
gboolean module_keep_waiting(module *self);
/* Gives back the references of an item. */
void module_item_clear(const module *self, struct edgecore_item *item);

/* module_deliver.c */
/* Delivers all that is due, in order for each destination; what a full neighbour does not take stays. */
void module_deliver(module *self);
/* Posts the pod status sync to the module itself. FALSE when it could not be made. */
gboolean module_post_sync(module *self);
/* The failure of a request for the cloud, to be handled with the backlog. */
void module_fail_request(module *self, struct remote_entry *entry, int32_t outcome);

/* module_flush.c */
/* Passes on a batch of the outbox. */
void module_flush(module *self);

#endif
