/* What the host's tests have in common: messages, waiting for them, and databases seen from outside. */
#ifndef TESTS_HOST_FIXTURE_H
#define TESTS_HOST_FIXTURE_H

#include "message.h"

#include <glib.h>

typedef struct edgecore_message any_message;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(any_message, message_unref)

/* An update of default/pod/a from "tester", with raw content. id NULL: a new one. */
struct edgecore_message *message_text(const char *id, const char *content) G_GNUC_WARN_UNUSED_RESULT;
/* The same, sync. */
struct edgecore_message *message_sync(const char *id, const char *content) G_GNUC_WARN_UNUSED_RESULT;
/* An answer to the request from `source`: its id as parent, operation "response". */
struct edgecore_message *message_answer(const struct edgecore_message *request, const char *source,
                                        const char *content) G_GNUC_WARN_UNUSED_RESULT;
/* The content as text; the caller owns it. */
char *message_content(const struct edgecore_message *message) G_GNUC_WARN_UNUSED_RESULT;

/* A list that other threads add to and the test waits on. Releases its messages in the end. */
struct inbox {
  GMutex lock;
  GCond arrived;
  GPtrArray *messages;
};
void inbox_init(struct inbox *self);
void inbox_clear(struct inbox *self);
void inbox_put(struct inbox *self, struct edgecore_message *message);
/* Waits until there are `count`; returns the last of them, which the inbox owns. */
struct edgecore_message *inbox_wait(struct inbox *self, guint count);
guint inbox_count(struct inbox *self);

/* Whether the descriptor is readable now. */
gboolean is_readable(int descriptor);
void wait_readable(int descriptor);

/* All bytes of a file, for comparing before and after. */
GBytes *file_bytes(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* Runs SQL on a file in this process. */
void database_run(const char *path, const char *sql);
/* The first column of the first row, as text; "" for none. The caller owns it. */
char *database_value(const char *path, const char *sql) G_GNUC_WARN_UNUSED_RESULT;

#endif
