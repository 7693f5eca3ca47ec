/* From an item of the queue to its handler: a table from operation to handler. */
#ifndef METAMANAGER_DISPATCH_H
#define METAMANAGER_DISPATCH_H

#include "turn.h"

/* Handles one item; an item that is itself wrong is answered with the error. A failure is one that calls for a roll-back of the turn. */
int32_t dispatch(struct turn *turn, const struct edgecore_item *item,
                 struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Answers an item that failed for good with the error `cause`, in a turn of its own. */
int32_t dispatch_failure(struct turn *turn, const struct edgecore_item *item, const struct edgecore_error *cause,
                         struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
