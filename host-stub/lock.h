/* One host for each database: the file DATABASE-lock, beside the database itself, is locked for as long as a host works on it. Not the
 * database: mending puts another file in its place. */
#ifndef EDGEHOST_LOCK_H
#define EDGEHOST_LOCK_H

#include <glib.h>

/* Makes the file (0600) when it is missing. It holds nothing and stays when the host ends; the lock goes with the descriptor. The
 * database need not be there yet; one that is reached by a link is locked where it is. -1 and `error`. */
int lock_take(const char *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
