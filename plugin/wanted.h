/* Keys whose rows were lost to damage and that the cloud can be asked for, until it has been. Kept in the database, so that they
 * outlive a restart without a link. Errors as in store.h. Module thread only. */
#ifndef METAMANAGER_WANTED_H
#define METAMANAGER_WANTED_H

#include "store.h"

/* Joins the transaction. A key that is there already is fine. */
int32_t wanted_put(store *rows, const char *key, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Joins the transaction. */
int32_t wanted_drop(store *rows, const char *key, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Up to `limit` of them, by name, from after the key `after` on ("": from the first); the caller frees the array. */
int32_t wanted_read(store *rows, const char *after, guint limit, GPtrArray **keys,
                    struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
