/* Shared by damaged.c (a case) and originals.c (what cases are made of). */
#ifndef TESTS_RELIABILITY_DAMAGED_PRIVATE_H
#define TESTS_RELIABILITY_DAMAGED_PRIVATE_H

#include "damaged.h"

#include <sqlite3.h>

/* A directory of the process for files that are made often: in memory where the system has such a place. Removed at its end. */
const char *damaged_directory(void);
/* Removes all files in it. */
void damaged_sweep(void);
/* "<directory>/edge.db"; the caller owns it. */
char *damaged_path(void) G_GNUC_WARN_UNUSED_RESULT;
void files_write(const struct files *self, const char *path);
struct files files_read(const char *path);

/* Makes or grows the tables as the host does. FALSE and the text of the error when it cannot. */
gboolean damaged_migrate(const char *path, char **why);
/* Each row of the question, its columns as text. */
typedef void damaged_row_fn(sqlite3_stmt *row, void *data);
/* FALSE when the question cannot be asked of the file. Nothing is checkpointed. */
gboolean damaged_rows(const char *path, const char *sql, damaged_row_fn *each, void *data);
/* The answer to a query that finds this value. */
char *damaged_answer(const char *value) G_GNUC_WARN_UNUSED_RESULT;

#endif
