#include "worker.h"

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

worker *worker_new(host *owner, struct mailbox *mailbox, struct activity *activity, host_module_fn *receive,
                   void *data) {
  worker *self = g_new0(worker, 1);
  self->owner = owner;
  self->mailbox = mailbox;
  self->activity = activity;
  self->receive = receive;
  self->data = data;
  self->thread = g_thread_new(mailbox->name, run, self);
  return self;
}

void worker_free(worker *self) {
  g_thread_join(self->thread);
  g_free(self);
}

const struct mailbox *worker_current(void) {
  return current;
}
