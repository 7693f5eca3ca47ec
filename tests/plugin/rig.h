/* What handlers work with, in the hand of a test: a turn on a real database and a fake core, whose deliveries are read as text. */
#ifndef TESTS_PLUGIN_RIG_H
#define TESTS_PLUGIN_RIG_H

#include "fake_core.h"
#include "fixture.h"
#include "turn.h"

struct rig {
  fake_core *core;
  struct settings settings;
  struct turn turn;
  GArray *waiting; /* what turn.waiting shows */
};
typedef struct rig rig;

/* A turn on an empty database; the link is unknown. */
rig *rig_new(void) G_GNUC_WARN_UNUSED_RESULT;
void rig_free(rig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rig, rig_free)

/* Dispatches the message, or the outcome, and commits; rolls back when it fails. Takes over the references. */
int32_t rig_handle(rig *self, struct edgecore_message *message);
int32_t rig_outcome(rig *self, int32_t outcome, struct edgecore_message *reply, struct edgecore_message *context);

/* Commits, so that the table can be looked at. */
void rig_commit(rig *self);
/* Puts a row into the table. */
void rig_save(rig *self, const char *key, const char *type, const char *value);

/* The deliveries that were added since the last look, one a line, and forgets them:
 *
 *   [KIND ]TO ID<PARENT OPERATION RESOURCE SOURCE CONTENT[ sync][ of CONTEXT-ID]
 *
 * where an id that was generated is "*". KIND is left out for a plain send; a change of the link is "link connected" or "link
 * disconnected". The caller owns it. */
char *rig_deliveries(rig *self) G_GNUC_WARN_UNUSED_RESULT;
void rig_check_deliveries(const char *file, int line, rig *self, const char *want);
#define check_deliveries(rig, want) rig_check_deliveries(__FILE__, __LINE__, (rig), (want))

/* Compares the outbox in the database: OPERATION RESOURCE CONTENT, one a line. */
void rig_check_kept(const char *file, int line, rig *self, const char *want);
#define check_kept(rig, want) rig_check_kept(__FILE__, __LINE__, (rig), (want))
/* Compares the table: KEY|TYPE|VALUE, one a line, oldest first. */
#define check_table(rig, want)                                                                                         \
  check_rows(fake_core_database((rig)->core), "SELECT key, type, value FROM meta ORDER BY rowid", (want))

#endif
