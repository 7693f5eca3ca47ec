/* What the database must hold, worked out from the messages alone: the rows of `meta` and what the outbox keeps. */
#ifndef TESTS_RELIABILITY_EXPECTED_H
#define TESTS_RELIABILITY_EXPECTED_H

#include <edgecore/plugin.h>
#include <glib.h>

struct expected {
  GHashTable *rows;       /* key -> line */
  GPtrArray *kept;        /* lines, oldest first */
  GPtrArray *kept_latest; /* for each of them the resource whose latest message it is, or "" */
  GPtrArray *sent;        /* lines of what this turn sends to the cloud, and its resources as above */
  GPtrArray *sent_latest;
  gboolean is_disconnected;
};

void expected_init(struct expected *self);
void expected_clear(struct expected *self);
/* The rows that a database has from the start, as rig_read shows them. */
void expected_start(struct expected *self, const char *text);

/* A turn begins. Should the link be lost in it, what it sends to the cloud is kept. */
void expected_turn(struct expected *self);
/* A message that was answered with "OK", or whose operation answers nobody: what it does to the database. */
void expected_apply(struct expected *self, const struct edgecore_message_fields *message);
/* One that was answered with an error: nothing, but the answer itself may have to be kept. */
void expected_refuse(struct expected *self, const struct edgecore_message_fields *message);
/* The hub has taken a message; when it is the oldest that is kept it is kept no longer. */
void expected_taken(struct expected *self, const struct edgecore_message_fields *message);

/* As rig_read shows it. */
char *expected_text(const struct expected *self) G_GNUC_WARN_UNUSED_RESULT;

#endif
