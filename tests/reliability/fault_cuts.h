/* A power cut after something had failed: at each moment of a trial, what was answered "OK" by then must be on the disk, even if a sync
 * failed before and what it should have written never gets there. */
#ifndef TESTS_RELIABILITY_FAULT_CUTS_H
#define TESTS_RELIABILITY_FAULT_CUTS_H

#include "trial.h"

/* Cuts a trial that has run, and was found right, at each moment. Adds the disks and what is wrong. `before` is the table at its start,
 * as rig_read shows it. */
void fault_cuts(struct trial *trial, const char *before, guint64 *disks, guint64 *violations);

#endif
