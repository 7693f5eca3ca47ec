/* Deliveries: what a turn wants to happen once its transaction is on the disk. A list of them is the outbox of the turn; what cannot
 * be taken yet by a full neighbour waits in another one. */
#ifndef METAMANAGER_DELIVERY_H
#define METAMANAGER_DELIVERY_H

#include <edgecore/plugin.h>
#include <glib.h>

/* What the plugin was told of the link to the cloud. */
enum link { LINK_UNKNOWN, LINK_CONNECTED, LINK_DISCONNECTED };

/* Whose queue a delivery needs room in. Order is kept for each of them, not between them. */
enum destination {
  DESTINATION_CLOUD,
  DESTINATION_EDGED,
  DESTINATION_EDGEMESH,
  DESTINATION_EDGEFUNCTION,
  DESTINATION_SELF,
  DESTINATION_CALLER /* the caller of a sync request, who waits outside any queue */
};

enum delivery_kind {
  DELIVERY_SEND,    /* the message to the destination */
  DELIVERY_REQUEST, /* the same with send_sync; its outcome brings `context` back */
  DELIVERY_ASK,     /* the query `message` to the cloud, unless one like it is under way; then it waits with that one */
  DELIVERY_ANSWER,  /* to all queries that wait for the request `context`: what `message` says */
  DELIVERY_REMOTE_FAILED, /* the request `context` got no reply: ask again, or answer with what `message` says */
  DELIVERY_LINK           /* the link changed to `link` */
};

struct delivery {
  enum delivery_kind kind;
  enum destination to;
  enum link link;
  struct edgecore_message *message; /* NULL only for DELIVERY_LINK; a reference */
  struct edgecore_message *context; /* or NULL; a reference */
};

/* A list of struct delivery. */
GArray *deliveries_new(void);
/* Adds one; takes over both references. */
void deliveries_add(GArray *deliveries, enum delivery_kind kind, enum destination to, struct edgecore_message *message,
                    struct edgecore_message *context);
/* Gives back the references of the deliveries from index `from` on, and removes them. */
void deliveries_truncate(GArray *deliveries, const struct edgecore_core *core, guint from);
/* Frees the list and all references; NULL is ignored. */
void deliveries_free(GArray *deliveries, const struct edgecore_core *core);

/* Whether this is a message on its way to the cloud. */
gboolean delivery_is_for_cloud(const struct delivery *delivery);

#endif
