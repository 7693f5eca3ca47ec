/* The database as a file: what may be one, its making, its mode, and who has it open. A companion is its -wal or -shm. */
#ifndef EDGEHOST_DATABASE_FILE_H
#define EDGEHOST_DATABASE_FILE_H

#include <glib.h>

/* Sets HOST_ERROR, EDGECORE_IO: which database, why it is refused, and what to do. FALSE always. */
gboolean database_file_refuse(GError **error, const char *path, const char *why, const char *remedy);

/* FALSE and the error for what cannot be a database: no regular file, read-only, no name of a file. It need not be there. Never opens a
 * file that exists: closing it again would drop the locks of any connection that this process has on it. */
gboolean database_file_check(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Checks it, and creates it (0600, its name synced) where it is not there; *is_made says whether it did. */
gboolean database_file_prepare(const char *path, gboolean *is_made, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file and its companions get mode 0600 where others may read or write them; those of another user are left. */
gboolean database_file_make_private(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file that a link leads to, or the path itself; g_free it. What belongs to a database stands beside the file, not beside the link. */
char *database_file_follow_link(const char *path) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of the path with the suffix, 0 where it is not there. */
gint64 database_file_size(const char *path, const char *suffix);

/* How many descriptors of this process are the file or its companions. */
guint database_file_count_open(const char *path);

#endif
