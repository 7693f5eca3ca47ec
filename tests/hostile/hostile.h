/* What hostile input is held against: a module on a fake core, which answers once and goes on working. */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "fake_core.h"
#include "secret.h"

struct hostile {
  fake_core *core;
  module *metamanager;
};

/* Starts it on the database, which is there; NULL: on a new one. */
void hostile_begin(struct hostile *self, const char *database);
/* Stops it and checks that no message is left. */
void hostile_end(struct hostile *self);

/* Sends a sync message, and returns the content of its one answer as text; the caller owns it. NULL, and a failed check, when there is
 * not just one. */
char *hostile_ask(struct hostile *self, struct edgecore_message *message) G_GNUC_WARN_UNUSED_RESULT;
/* Whether an insert and a query of it are answered as they should be: it still works. */
void hostile_check_alive(struct hostile *self);
/* What a query of alive/pod/a finds then. */
#define HOSTILE_ALIVE_FOUND "[\"{\\\"alive\\\":\\\"" SECRET "\\\"}\"]"

/* `part`, `times` times over. The caller owns it. */
char *hostile_repeat(const char *part, gsize times) G_GNUC_WARN_UNUSED_RESULT;

/* Runs SQL on a database file that the module has not open, with writing to the schema table allowed. */
void hostile_sql(const char *path, const char *sql);

#endif
