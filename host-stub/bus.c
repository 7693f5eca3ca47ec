#include "bus.h"

#include "failure.h"
#include "message.h"
#include "requests.h"

#include <errno.h>
#include <string.h>

/* Replaced as a whole when a module comes or goes, so readers need no lock. Old ones are kept until the end: there are few. */
struct registry {
  guint count;
  struct mailbox *boxes[];
};

struct bus {
  _Atomic(struct registry *) registry;
  GMutex lock; /* for those who change the registry */
  GPtrArray *registries;
  GPtrArray *mailboxes;
  gboolean is_closed;
  guint queue_capacity;
  struct activity *activity;
  requests *requests;
};

static void mailbox_free(gpointer data) {
  struct mailbox *self = data;
  queue_free(self->queue);
  g_free(self->group);
  g_free(self->name);
  g_free(self);
}

static struct registry *registry_new(guint count) {
  struct registry *self = g_malloc0(sizeof *self + count * sizeof self->boxes[0]);
  self->count = count;
  return self;
}

static void registry_replace(bus *self, struct registry *registry) {
  g_ptr_array_add(self->registries, registry);
  atomic_store(&self->registry, registry);
}

static void registry_append(bus *self, struct mailbox *mailbox) {
  const struct registry *old = atomic_load(&self->registry);
  struct registry *wider = registry_new(old->count + 1);
  memcpy(wider->boxes, old->boxes, old->count * sizeof old->boxes[0]);
  wider->boxes[old->count] = mailbox;
  registry_replace(self, wider);
}

static int32_t no_module(const char *module, struct edgecore_error *error) {
  return failure_set(error, EDGECORE_NOT_FOUND, "send: there is no module \"%s\"", module);
}

static int32_t no_thread(const char *module, struct edgecore_error *error) {
  return failure_set(error, EDGECORE_NO_MEMORY,
                     "send: no thread for the deadline of a request to module \"%s\", allow the host more of them",
                     module);
}

/* Why a queue did not take a message, for people. */
static int32_t not_taken(int32_t code, const char *kind, const char *name, struct edgecore_error *error) {
  static const char *const reasons[] = {
      [EDGECORE_AGAIN] = "the queue is full",
      [EDGECORE_NOT_FOUND] = "its queue is closed",
      [EDGECORE_TIMEOUT] = "the queue stayed full",
  };
  return failure_set(error, code, "send to %s \"%s\": %s", kind, name, reasons[code]);
}

static gint64 deadline_after(uint64_t timeout_ms) {
  gint64 now = g_get_monotonic_time();
  return timeout_ms > (uint64_t)(G_MAXINT64 - now) / 1000 ? G_MAXINT64 : now + (gint64)timeout_ms * 1000;
}

static int32_t push(bus *self, struct mailbox *mailbox, struct edgecore_message *message, gint64 deadline) {
  activity_add(self->activity, 1);
  int32_t code =
      deadline == 0 ? queue_push(mailbox->queue, message) : queue_push_wait(mailbox->queue, message, deadline);
  if (code != EDGECORE_OK)
    activity_remove(self->activity, 1);
  return code;
}

bus *bus_new(guint queue_capacity, struct activity *activity) {
  bus *self = g_new0(bus, 1);
  g_mutex_init(&self->lock);
  self->registries = g_ptr_array_new_with_free_func(g_free);
  self->mailboxes = g_ptr_array_new_with_free_func(mailbox_free);
  self->queue_capacity = queue_capacity;
  self->activity = activity;
  self->requests = requests_new(activity);
  registry_replace(self, registry_new(0));
  return self;
}

void bus_free(bus *self) {
  requests_free(self->requests);
  g_ptr_array_unref(self->mailboxes);
  g_ptr_array_unref(self->registries);
  g_mutex_clear(&self->lock);
  g_free(self);
}

int32_t bus_add(bus *self, const char *name, const char *group, gboolean has_descriptor, struct mailbox **mailbox,
                struct edgecore_error *error) {
  G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
  if (self->is_closed)
    return failure_set(error, EDGECORE_NOT_FOUND, "module \"%s\": the host has stopped", name);
  if (bus_find(self, name) != NULL)
    return failure_set(error, EDGECORE_EXISTS, "module \"%s\": the name is taken", name);
  queue *inbox = queue_new(self->queue_capacity, has_descriptor);
  if (inbox == NULL)
    return failure_set(error, EDGECORE_IO, "module \"%s\": no eventfd: %s", name, g_strerror(errno));

  struct mailbox *added = g_new0(struct mailbox, 1);
  added->name = g_strdup(name);
  added->group = g_strdup(group);
  added->queue = inbox;
  g_ptr_array_add(self->mailboxes, added);
  registry_append(self, added);
  *mailbox = added;
  return EDGECORE_OK;
}

void bus_remove(bus *self, struct mailbox *mailbox) {
  G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
  const struct registry *old = atomic_load(&self->registry);
  struct registry *narrower = registry_new(old->count - 1);
  guint kept = 0;
  for (guint i = 0; i < old->count; i++)
    if (old->boxes[i] != mailbox)
      narrower->boxes[kept++] = old->boxes[i];
  registry_replace(self, narrower);
  queue_close(mailbox->queue);
  activity_remove(self->activity, queue_length(mailbox->queue));
}

struct mailbox *bus_find(bus *self, const char *name) {
  const struct registry *registry = atomic_load_explicit(&self->registry, memory_order_acquire);
  for (guint i = 0; i < registry->count; i++)
    if (strcmp(registry->boxes[i]->name, name) == 0)
      return registry->boxes[i];
  return NULL;
}

