#include "requests.h"

#include "message.h"

/* Requests with the same id are a chain, the latest first; the table's key is the id of the chain's first. */
struct request {
  struct request *next;
  struct edgecore_message *message;
  const void *target;
  queue *caller;
  struct edgecore_message *context;
  struct request_waiter *waiter;
  gint64 deadline;
  GSequenceIter *place;
};

struct requests {
  GMutex lock;
  GCond changed;
  GHashTable *by_id;
  GSequence *by_deadline;
  gint64 armed; /* when the thread wakes by itself */
  GThread *thread;
  gboolean is_closed;
  struct activity *activity;
};

static const char *request_id(const struct request *request) {
  return message_read(request->message)->id;
}

static int by_deadline(gconstpointer a, gconstpointer b, gpointer unused) {
  const struct request *first = a;
  const struct request *second = b;
  (void)unused;
  return (first->deadline > second->deadline) - (first->deadline < second->deadline);
}

static void chain_remove(requests *self, struct request *request) {
  struct request *first = g_hash_table_lookup(self->by_id, request_id(request));
  if (first != request) {
    while (first->next != request)
      first = first->next;
    first->next = request->next;
    return;
  }
  if (request->next == NULL)
    g_hash_table_remove(self->by_id, request_id(request));
  else
    g_hash_table_replace(self->by_id, (gpointer)request_id(request->next), request->next);
}

/* With the lock held. */
static struct request *find(requests *self, const char *id, const void *target) {
  struct request *request = g_hash_table_lookup(self->by_id, id);
  while (request != NULL && target != NULL && request->target != target)
    request = request->next;
  return request;
}

static void forget(requests *self, struct request *request) {
  chain_remove(self, request);
  g_sequence_remove(request->place);
  message_unref(request->message);
  message_unref(request->context);
  g_free(request);
}

/* With the lock held. In the caller's queue the outcome counts as moving in place of the request. */
static void finish(requests *self, struct request *request, int32_t outcome, struct edgecore_message *reply) {
  gboolean moves_on = FALSE;
  if (request->caller != NULL) {
    moves_on = queue_push_outcome(request->caller, outcome, reply, request->context);
  } else {
    request->waiter->outcome = outcome;
    request->waiter->reply = reply == NULL ? NULL : message_ref(reply);
    request->waiter->is_done = TRUE;
    g_cond_signal(&request->waiter->done);
  }
  forget(self, request);
  if (!moves_on)
    activity_remove(self->activity, 1);
}

static struct request *next_due(requests *self) {
  GSequenceIter *first = g_sequence_get_begin_iter(self->by_deadline);
  return g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
}

static gpointer run_deadlines(gpointer data) {
  requests *self = data;
  g_mutex_lock(&self->lock);
  while (!self->is_closed) {
    struct request *next = next_due(self);
    if (next == NULL) {
      self->armed = G_MAXINT64;
      g_cond_wait(&self->changed, &self->lock);
    } else if (next->deadline <= g_get_monotonic_time()) {
      finish(self, next, EDGECORE_TIMEOUT, NULL);
    } else {
      self->armed = next->deadline;
      g_cond_wait_until(&self->changed, &self->lock, next->deadline);
    }
  }
  g_mutex_unlock(&self->lock);
  return NULL;
}

/* With the lock held. An answered request leaves the thread armed: waking once for nothing is cheaper than once an answer. FALSE
 * without a thread. */
static gboolean arm(requests *self, gint64 deadline) {
  if (self->thread == NULL)
    self->thread = g_thread_try_new("deadlines", run_deadlines, self, NULL);
  else if (deadline < self->armed)
    g_cond_signal(&self->changed);
  return self->thread != NULL;
}

requests *requests_new(struct activity *activity) {
  requests *self = g_new0(requests, 1);
  g_mutex_init(&self->lock);
  g_cond_init(&self->changed);
  self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
  self->by_deadline = g_sequence_new(NULL);
  self->armed = G_MAXINT64;
  self->activity = activity;
  return self;
}

void requests_free(requests *self) {
  requests_close(self);
  g_sequence_free(self->by_deadline);
  g_hash_table_unref(self->by_id);
  g_cond_clear(&self->changed);
  g_mutex_clear(&self->lock);
  g_free(self);
}

gboolean requests_add(requests *self, struct edgecore_message *message, const void *target, queue *caller,
                      struct edgecore_message *context, struct request_waiter *waiter, gint64 deadline) {
  g_mutex_lock(&self->lock);
  if (!self->is_closed && !arm(self, deadline)) {
    g_mutex_unlock(&self->lock);
    return FALSE;
  }
  struct request *request = g_new0(struct request, 1);
  request->message = message_ref(message);
  request->target = target;
  request->caller = caller;
  request->context = context == NULL ? NULL : message_ref(context);
  request->waiter = waiter;
  request->deadline = deadline;

  activity_add(self->activity, 1);
  request->next = g_hash_table_lookup(self->by_id, request_id(request));
  g_hash_table_replace(self->by_id, (gpointer)request_id(request), request);
  request->place = g_sequence_insert_sorted(self->by_deadline, request, by_deadline, NULL);
  if (self->is_closed)
    finish(self, request, EDGECORE_NOT_FOUND, NULL);
  g_mutex_unlock(&self->lock);
  return TRUE;
}

gboolean requests_cancel(requests *self, const struct edgecore_message *message, const void *target) {
  g_mutex_lock(&self->lock);
  struct request *request = find(self, message_read(message)->id, target);
  if (request != NULL)
    forget(self, request);
  g_mutex_unlock(&self->lock);
  if (request != NULL)
    activity_remove(self->activity, 1);
  return request != NULL;
}

gboolean requests_answer(requests *self, struct edgecore_message *answer, const void *target) {
  g_mutex_lock(&self->lock);
  struct request *request = find(self, message_read(answer)->parent_id, target);
  if (request != NULL)
    finish(self, request, EDGECORE_OK, answer);
  g_mutex_unlock(&self->lock);
  return request != NULL;
}

void requests_wait(requests *self, struct request_waiter *waiter) {
  g_mutex_lock(&self->lock);
  while (!waiter->is_done)
    g_cond_wait(&waiter->done, &self->lock);
  g_mutex_unlock(&self->lock);
  g_cond_clear(&waiter->done);
}

void requests_close(requests *self) {
  g_mutex_lock(&self->lock);
  self->is_closed = TRUE;
  for (struct request *next; (next = next_due(self)) != NULL;)
    finish(self, next, EDGECORE_NOT_FOUND, NULL);
  g_cond_signal(&self->changed);
  GThread *thread = g_steal_pointer(&self->thread);
  g_mutex_unlock(&self->lock);
  if (thread != NULL)
    g_thread_join(thread);
}
