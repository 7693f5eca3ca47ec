/* The operations of a message, a file for each family of them. All are turn_handler_fn. */
#ifndef METAMANAGER_OPERATIONS_H
#define METAMANAGER_OPERATIONS_H

#include "turn.h"

/* op_object.c: objects that come and go: insert, delete, response, action, action_result */
turn_handler_fn op_insert;
turn_handler_fn op_delete;
turn_handler_fn op_response;
turn_handler_fn op_action;
turn_handler_fn op_action_result;

/* op_update.c: update, of an object, of a status, of a list */
turn_handler_fn op_update;

/* op_query.c: query, and what became of one that was asked of the cloud */
turn_handler_fn op_query;
turn_handler_fn op_query_outcome;
/* Tells all who wait for the request that it ended with an error. */
int32_t op_query_fail(struct turn *turn, struct edgecore_message *request, const char *text,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* op_link.c: publish, which tells of the link to the cloud */
turn_handler_fn op_publish;
/* The state of the link that a message tells of, or LINK_UNKNOWN when it tells of something else. */
enum link op_publish_link(const struct edgecore_message_fields *message);
/* Notes the new state of the link in the turn. */
void op_publish_set(struct turn *turn, enum link link);

/* op_podstatus.c: meta-internal-sync, the pod status sync */
turn_handler_fn op_podstatus_sync;

/* op_volume.c: the four volume operations, and edged's reply to them */
turn_handler_fn op_volume;
turn_handler_fn op_volume_outcome;

#endif
