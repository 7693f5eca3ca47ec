/* The five entry points; thin. */
#include "module.h"
#include "state.h"

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION PROJECT_VERSION
#endif

static const struct edgecore_plugin_descriptor descriptor = {
    .size = sizeof descriptor,
    .magic = EDGECORE_PLUGIN_MAGIC,
    .abi_major = EDGECORE_ABI_MAJOR,
    .abi_minor = EDGECORE_ABI_MINOR,
    .module = "metaManager",
    .group = "meta",
    .version = PLUGIN_VERSION,
    .description = "KubeEdge's metaManager: relays messages between edged and the cloud and keeps them in SQLite",
    .state_format_written = STATE_FORMAT,
    .state_format_oldest = STATE_FORMAT_OLDEST,
    .state_format_newest = STATE_FORMAT_NEWEST,
};

const struct edgecore_plugin_descriptor *edgecore_plugin_query(void) {
  return &descriptor;
}

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  module *self = NULL;
  int32_t code = module_new(core, &self, error);

  *plugin = (struct edgecore_plugin *)self;
  return code;
}

int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  return module_start((module *)plugin, state, error);
}

int32_t edgecore_plugin_stop(struct edgecore_plugin *plugin, struct edgecore_state *state,
                             struct edgecore_error *error) {
  return module_stop((module *)plugin, state, error);
}

void edgecore_plugin_unregister(struct edgecore_plugin *plugin) {
  module_free((module *)plugin);
}
