/* Says that it was made for another ABI. */
#include "variant.h"

#ifndef MAJOR_MORE
#define MAJOR_MORE 0
#endif
#ifndef MINOR_MORE
#define MINOR_MORE 0
#endif

const struct edgecore_plugin_descriptor *edgecore_plugin_query(void) {
  static struct edgecore_plugin_descriptor descriptor;
  descriptor = *real_query();
  descriptor.abi_major += MAJOR_MORE;
  descriptor.abi_minor += MINOR_MORE;
  return &descriptor;
}
