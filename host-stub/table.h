/* The table as it is in the database file, read beside the module's own connection. */
#ifndef EDGEHOST_TABLE_H
#define EDGEHOST_TABLE_H

#include <glib.h>

/* Appends the rows as a JSON array of {"key":...,"type":...,"value":...}, by key; no table is an empty one. The connection can
 * only read, and is closed again. */
gboolean table_append(GString *out, const char *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
