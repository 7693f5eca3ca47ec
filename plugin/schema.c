#include "schema.h"

#include <glib.h>

#define STEP(number, text)                                                                                             \
  { .size = sizeof(struct edgecore_model_step), .version = (number), .sql = (text) }

static const struct edgecore_model_step steps[] = {
    /* As upstream's ORM makes it. A table of that name without these columns is another application's, and no step goes on. */
    STEP(1, "CREATE TABLE IF NOT EXISTS meta(key varchar(256) NOT NULL PRIMARY KEY,"
            " type varchar(32) NOT NULL DEFAULT '', value text);SELECT key, type, value FROM meta LIMIT 0"),
    STEP(2, "CREATE INDEX IF NOT EXISTS meta_type ON meta(type)"),
    /* NULL: a row that upstream wrote and that has not been summed yet. */
    STEP(3, "ALTER TABLE meta ADD COLUMN sum INTEGER"),
    /* `latest` is the resource where only the last message counts, else NULL. `answer` marks what goes first when room is short. */
    STEP(4,
         "CREATE TABLE IF NOT EXISTS metamanager_outbox(id INTEGER PRIMARY KEY, latest TEXT, answer INTEGER NOT NULL,"
         " bytes INTEGER NOT NULL, msg_id TEXT NOT NULL, parent_id TEXT NOT NULL, timestamp INTEGER NOT NULL,"
         " source TEXT NOT NULL, route_group TEXT NOT NULL, operation TEXT NOT NULL, resource TEXT NOT NULL,"
         " content_kind INTEGER NOT NULL, sum INTEGER NOT NULL, content BLOB);"
         "CREATE UNIQUE INDEX IF NOT EXISTS metamanager_outbox_latest ON metamanager_outbox(latest)"
         " WHERE latest IS NOT NULL;"
         "CREATE INDEX IF NOT EXISTS metamanager_outbox_answer ON metamanager_outbox(answer) WHERE answer = 1"),
    /* What was lost with a damaged row, and can be had from the cloud again. */
    STEP(5, "CREATE TABLE IF NOT EXISTS metamanager_wanted(key TEXT NOT NULL PRIMARY KEY)"),
#ifdef SCHEMA_NEXT_STEP /* for the tests, which upgrade to a version with one more */
    STEP(6, SCHEMA_NEXT_STEP),
#endif
};

const struct edgecore_model schema_model = {
    .size = sizeof(struct edgecore_model),
    .flags = EDGECORE_MODEL_MENDED,
    .table = "meta",
    .application_id = SCHEMA_APPLICATION_ID,
    .step_count = G_N_ELEMENTS(steps),
    .steps = steps,
};
