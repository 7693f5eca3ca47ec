#include "worker.h"

#include "failure.h"

struct worker {
  host *owner;
  struct mailbox *mailbox;
  struct activity *activity;
  host_module_fn *receive;
  void *data;
  GThread *thread;
};

static _Thread_local const struct mailbox *current;

static gpointer run(gpointer data) {
  worker *self = data;
  current = self->mailbox;
  for (struct edgecore_message *message; (message = queue_wait(self->mailbox->queue)) != NULL;) {
    self->receive(self->owner, self->mailbox->name, message, self->data);
    message_unref(message);
    activity_remove(self->activity, 1);
  }
  return NULL;
}

worker *worker_new(host *owner, struct mailbox *mailbox, struct activity *activity, host_module_fn *receive, void *data,
                   struct edgecore_error *error) {
  worker *self = g_new0(worker, 1);
  self->owner = owner;
  self->mailbox = mailbox;
  self->activity = activity;
  self->receive = receive;
  self->data = data;
  self->thread = g_thread_try_new(mailbox->name, run, self, NULL);
  if (self->thread != NULL)
    return self;
  failure_set(error, EDGECORE_NO_MEMORY, "module \"%s\": no thread for it, allow the host more of them", mailbox->name);
  g_free(self);
  return NULL;
}

void worker_free(worker *self) {
  g_thread_join(self->thread);
  g_free(self);
}

const struct mailbox *worker_current(void) {
  return current;
}
