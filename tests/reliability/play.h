/* A workload played on a rig, with what the database must hold after each step of it. Powers the proofs: a step is one turn of the
 * module, or whatever was due at a time, or a swap. */
#ifndef TESTS_RELIABILITY_PLAY_H
#define TESTS_RELIABILITY_PLAY_H

#include "expected.h"
#include "rig.h"

struct step {
  guint begun;      /* the disk's log when it began ... */
  guint answered;   /* ... and when the first answer was given, or it ended: all of it must be safe by then */
  char *text;       /* what the database holds after it, as rig_read shows it */
  GPtrArray *works; /* struct work: the messages of a turn, else NULL ... */
  gboolean syncs;   /* ... after a pod status sync */
};

struct play {
  struct rig rig;
  struct expected expected;
  GPtrArray *steps; /* struct step; the first is the state at the start */
  GRand *random;
  GString *wrong; /* "" unless the database of the live module was not as expected */
};

/* Starts the module on the disk, which is recorded from here on. */
void play_init(struct play *self, disk *on, guint32 seed);
void play_clear(struct play *self);

/* Plays so many turns drawn from the seed, with what comes between them: time that passes, a link that comes and goes, swaps. */
void play_turns(struct play *self, guint turns);
/* One turn with these messages, struct work, which are taken over. */
void play_turn(struct play *self, GPtrArray *works);
/* Lets time pass. */
void play_time(struct play *self, gint64 microseconds);
void play_swap(struct play *self);

/* The first line in which two texts differ, for people. */
char *text_difference(const char *expected, const char *found) G_GNUC_WARN_UNUSED_RESULT;

#endif
