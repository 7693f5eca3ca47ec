/* What a handler works with. A handler is a function from a message and the store to deliveries; it has no other effect, so a turn
 * that could not be committed is rolled back and its messages are handled again. */
#ifndef METAMANAGER_TURN_H
#define METAMANAGER_TURN_H

#include "delivery.h"
#include "outbox.h"
#include "resource.h"
#include "settings.h"
#include "store.h"

struct turn {
  const struct edgecore_core *core;
  const struct settings *settings;
  store *store;
  outbox *outbox;
  enum link link;         /* as of the message that is handled now */
  GArray *deliveries;     /* held back until the commit */
  const GArray *waiting;  /* deliveries of earlier turns that nobody has taken yet */
  gboolean keeps_nothing; /* what is for the cloud waits as a delivery, not in the outbox */
  gboolean waiting_kept;  /* those of them that were for the cloud are in the outbox now */
  gboolean statuses_left; /* a pod status that was on its way to the cloud is in the table alone */
  gsize bytes;            /* contents that this turn made; over the bound it ends */
  guint handled;          /* messages */
  gboolean has_wanted;    /* keys that were lost to damage are asked of the cloud */
};

/* Handles one message or outcome. EDGECORE_INVALID: it is itself wrong, and nothing was written for it. Any other failure: what
 * was written in this turn is to be rolled back. The error's text is the one of the error answer. */
typedef int32_t turn_handler_fn(struct turn *turn, const struct edgecore_item *item, struct edgecore_error *error);

/* What of a message is stored: the raw bytes, or the text of the JSON value. */
struct turn_content {
  const char *data;
  gsize size;
};
struct turn_content turn_content_of(const struct edgecore_message_fields *message);
/* A row of the table from a message. */
struct store_row turn_row_of(const struct edgecore_message_fields *message, const struct resource *resource);
/* Whether the text of its JSON value is JSON; raw bytes always pass. */
int32_t turn_check_content(struct turn *turn, const struct edgecore_message_fields *message,
                           struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
gboolean turn_is_sync(const struct edgecore_message_fields *message);
/* Whether it is the update of a pod status: the table has it, and each connection to the cloud starts with all of them. */
gboolean turn_is_podstatus_update(const struct edgecore_message_fields *message);

/* A message of the plugin about another one: it keeps that one's route, and names it as its parent. The JSON is
 * UTF-8. The caller owns it. */
struct edgecore_message *turn_answer_new(struct turn *turn, const struct edgecore_message_fields *request,
                                         const char *source, const char *operation, const struct turn_content *json,
                                         struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* The answer "OK". */
struct edgecore_message *turn_ok_new(struct turn *turn, const struct edgecore_message_fields *request,
                                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* The error answer, whose content is the text. */
struct edgecore_message *turn_error_new(struct turn *turn, const struct edgecore_message_fields *request,
                                        const char *source, const char *text,
                                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* The message, or a copy that does not ask for an answer (a forwarded sync request would). The caller owns it. */
struct edgecore_message *turn_relay_new(struct turn *turn, struct edgecore_message *message,
                                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Delivers to a module, or to the caller who waits. Takes over the reference. */
void turn_send(struct turn *turn, enum destination to, struct edgecore_message *message);
/* Delivers to the cloud, or keeps the message for it in the outbox. Takes over the reference. */
int32_t turn_send_to_cloud(struct turn *turn, struct edgecore_message *message,
                           struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Relays the message to a module. */
int32_t turn_relay(struct turn *turn, enum destination to, struct edgecore_message *message,
                   struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Relays it to the cloud. */
int32_t turn_relay_to_cloud(struct turn *turn, struct edgecore_message *message,
                            struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* The link is lost: what was on its way to the cloud goes to the outbox, before anything that comes after it. */
int32_t turn_keep_waiting(struct turn *turn, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
