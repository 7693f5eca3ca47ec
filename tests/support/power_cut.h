/* What a power cut can leave of a disk whose log was recorded (memory_disk.h): of all that was written since the last sync of a file
 * anything may be there, in sectors of 512 bytes, and a sector may be torn; of all entries that were made or deleted since the last
 * sync of the directory, too. What was synced is there.
 *
 *   cutter *cut = cutter_new(recorded);
 *   for (guint at = 0; at <= disk_position(recorded); at++) {
 *     cutter_go(cut, at);
 *     disk *left = cutter_disk(cut, CUT_SECTORS, random);
 *   } */
#ifndef TESTS_POWER_CUT_H
#define TESTS_POWER_CUT_H

#include "memory_disk.h"

typedef struct cutter cutter;

enum cut {
  CUT_NONE,     /* nothing that was not synced is there */
  CUT_ALL,      /* all of it is there: the process was killed, the power stayed */
  CUT_IN_ORDER, /* it was written in order up to some point, and the last piece is torn */
  CUT_SECTORS,  /* any of it, in any order; one piece is torn; where a file grew there may be garbage */
  CUT_MIXED,    /* for each file, and for the directory, any of these */
  CUT_COUNT
};

/* At the beginning of the log, which must outlive it. */
cutter *cutter_new(const disk *recorded);
void cutter_free(cutter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cutter, cutter_free)

/* On to the moment after `position` operations; never back. */
void cutter_go(cutter *self, guint position);
/* Whether all that was written by now is safe, so that each kind of cut leaves the same disk. */
gboolean cutter_is_safe(const cutter *self);
/* The disk after a cut at this moment. */
disk *cutter_disk(cutter *self, enum cut kind, GRand *random) G_GNUC_WARN_UNUSED_RESULT;
/* The disk after the process was killed at this moment: all that was written is there, but what was not synced is not safe yet. It is
 * being recorded, and its log begins with that. */
disk *cutter_killed(cutter *self) G_GNUC_WARN_UNUSED_RESULT;

/* A number that differs for disks that differ. */
guint64 disk_fingerprint(const disk *self);

#endif
