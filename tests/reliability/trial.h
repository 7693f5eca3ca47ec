/* A workload with something failing in the middle of it, and what must be true of it afterwards:
 *
 *   - each message that wants an answer got exactly one;
 *   - the table is what the messages that were answered "OK" make of it, in their order: no "OK" for what is not stored, and nothing is
 *     stored that was answered with an error;
 *   - the same is on the disk after a power cut, also where a sync failed;
 *   - after a sync of the WAL that failed, the database was opened anew before the next "OK";
 *   - once the failing has ended, the plugin works again without a restart, and has nothing left to do;
 *   - nothing leaked. */
#ifndef TESTS_RELIABILITY_TRIAL_H
#define TESTS_RELIABILITY_TRIAL_H

#include "rig.h"

struct trial;

/* Begins and ends the failing; `calls` and `seen` are filled in by disarm. */
struct trial_fault {
  void (*arm)(struct trial *trial, guint first, guint count);
  void (*disarm)(struct trial *trial);
  int which; /* for the two functions */
  const char *name;
};

struct trial {
  struct rig rig;
  const struct trial_fault *fault;
  guint first;
  guint count;
  gboolean has_requests; /* with requests that other modules must answer */
  gboolean has_pods;     /* the table has the pods from the start */
  guint calls;           /* that could have failed */
  guint seen;            /* that did */
  guint refused;         /* messages that were answered with an error for it */
  GPtrArray *sent;       /* all that was sent: struct trial_sent */
  GPtrArray *works;      /* struct work, in the order in which they were sent */
  guint link_back_at;    /* in the disk's log; G_MAXUINT: not yet */
  GRand *random;
  GString *wrong; /* "" when all of it is true */
};

/* A disk with the tables, some rows and a WAL with some pages. */
disk *trial_base(void) G_GNUC_WARN_UNUSED_RESULT;
/* Runs one on a copy of `base`. `base` NULL: on an empty disk, with the failing from the first moment on. The caller clears it. */
void trial_run(struct trial *self, const struct trial_fault *fault, const disk *base, guint first, guint count,
               guint turns, gboolean has_requests);
void trial_clear(struct trial *self);

/* Runs it for each call that can fail, from the first one on, for one call and for several in a row. Adds to the numbers; says what is
 * wrong. */
void trial_all(const struct trial_fault *fault, const disk *base, guint turns, gboolean has_requests, guint64 *cases,
               guint64 *violations);

#endif
