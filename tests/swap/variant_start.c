/* Its start fails. */
#include "variant.h"

int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  (void)plugin, (void)state;
  return variant_fail(error, EDGECORE_IO, "a file of this version is missing");
}
