/* Puts a fresh database file in the place of a damaged one, which stays beside it under a dated name, with its WAL and journal. Power
 * may fail at any point: in every state that is left the damaged file is there under some name, the fresh one is whole under one of two
 * names, and the old WAL never meets the fresh file. Neither file may be open. */
#ifndef METAMANAGER_REPLACE_H
#define METAMANAGER_REPLACE_H

#include <edgecore/plugin.h>
#include <glib.h>

/* The name under which the fresh file is made; the caller owns it. */
char *replace_filling_name(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* Puts the file of that name, whole and on the disk, in place. *kept is the damaged file's new name; the caller owns it. When it cannot,
 * all is as before, and the fresh file is gone. */
int32_t replace_file(const char *path, char **kept, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends what a power cut interrupted; *kept is NULL when there was nothing to put in place. A file that was not whole is removed. */
int32_t replace_finish(const char *path, char **kept, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
