/* A bounded queue of messages and outcomes, with any number of senders and one receiver. All functions may be called by any thread. */
#ifndef EDGEHOST_QUEUE_H
#define EDGEHOST_QUEUE_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct queue queue;

/* `capacity` is in messages. With `has_descriptor` there is an eventfd for queue_descriptor; it is written only when the queue
 * stops being empty, and reset only when it is empty again. NULL and errno when the system gives none. */
queue *queue_new(guint capacity, gboolean has_descriptor);
/* Releases what is still in it. */
void queue_free(queue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(queue, queue_free)

/* Readable while something waits; -1 without one. */
int queue_descriptor(const queue *self);

/* Takes its own reference. EDGECORE_AGAIN when full, EDGECORE_NOT_FOUND when closed. */
int32_t queue_push(queue *self, struct edgecore_message *message);
/* The same, but waits for room until `deadline` (monotonic microseconds; -1: for ever), then EDGECORE_TIMEOUT. */
int32_t queue_push_wait(queue *self, struct edgecore_message *message, gint64 deadline);
/* All of them or none: one of the codes of queue_push. The same `queues` come in the same order in every call. */
int32_t queue_push_all(queue *const *queues, guint count, struct edgecore_message *message);
/* An outcome is never refused and takes no message's room. Takes its own references; `reply` may be NULL. FALSE when closed. */
gboolean queue_push_outcome(queue *self, int32_t outcome, struct edgecore_message *reply,
                            struct edgecore_message *context);

/* The contract's receive. */
guint queue_take(queue *self, struct edgecore_item *items, uint32_t item_size, uint32_t max_items, uint64_t max_bytes);
/* Waits for the next message, which the caller then owns. NULL once the queue is closed. */
struct edgecore_message *queue_wait(queue *self);

guint queue_length(queue *self);
/* How many messages it would take now. */
guint queue_room(queue *self);
/* From now on nothing goes in, and all who wait return. What is in it stays. */
void queue_close(queue *self);

#endif
