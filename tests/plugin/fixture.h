/* What the tests of the plugin's rooms have in common: calls that fail with a text, lines that were logged, and databases seen
 * from outside. */
#ifndef TESTS_PLUGIN_FIXTURE_H
#define TESTS_PLUGIN_FIXTURE_H

#include "error.h"
#include "store.h"
#include "test.h"

/* ------------------------------------------------------------------------------------------------------------- errors */

/* What the last call inside check_ok, require_ok or check_fails said; they empty it first. Give its address to that call. */
extern struct edgecore_error failure;

bool fixture_check(const char *file, int line, const char *what, int32_t got, int32_t want, const char *part);
void fixture_forget(void);

#define check_code_(call, code, part)                                                                                  \
  (fixture_forget(), fixture_check(__FILE__, __LINE__, #call, (call), (code), (part)))
#define check_ok(call) check_code_(call, EDGECORE_OK, NULL)
#define require_ok(call) require_that_(check_ok(call))
/* It gives this code, and its text holds `part`. */
#define check_fails(call, code, part) check_code_(call, code, part)

/* ----------------------------------------------------------------------------------------------------------- the log */

/* Lines that a room logged since the test began: a database_log_fn; its data is not used. */
void fixture_log(int32_t level, const char *text, void *data);
/* How many lines of that level hold `part`. */
guint fixture_logged(int32_t level, const char *part);
void fixture_log_clear(void);

/* --------------------------------------------------------------------------------------------------------- databases */

/* An empty database in the test's directory, as the host makes it; another one with each call. The path is the caller's. */
char *fixture_database(void) G_GNUC_WARN_UNUSED_RESULT;
/* The same from the one that KubeEdge v1.1 wrote. */
char *fixture_upstream_database(void) G_GNUC_WARN_UNUSED_RESULT;
/* Runs SQL on the file from outside, on a connection of its own that never checkpoints. */
void fixture_run(const char *path, const char *sql);
/* All rows of a question, from outside: fields joined by '|', rows by a line feed. The caller owns it. */
char *fixture_rows(const char *path, const char *sql) G_GNUC_WARN_UNUSED_RESULT;
void fixture_check_rows(const char *file, int line, const char *path, const char *sql, const char *want);
#define check_rows(path, sql, want) fixture_check_rows(__FILE__, __LINE__, (path), (sql), (want))

/* ------------------------------------------------------------------------------------------------------------- a store */

/* A store on the path. It logs to fixture_log. Ends the program when it cannot be opened. */
store *fixture_store(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* Commits what was written. */
void fixture_commit(store *rows);
/* A row whose value is a text. */
struct store_row fixture_row(const char *key, const char *type, const char *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(store, store_close)

#endif
