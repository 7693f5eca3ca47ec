/* The durable outbox: messages for the cloud that wait for the link, in the same database, and in the same transaction, as the
 * state they came with. Of the messages that replace each other only the last one counts. Order is the order of `put`, but for
 * one thing: between two messages that replace nothing, those that do stand where the first of their resource stood.
 *
 * Ids only grow while the process lives, so what was sent can be deleted by id even if it was replaced in the meantime.
 * Errors as in store.h. Module thread only. */
#ifndef METAMANAGER_OUTBOX_H
#define METAMANAGER_OUTBOX_H

#include "store.h"

typedef struct outbox outbox;

/* Ids beyond this one are never given. */
#define OUTBOX_ID_MAX (G_MAXINT64 / 2)

/* Reads what is there. `max_bytes` bounds the sum of text and content of all messages. */
int32_t outbox_open(store *rows, gint64 max_bytes, database_log_fn *log, void *log_data, outbox **out,
                    struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void outbox_close(outbox *self);

/* Whether it goes before others when there is no room: an answer. */
gboolean outbox_is_answer(const struct edgecore_message_fields *message);
/* The checksum of a kept message, over all that is sent. */
gint64 outbox_sum(const struct edgecore_message_fields *message);

/* Keeps a message. `replaces`: it takes the place of an earlier one of the same resource that was kept so. Over the bound the oldest answers
 * go, then the oldest others; a message that is greater than the bound goes itself. The number is logged. */
int32_t outbox_put(outbox *self, const struct edgecore_message_fields *message, gboolean replaces,
                   struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Calls `each` for the messages that were not passed on yet, oldest first, until it returns FALSE. Fields are valid during the call. What it
 * returned TRUE for is taken, and is not shown again by this outbox, also when a failure follows. */
typedef gboolean outbox_message_fn(const struct edgecore_message_fields *message, void *data);
int32_t outbox_each(outbox *self, outbox_message_fn *each, void *data,
                    struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Deletes what was taken. */
int32_t outbox_delete_taken(outbox *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* The link is lost: what was taken and is not deleted yet stays taken. The id up to which messages were taken crosses a swap. */
gint64 outbox_taken(const outbox *self);
void outbox_set_taken(outbox *self, gint64 taken);

/* Reads again what is there, after a repair of the file. A message whose id was never given is dropped, with a line in the log. On failure
 * all is as before. */
int32_t outbox_reload(outbox *self, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Call one of these when the transaction that `put` or `delete_taken` joined has ended. */
void outbox_committed(outbox *self);
void outbox_rolled_back(outbox *self);

/* Whether it holds messages, and how many bytes, as of now. */
gboolean outbox_is_empty(const outbox *self);
/* Whether some of them were not passed on yet. */
gboolean outbox_has_more(const outbox *self);
gint64 outbox_bytes(const outbox *self);
/* Messages dropped because of the bound, since it was opened. */
guint64 outbox_evicted(const outbox *self);

#endif
