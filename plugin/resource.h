/* The resource of a message: <namespace>/<type>[/<id>]. The key in the table is the whole string. */
#ifndef METAMANAGER_RESOURCE_H
#define METAMANAGER_RESOURCE_H

#include <glib.h>

/* What a type means to the routing and to queries. */
enum resource_kind {
  RESOURCE_OTHER,
  RESOURCE_SERVICE,
  RESOURCE_ENDPOINTS,
  RESOURCE_SERVICELIST,
  RESOURCE_ENDPOINTSLIST,
  RESOURCE_PODLIST,
  RESOURCE_PODSTATUS,
  RESOURCE_CONFIGMAP,
  RESOURCE_SECRET,
  RESOURCE_PERSISTENTVOLUME,
  RESOURCE_PERSISTENTVOLUMECLAIM,
  RESOURCE_VOLUMEATTACHMENT,
  RESOURCE_NODE
};

struct resource {
  enum resource_kind kind;
  gboolean has_id; /* a third token that is not empty */
  char type
      [64]; /* the second token. Empty when there are neither two nor three tokens, or when it is longer than a DNS label. */
};

/* The greatest number of bytes of a resource that becomes a key. The limit is ours: SQLite does not heed the 256 characters of
 * upstream's table, and Kubernetes needs at most 3 * 253. */
#define RESOURCE_KEY_MAX 1024

struct resource resource_parse(const char *text);

/* Whether a row with this key has this type when upstream wrote it: the second token, whole, or "" when there are neither two nor
 * three of them. */
gboolean resource_has_type(const char *text, const char *type, gsize size);

/* Objects of these types go to edgemesh where others go to edged. */
gboolean resource_is_mesh(enum resource_kind kind);
/* Answers about these go to edgemesh. */
gboolean resource_is_answered_to_mesh(enum resource_kind kind);
/* A query for these may be asked of the cloud. */
gboolean resource_is_remote(enum resource_kind kind);
/* A query for these is always asked of the cloud while there is a link. */
gboolean resource_is_always_remote(enum resource_kind kind);

#endif
