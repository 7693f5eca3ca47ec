/* Whether all is well after a trial (trial.h says what that means). */
#ifndef TESTS_RELIABILITY_VERDICT_H
#define TESTS_RELIABILITY_VERDICT_H

#include "trial.h"

/* What other modules say when they are asked. */
#define VERDICT_REPLY "{\"reply\":true}"

struct trial_sent {
  const char *to;
  struct edgecore_message *message; /* a reference */
  gboolean is_request;
  guint at; /* the position in the disk's log */
};

/* Sets trial->wrong. The texts are those of rig_read: before it, after it, and after a power cut that came then. */
void verdict(struct trial *trial, const char *before, const char *after, const char *after_cut);
/* Where the disk's log was when the message was answered as done; G_MAXUINT when it was not. */
guint verdict_done_at(const struct trial *trial, const struct edgecore_message_fields *message);

#endif
