/* Hands over a state with a bit in it that is wrong. */
#include "variant.h"

int32_t edgecore_plugin_stop(struct edgecore_plugin *plugin, struct edgecore_state *state,
                             struct edgecore_error *error) {
  int32_t code = real_stop(plugin, state, error);
  /* The memory is the plugin's own. */
  if (code == EDGECORE_OK && state != NULL)
    ((uint8_t *)(uintptr_t)state->data)[state->data_size / 2] ^= 1;
  return code;
}
