#include "resource.h"

#include <string.h>

static const struct {
  const char *type;
  enum resource_kind kind;
} kinds[] = {
    {"service", RESOURCE_SERVICE},
    {"endpoints", RESOURCE_ENDPOINTS},
    {"servicelist", RESOURCE_SERVICELIST},
    {"endpointslist", RESOURCE_ENDPOINTSLIST},
    {"podlist", RESOURCE_PODLIST},
    {"podstatus", RESOURCE_PODSTATUS},
    {"configmap", RESOURCE_CONFIGMAP},
    {"secret", RESOURCE_SECRET},
    {"persistentvolume", RESOURCE_PERSISTENTVOLUME},
    {"persistentvolumeclaim", RESOURCE_PERSISTENTVOLUMECLAIM},
    {"volumeattachment", RESOURCE_VOLUMEATTACHMENT},
    {"node", RESOURCE_NODE},
};

struct resource resource_parse(const char *text) {
  struct resource resource = {.kind = RESOURCE_OTHER};
  const char *type = strchr(text, '/');

  if (type == NULL)
    return resource;
  type++;
  const char *end = strchr(type, '/');
  if (end != NULL && strchr(end + 1, '/') != NULL)
    return resource;
  gsize size = end != NULL ? (gsize)(end - type) : strlen(type);
  if (size >= sizeof resource.type)
    return resource;
  memcpy(resource.type, type, size);
  resource.has_id = end != NULL && end[1] != '\0';
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (strcmp(resource.type, kinds[i].type) == 0)
      resource.kind = kinds[i].kind;
  return resource;
}

gboolean resource_has_type(const char *text, const char *type, gsize size) {
  const char *start = strchr(text, '/');
  const char *end = start != NULL ? strchr(start + 1, '/') : NULL;

  if (start == NULL || (end != NULL && strchr(end + 1, '/') != NULL))
    return size == 0;
  start++;
  gsize length = end != NULL ? (gsize)(end - start) : strlen(start);
  return length == size && memcmp(start, type, size) == 0;
}

gboolean resource_is_mesh(enum resource_kind kind) {
  return kind == RESOURCE_SERVICE || kind == RESOURCE_ENDPOINTS;
}

gboolean resource_is_answered_to_mesh(enum resource_kind kind) {
  return resource_is_mesh(kind) || kind == RESOURCE_PODLIST;
}

gboolean resource_is_always_remote(enum resource_kind kind) {
  return kind == RESOURCE_NODE || kind == RESOURCE_VOLUMEATTACHMENT;
}

gboolean resource_is_remote(enum resource_kind kind) {
  return resource_is_always_remote(kind) || kind == RESOURCE_CONFIGMAP || kind == RESOURCE_SECRET ||
         kind == RESOURCE_ENDPOINTS || kind == RESOURCE_PERSISTENTVOLUME || kind == RESOURCE_PERSISTENTVOLUMECLAIM;
}