int32_t bus_send(bus *self, const char *module, struct edgecore_message *message, gint64 deadline,
                 struct edgecore_error *error) {
  struct mailbox *mailbox = bus_find(self, module);
  if (mailbox == NULL)
    return no_module(module, error);
  int32_t code = push(self, mailbox, message, deadline);
  return code == EDGECORE_OK ? code : not_taken(code, "module", module, error);
}

guint bus_group_room(bus *self, const char *group) {
  const struct registry *registry = atomic_load_explicit(&self->registry, memory_order_acquire);
  guint least = G_MAXUINT;
  for (guint i = 0; i < registry->count; i++)
    if (strcmp(registry->boxes[i]->group, group) == 0)
      least = MIN(least, queue_room(registry->boxes[i]->queue));
  return least == G_MAXUINT ? 0 : least;
}

int32_t bus_send_to_group(bus *self, const char *group, struct edgecore_message *message,
                          struct edgecore_error *error) {
  const struct registry *registry = atomic_load_explicit(&self->registry, memory_order_acquire);
  g_autofree queue **queues = NULL;
  queue *first = NULL;
  guint count = 0;
  for (guint i = 0; i < registry->count; i++) {
    if (strcmp(registry->boxes[i]->group, group) != 0)
      continue;
    if (count++ == 0) {
      first = registry->boxes[i]->queue;
      continue;
    }
    if (queues == NULL)
      queues = g_new(queue *, registry->count);
    queues[count - 1] = registry->boxes[i]->queue;
  }
  if (count == 0)
    return failure_set(error, EDGECORE_NOT_FOUND, "send: there is no module in group \"%s\"", group);
  if (queues != NULL)
    queues[0] = first;

  activity_add(self->activity, count);
  int32_t code = queue_push_all(queues == NULL ? &first : queues, count, message);
  if (code == EDGECORE_OK)
    return EDGECORE_OK;
  activity_remove(self->activity, count);
  return not_taken(code, "group", group, error);
}

int32_t bus_send_sync(bus *self, struct mailbox *caller, const char *module, struct edgecore_message *message,
                      struct edgecore_message *context, uint64_t timeout_ms, struct edgecore_error *error) {
  struct mailbox *target = bus_find(self, module);
  if (target == NULL) {
    activity_add(self->activity, 1);
    if (!queue_push_outcome(caller->queue, EDGECORE_NOT_FOUND, NULL, context))
      activity_remove(self->activity, 1);
    return EDGECORE_OK;
  }

  if (!requests_add(self->requests, message, target, caller->queue, context, NULL, deadline_after(timeout_ms)))
    return no_thread(module, error);
  int32_t code = push(self, target, message, 0);
  /* A deadline that passes just here has put its outcome into the queue: to the caller it was sent, and timed out. */
  if (code == EDGECORE_OK || !requests_cancel(self->requests, message, target))
    return EDGECORE_OK;
  return not_taken(code, "module", module, error);
}

struct edgecore_message *bus_call(bus *self, const char *module, struct edgecore_message *message, uint64_t timeout_ms,
                                  struct edgecore_error *error) {
  struct mailbox *target = bus_find(self, module);
  if (target == NULL) {
    no_module(module, error);
    return NULL;
  }

  struct request_waiter waiter = {0};
  g_cond_init(&waiter.done);
  gint64 deadline = deadline_after(timeout_ms);
  if (!requests_add(self->requests, message, target, NULL, NULL, &waiter, deadline)) {
    g_cond_clear(&waiter.done);
    no_thread(module, error);
    return NULL;
  }
  int32_t code = push(self, target, message, deadline);
  if (code != EDGECORE_OK && requests_cancel(self->requests, message, target)) {
    g_cond_clear(&waiter.done);
    not_taken(code, "module", module, error);
    return NULL;
  }
  requests_wait(self->requests, &waiter);
  if (waiter.outcome == EDGECORE_TIMEOUT)
    failure_set(error, EDGECORE_TIMEOUT, "module \"%s\" has not answered within %" G_GUINT64_FORMAT " ms", module,
                timeout_ms);
  else if (waiter.outcome != EDGECORE_OK)
    failure_set(error, waiter.outcome, "module \"%s\": the host has stopped", module);
  return waiter.reply;
}

int32_t bus_respond(bus *self, const struct mailbox *from, struct edgecore_message *answer,
                    struct edgecore_error *error) {
  if (requests_answer(self->requests, answer, from))
    return EDGECORE_OK;
  return failure_set(error, EDGECORE_NOT_FOUND, "answer: nobody waits for an answer to \"%s\"",
                     message_read(answer)->parent_id);
}

guint bus_receive(bus *self, struct mailbox *mailbox, struct edgecore_item *items, uint32_t item_size,
                  uint32_t max_items, uint64_t max_bytes) {
  guint count = queue_take(mailbox->queue, items, item_size, max_items, max_bytes);
  if (count > 0)
    activity_remove(self->activity, count);
  return count;
}

guint bus_length(bus *self) {
  const struct registry *registry = atomic_load(&self->registry);
  guint sum = 0;
  for (guint i = 0; i < registry->count; i++)
    sum += queue_length(registry->boxes[i]->queue);
  return sum;
}

void bus_close(bus *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = TRUE;
  const struct registry *registry = atomic_load(&self->registry);
  for (guint i = 0; i < registry->count; i++)
    queue_close(registry->boxes[i]->queue);
  g_mutex_unlock(&self->lock);
  requests_close(self->requests);
}
