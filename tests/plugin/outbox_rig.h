/* An outbox in the hand of a test: short words for keeping, committing and taking. */
#ifndef TESTS_PLUGIN_OUTBOX_RIG_H
#define TESTS_PLUGIN_OUTBOX_RIG_H

#include "fixture.h"
#include "outbox.h"

#define BOUND 1000000
/* Of messages. */
#define ALL G_MAXUINT

G_DEFINE_AUTOPTR_CLEANUP_FUNC(outbox, outbox_close)

/* Ends the program when it cannot be opened. It logs to fixture_log. */
outbox *box_open(store *rows, gint64 max_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* A message from edged, raw. */
struct edgecore_message_fields box_message(const char *operation, const char *resource, const char *content);
/* Keeps an answer or the like, about a/pod/1: all of them count. */
void box_put(outbox *self, const char *operation, const char *content);
/* Keeps an update: the last one of its resource counts. */
void box_put_latest(outbox *self, const char *resource, const char *content);

void box_commit(store *rows, outbox *self);
void box_roll_back(store *rows, outbox *self);

/* The contents of the next `max` messages, each with a space behind it; they are taken then. The caller owns it. */
char *box_taken(outbox *self, guint max) G_GNUC_WARN_UNUSED_RESULT;
void box_check_taken(const char *file, int line, outbox *self, guint max, const char *want);
#define check_taken(self, max, want) box_check_taken(__FILE__, __LINE__, (self), (max), (want))

#endif
