#include "queue.h"

#include "message.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOTS_AT_FIRST 16

struct slot {
  int32_t outcome;
  struct edgecore_message *message;
  struct edgecore_message *context;
};

/* A ring whose size is a power of two. */
struct queue {
  GMutex lock;
  GCond room;
  GCond arrived;
  struct slot *slots;
  guint size;
  guint head;
  guint length;
  guint messages; /* of `length`, those that take room */
  guint capacity;
  guint senders_waiting;
  gboolean is_receiver_waiting;
  gboolean is_closed;
  int descriptor;
};

/* The counter is 0 or 1, so neither call can block or fail. */
static void descriptor_raise(queue *self) {
  if (self->descriptor >= 0 && eventfd_write(self->descriptor, 1) < 0)
    g_assert(errno == EAGAIN);
}

static void descriptor_reset(queue *self) {
  eventfd_t count;
  if (self->descriptor >= 0 && eventfd_read(self->descriptor, &count) < 0)
    g_assert(errno == EAGAIN);
}

static void grow(queue *self) {
  struct slot *wider = g_new(struct slot, 2 * (gsize)self->size);
  for (guint i = 0; i < self->length; i++)
    wider[i] = self->slots[(self->head + i) & (self->size - 1)];
  g_free(self->slots);
  self->slots = wider;
  self->head = 0;
  self->size *= 2;
}

/* Whether the receiver sleeps and is to be woken. */
static gboolean append(queue *self, struct slot slot) {
  if (self->length == self->size)
    grow(self);
  self->slots[(self->head + self->length) & (self->size - 1)] = slot;
  self->length++;
  if (self->length > 1)
    return FALSE;

  descriptor_raise(self);
  return self->is_receiver_waiting;
}

static gboolean append_message(queue *self, struct edgecore_message *message) {
  self->messages++;
  return append(self, (struct slot){EDGECORE_OK, message_ref(message), NULL});
}

/* The one that wakes would only wait for the lock. */
static void unlock_and_wake(queue *self, gboolean wakes) {
  g_mutex_unlock(&self->lock);
  if (wakes)
    g_cond_signal(&self->arrived);
}

static struct slot remove_first(queue *self) {
  struct slot slot = self->slots[self->head];
  self->head = (self->head + 1) & (self->size - 1);
  self->length--;
  if (slot.context == NULL)
    self->messages--;
  return slot;
}

/* After the last of some that were taken together. */
static void taken(queue *self) {
  if (self->length == 0)
    descriptor_reset(self);
  if (self->senders_waiting > 0)
    g_cond_broadcast(&self->room);
}

static int32_t admit(const queue *self) {
  if (self->is_closed)
    return EDGECORE_NOT_FOUND;
  return self->messages < self->capacity ? EDGECORE_OK : EDGECORE_AGAIN;
}

static gboolean wait_for_room(queue *self, gint64 deadline) {
  if (deadline >= 0)
    return g_cond_wait_until(&self->room, &self->lock, deadline);
  g_cond_wait(&self->room, &self->lock);
  return TRUE;
}

queue *queue_new(guint capacity, gboolean has_descriptor) {
  int descriptor = has_descriptor ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
  if (has_descriptor && descriptor < 0)
    return NULL;

  queue *self = g_new0(queue, 1);
  g_mutex_init(&self->lock);
  g_cond_init(&self->room);
  g_cond_init(&self->arrived);
  self->slots = g_new(struct slot, SLOTS_AT_FIRST);
  self->size = SLOTS_AT_FIRST;
  self->capacity = capacity;
  self->descriptor = descriptor;
  return self;
}

void queue_free(queue *self) {
  while (self->length > 0) {
    struct slot slot = remove_first(self);
    message_unref(slot.message);
    message_unref(slot.context);
  }
  if (self->descriptor >= 0)
    close(self->descriptor);
  g_free(self->slots);
  g_cond_clear(&self->arrived);
  g_cond_clear(&self->room);
  g_mutex_clear(&self->lock);
  g_free(self);
}

int queue_descriptor(const queue *self) {
  return self->descriptor;
}

int32_t queue_push(queue *self, struct edgecore_message *message) {
  g_mutex_lock(&self->lock);
  int32_t code = admit(self);
  unlock_and_wake(self, code == EDGECORE_OK && append_message(self, message));
  return code;
}

int32_t queue_push_wait(queue *self, struct edgecore_message *message, gint64 deadline) {
  int32_t code;
  g_mutex_lock(&self->lock);
  self->senders_waiting++;
  while ((code = admit(self)) == EDGECORE_AGAIN)
    if (!wait_for_room(self, deadline)) {
      code = EDGECORE_TIMEOUT;
      break;
    }
  self->senders_waiting--;
  unlock_and_wake(self, code == EDGECORE_OK && append_message(self, message));
  return code;
}

int32_t queue_push_all(queue *const *queues, guint count, struct edgecore_message *message) {
  int32_t code = EDGECORE_OK;
  for (guint i = 0; i < count; i++) {
    g_mutex_lock(&queues[i]->lock);
    if (code == EDGECORE_OK)
      code = admit(queues[i]);
  }
  for (guint i = 0; i < count; i++)
    unlock_and_wake(queues[i], code == EDGECORE_OK && append_message(queues[i], message));
  return code;
}

gboolean queue_push_outcome(queue *self, int32_t outcome, struct edgecore_message *reply,
                            struct edgecore_message *context) {
  g_mutex_lock(&self->lock);
  gboolean is_open = !self->is_closed;
  unlock_and_wake(self, is_open && append(self, (struct slot){outcome, reply == NULL ? NULL : message_ref(reply),
                                                              message_ref(context)}));
  return is_open;
}

guint queue_take(queue *self, struct edgecore_item *items, uint32_t item_size, uint32_t max_items, uint64_t max_bytes) {
  if (item_size < sizeof *items)
    return 0;

  guint count = 0;
  uint64_t bytes = 0;
  char *place = (char *)items;
  g_mutex_lock(&self->lock);
  while (self->length > 0 && count < max_items) {
    struct slot slot = remove_first(self);
    struct edgecore_item item = {sizeof item, slot.outcome, slot.message, slot.context};
    memcpy(place, &item, sizeof item);
    memset(place + sizeof item, 0, item_size - sizeof item);
    place += item_size;
    count++;
    bytes += slot.message == NULL ? 0 : message_read(slot.message)->content_size;
    if (bytes >= max_bytes)
      break;
  }
  if (count > 0)
    taken(self);
  g_mutex_unlock(&self->lock);
  return count;
}

struct edgecore_message *queue_wait(queue *self) {
  struct edgecore_message *message = NULL;
  g_mutex_lock(&self->lock);
  self->is_receiver_waiting = TRUE;
  while (self->length == 0 && !self->is_closed)
    g_cond_wait(&self->arrived, &self->lock);
  self->is_receiver_waiting = FALSE;
  if (!self->is_closed) {
    message = remove_first(self).message;
    taken(self);
  }
  g_mutex_unlock(&self->lock);
  return message;
}

guint queue_length(queue *self) {
  g_mutex_lock(&self->lock);
  guint length = self->length;
  g_mutex_unlock(&self->lock);
  return length;
}

guint queue_room(queue *self) {
  g_mutex_lock(&self->lock);
  guint room = self->is_closed || self->messages >= self->capacity ? 0 : self->capacity - self->messages;
  g_mutex_unlock(&self->lock);
  return room;
}

void queue_close(queue *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = TRUE;
  g_cond_broadcast(&self->room);
  g_cond_broadcast(&self->arrived);
  g_mutex_unlock(&self->lock);
}
