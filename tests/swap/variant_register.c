/* Registers, then refuses after all. */
#include "variant.h"

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  int32_t code = real_register(core, plugin, error);
  if (code != EDGECORE_OK)
    return code;
  edgecore_plugin_unregister(*plugin);
  *plugin = NULL;
  return variant_fail(error, EDGECORE_INVALID, "this version wants more memory than the node has");
}
