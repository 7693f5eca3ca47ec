/* The tables that a plugin registers, and their making and growing in the database file. */
#ifndef EDGEHOST_MODEL_H
#define EDGEHOST_MODEL_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct model model;

/* A deep copy. NULL and *error (EDGECORE_INVALID) when it breaks the contract. */
model *model_copy(const struct edgecore_model *from, struct edgecore_error *error);
void model_free(model *self);

/* Creates the file (0600) or takes the one that is there, and runs the steps that it has not seen, in one transaction.
 * Writes nothing when there is nothing to do, and leaves a file untouched that it refuses: one that is no regular file,
 * read-only, no SQLite database, another application's, or locked for 2 s; one that it has made itself is removed again.
 * The connection is closed on return. The error names the file and says what to do. A damaged file is not refused when
 * all models are EDGECORE_MODEL_MENDED: it is left as it is. Damage is also an application_id that is ours but for one
 * bit, where it is ours a schema that makes no sense to SQLite, and what the disk cannot read at the second attempt
 * either. A step that adds a column that is there already is done. */
gboolean model_migrate(const char *path, const GPtrArray *models, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether both lists register the same tables with the same steps. */
gboolean model_lists_are_equal(const GPtrArray *a, const GPtrArray *b);

#endif
