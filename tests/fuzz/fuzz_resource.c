/* Resource strings: resource_parse against the same thing done the slow way. */
#include "fuzz.h"
#include "resource.h"

#include <string.h>

static const struct {
  const char *type;
  gboolean mesh;
  gboolean answered_to_mesh;
  gboolean remote;
  gboolean always_remote;
} known[] = {
    {"service", TRUE, TRUE, FALSE, FALSE},
    {"endpoints", TRUE, TRUE, TRUE, FALSE},
    {"podlist", FALSE, TRUE, FALSE, FALSE},
    {"configmap", FALSE, FALSE, TRUE, FALSE},
    {"secret", FALSE, FALSE, TRUE, FALSE},
    {"persistentvolume", FALSE, FALSE, TRUE, FALSE},
    {"persistentvolumeclaim", FALSE, FALSE, TRUE, FALSE},
    {"volumeattachment", FALSE, FALSE, TRUE, TRUE},
    {"node", FALSE, FALSE, TRUE, TRUE},
};

static void check_kind(const struct resource *resource) {
  guint found = G_N_ELEMENTS(known);

  for (guint i = 0; i < G_N_ELEMENTS(known); i++)
    if (strcmp(resource->type, known[i].type) == 0)
      found = i;
  gboolean is_known = found < G_N_ELEMENTS(known);
  if (resource_is_mesh(resource->kind) != (is_known && known[found].mesh) ||
      resource_is_answered_to_mesh(resource->kind) != (is_known && known[found].answered_to_mesh) ||
      resource_is_remote(resource->kind) != (is_known && known[found].remote) ||
      resource_is_always_remote(resource->kind) != (is_known && known[found].always_remote))
    fuzz_fail("type \"%s\" is of the wrong kind %d", resource->type, (int)resource->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);

  fuzz_begin();
  const struct resource resource = resource_parse(text);
  g_auto(GStrv) tokens = g_strsplit(text, "/", -1);
  guint count = g_strv_length(tokens);
  gboolean has_type = (count == 2 || count == 3) && strlen(tokens[1]) < sizeof resource.type;

  if (strcmp(resource.type, has_type ? tokens[1] : "") != 0)
    fuzz_fail("\"%s\" has the type \"%s\"", text, resource.type);
  if (resource.has_id != (has_type && count == 3 && *tokens[2] != '\0'))
    fuzz_fail("\"%s\" has an id, or none, and should not", text);
  check_kind(&resource);
  return 0;
}
