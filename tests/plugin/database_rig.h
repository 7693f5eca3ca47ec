/* A database in the hand of a test: statements on the table of the fixtures, and short words for using them. */
#ifndef TESTS_PLUGIN_DATABASE_RIG_H
#define TESTS_PLUGIN_DATABASE_RIG_H

#include "database.h"
#include "file_vfs.h"
#include "fixture.h"

enum { INSERT, COUNT, JOURNAL_MODE, SYNCHRONOUS, CHECKPOINT_PAGES, TRUSTED, CELL_CHECK, WRONG_SQL, TEMP_STORE, ECHO };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(database, database_close)

/* The SQL of these. */
struct database_statements db_statements(void);
/* Opens it on a disk that can be made to fail, and logs to fixture_log. */
int32_t db_open(const char *path, database **out) G_GNUC_WARN_UNUSED_RESULT;
/* The same; ends the program when that fails. */
database *db_opened(const char *path) G_GNUC_WARN_UNUSED_RESULT;

/* A row with the key, in the transaction that is open or begun by it. */
int32_t db_insert(database *self, const char *key) G_GNUC_WARN_UNUSED_RESULT;
/* The first column that the statement gives; -1 when it fails. */
gint64 db_number(database *self, guint statement_number);

#endif
