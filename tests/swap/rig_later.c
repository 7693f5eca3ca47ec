/* Sync requests and swaps that a rig's test begins, and ends later. */
#include "rig.h"
#include "test.h"

#define PATIENCE_MS 60000

struct rig_swap {
  rig *rig;
  const char *file;
  char *why;
  GThread *thread;
};

struct rig_call {
  rig *rig;
  struct edgecore_message *message;
  GThread *thread;
};

static gpointer call(gpointer data) {
  rig_call *self = data;
  return host_send_sync(rig_host(self->rig), "metaManager", self->message, PATIENCE_MS, NULL);
}

static gpointer swap_later(gpointer data) {
  struct rig_swap *self = data;
  self->why = rig_swap_fails(self->rig, self->file);
  return NULL;
}

struct rig_swap *rig_swap_begin(rig *self, const char *file) {
  struct rig_swap *begun = g_new0(struct rig_swap, 1);
  begun->rig = self;
  begun->file = file;
  begun->thread = g_thread_new("swap", swap_later, begun);
  return begun;
}

char *rig_swap_end(struct rig_swap *self) {
  g_thread_join(self->thread);
  char *why = self->why;
  g_free(self);
  return why;
}

rig_call *rig_call_begin(rig *self, const struct rig_message *message) {
  rig_call *begun = g_new0(rig_call, 1);
  begun->rig = self;
  begun->message = rig_message_new(message, EDGECORE_MESSAGE_SYNC);
  begun->thread = g_thread_new("caller", call, begun);
  return begun;
}

char *rig_call_end(rig_call *self) {
  g_autoptr(any_message) answer = g_thread_join(self->thread);
  message_unref(self->message);
  g_free(self);
  return answer == NULL ? NULL : message_content(answer);
}
