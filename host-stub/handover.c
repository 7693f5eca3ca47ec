#include "handover.h"

#include "failure.h"
#include "message.h"

#include <string.h>

struct handover {
  struct edgecore_state state;
  void *data;
  struct edgecore_message **messages;
};

static gboolean is_sound(const struct edgecore_state *state) {
  if (state->reserved != 0 || (state->data_size > 0 && state->data == NULL))
    return FALSE;
  if (state->message_count > 0 && state->messages == NULL)
    return FALSE;
  for (guint i = 0; i < state->message_count; i++)
    if (state->messages[i] == NULL)
      return FALSE;
  return TRUE;
}

handover *handover_copy(const struct edgecore_state *state, struct edgecore_error *error) {
  if (!is_sound(state)) {
    failure_set(error, EDGECORE_UNSUPPORTED_STATE, "the state that stop handed over breaks the contract");
    return NULL;
  }

  g_autoptr(handover) self = g_new0(handover, 1);
  self->data = g_try_malloc((gsize)state->data_size);
  self->messages = g_try_new0(struct edgecore_message *, state->message_count);
  if ((self->data == NULL && state->data_size > 0) || (self->messages == NULL && state->message_count > 0)) {
    failure_set(error, EDGECORE_NO_MEMORY, "no memory for a state of %" G_GUINT64_FORMAT " bytes and %u messages",
                state->data_size, state->message_count);
    return NULL;
  }
  if (state->data_size > 0)
    memcpy(self->data, state->data, (size_t)state->data_size);
  for (guint i = 0; i < state->message_count; i++)
    self->messages[i] = message_ref(state->messages[i]);
  self->state = *state;
  self->state.size = sizeof self->state;
  self->state.data = self->data;
  self->state.messages = self->messages;
  return g_steal_pointer(&self);
}

void handover_free(handover *self) {
  for (guint i = 0; i < self->state.message_count; i++)
    message_unref(self->messages[i]);
  g_free(self->messages);
  g_free(self->data);
  g_free(self);
}

const struct edgecore_state *handover_state(const handover *self) {
  return &self->state;
}
