/* Mends a damaged database: what can be read goes into a fresh file, the damaged one stays beside it under a dated name, and nothing
 * is lost without a line in the log. The database must not be open in this process.
 *
 * A row is taken when its checksum is right, or, for a row of upstream that has none yet, when its type is the one in its key
 * and its value is JSON. Power may fail at any point: what was begun is finished by repair_finish, or begun again. */
#ifndef METAMANAGER_REPAIR_H
#define METAMANAGER_REPAIR_H

#include "database.h"

/* Puts the fresh file of an interrupted repair in place. Call it before the database is opened. */
int32_t repair_finish(const char *path, database_log_fn *log, void *log_data,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the file can only be damaged: it is empty, but its WAL is not. */
gboolean repair_is_needed(const char *path);
/* Mends it. `with_wal`: the WAL belongs to the file and is needed; else it is only kept. `reason` is for the log. Keys that were lost
 * and are of types that the cloud can be asked for are noted in the fresh file's metamanager_wanted. EDGECORE_IO when the file is no
 * database, has not a page of one, and does not look like what is left of one (zeros, or a WAL beside it): it is left untouched. */
int32_t repair_database(const char *path, gboolean with_wal, const char *reason, database_log_fn *log, void *log_data,
                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
