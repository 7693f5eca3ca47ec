/* The bus: modules by name and group, each with a bounded queue, and the sync requests between them. Looking a module up takes
 * no lock. Unless a line says otherwise, functions may be called by any thread. */
#ifndef EDGEHOST_BUS_H
#define EDGEHOST_BUS_H

#include "activity.h"
#include "queue.h"

typedef struct bus bus;

/* One registered module; lives as long as the bus. */
struct mailbox {
  char *name;
  char *group;
  queue *queue;
};

/* `activity` counts what is on the bus and must live as long. */
bus *bus_new(guint queue_capacity, struct activity *activity);
void bus_free(bus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bus, bus_free)

/* EDGECORE_EXISTS when the name is taken, EDGECORE_IO when there is no descriptor left, EDGECORE_NOT_FOUND once closed. */
int32_t bus_add(bus *self, const char *name, const char *group, gboolean has_descriptor, struct mailbox **mailbox,
                struct edgecore_error *error);
/* The name is free again; what waits in the queue is lost. */
void bus_remove(bus *self, struct mailbox *mailbox);
/* NULL when there is none. */
struct mailbox *bus_find(bus *self, const char *name);

/* `deadline` is in monotonic microseconds: how long to wait for room. 0: not at all, -1: for ever. */
int32_t bus_send(bus *self, const char *module, struct edgecore_message *message, gint64 deadline,
                 struct edgecore_error *error);
/* The room in the fullest queue of the group; 0 when there is none. */
guint bus_group_room(bus *self, const char *group);
int32_t bus_send_to_group(bus *self, const char *group, struct edgecore_message *message, struct edgecore_error *error);
/* The contract's send_sync; the outcome goes to the caller's queue. */
int32_t bus_send_sync(bus *self, struct mailbox *caller, const char *module, struct edgecore_message *message,
                      struct edgecore_message *context, uint64_t timeout_ms, struct edgecore_error *error);
/* The same for a caller that waits in place, for room too. NULL and *error without an answer. Not on a module's thread. */
struct edgecore_message *bus_call(bus *self, const char *module, struct edgecore_message *message, uint64_t timeout_ms,
                                  struct edgecore_error *error);
/* The contract's send_resp. `from` is who answers; NULL when that is not known. */
int32_t bus_respond(bus *self, const struct mailbox *from, struct edgecore_message *answer,
                    struct edgecore_error *error);

/* Takes from a queue as the contract's receive does. The caller must count as active itself. */
guint bus_receive(bus *self, struct mailbox *mailbox, struct edgecore_item *items, uint32_t item_size,
                  uint32_t max_items, uint64_t max_bytes);

/* How many things wait in all queues. */
guint bus_length(bus *self);
/* Nothing can be sent any more, and all who wait return. */
void bus_close(bus *self);

#endif
