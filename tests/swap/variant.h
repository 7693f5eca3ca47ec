/* What a variant of the plugin replaces: entry.c's own functions, which are compiled under these names. */
#ifndef TESTS_SWAP_VARIANT_H
#define TESTS_SWAP_VARIANT_H

#include <edgecore/plugin.h>
#include <glib.h>

extern edgecore_plugin_query_fn real_query;
extern edgecore_plugin_register_fn real_register;
extern edgecore_plugin_start_fn real_start;
extern edgecore_plugin_stop_fn real_stop;
extern edgecore_plugin_unregister_fn real_unregister;

/* An extension by which a test decides when a variant that hangs comes back. */
#define GATE_EXTENSION "tests.gate/1"
struct gate {
  uint32_t size;
  /* Returns once the test has opened the gate. */
  void (*pass)(const struct gate *self);
  /* Says that the call that went through it has done all else too. */
  void (*leave)(const struct gate *self);
};

static inline int32_t variant_fail(struct edgecore_error *error, int32_t code, const char *text) {
  if (error != NULL) {
    error->code = code;
    g_strlcpy(error->text, text, sizeof error->text);
  }
  return code;
}

#endif
