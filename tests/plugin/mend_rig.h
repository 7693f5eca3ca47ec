/* A database to be damaged, and what is to be seen once it is mended. */
#ifndef TESTS_PLUGIN_MEND_RIG_H
#define TESTS_PLUGIN_MEND_RIG_H

#include "scene.h"

/* Rows a/pod/N, each tenth a/secret/N, whose values tell their number. */
#define MEND_PODS 200

/* A database that was closed well, with all of it in the file itself: the rows, and as many messages for the cloud. The
 * caller owns the path. */
char *mend_database(void) G_GNUC_WARN_UNUSED_RESULT;
/* How many pages the file has. */
guint mend_pages(const char *path);
/* How many dated copies of the file are beside it. */
guint mend_copies(const char *path);
/* Checks that all rows have values that were once stored under their keys. Returns how many there are. */
gint64 mend_check_rows(struct scene *scene);

#endif
