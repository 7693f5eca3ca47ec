/* Does not return from stop, or from start, before the host's gate opens. */
#include "variant.h"

#ifndef HANGS_IN_START
#define HANGS_IN_START 0
#endif

static const struct gate *gate;

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  gate = core->get_extension(core, GATE_EXTENSION);
  if (gate == NULL)
    return variant_fail(error, EDGECORE_NOT_FOUND, "the host has no gate");
  return real_register(core, plugin, error);
}

static int32_t leave(int32_t code) {
  gate->leave(gate);
  return code;
}

int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  if (!HANGS_IN_START)
    return real_start(plugin, state, error);
  gate->pass(gate);
  return leave(real_start(plugin, state, error));
}

int32_t edgecore_plugin_stop(struct edgecore_plugin *plugin, struct edgecore_state *state,
                             struct edgecore_error *error) {
  if (HANGS_IN_START)
    return real_stop(plugin, state, error);
  gate->pass(gate);
  return leave(real_stop(plugin, state, error));
}
