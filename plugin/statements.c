#include "statements.h"

#include "resource.h"

/* meta_ok(key, type, value, sum) is the check of a row's checksum, meta_sum(key, type, value) makes it. Where a row is looked for by
 * key or type, it is checked with what was asked for: a damaged index may lead to another row, which is right in itself.
 * meta_key('["namespace","name"]', type) is the key of a list's element, or NULL. */
#define OK_FOR_KEY "meta_ok(?1, type, value, sum)"
#define CHANGED "value IS NOT excluded.value OR type IS NOT excluded.type OR sum IS NOT excluded.sum"
#define ON_CONFLICT                                                                                                    \
  " ON CONFLICT(key) DO UPDATE SET type = excluded.type, value = excluded.value, sum = excluded.sum WHERE " CHANGED

/* What a kept message takes, counted anew: the column `bytes` has no checksum, and one wrong bit of it could evict all others. */
#define BYTES                                                                                                          \
  "length(CAST(msg_id AS BLOB)) + length(CAST(parent_id AS BLOB)) + length(CAST(source AS BLOB))"                      \
  " + length(CAST(route_group AS BLOB)) + length(CAST(operation AS BLOB)) + length(CAST(resource AS BLOB))"            \
  " + coalesce(length(content), 0)"

static const char *const sql[STATEMENT_COUNT] = {
    /* Sets no column that has an index: SQLite would write the index anew, another page, though the type is the same. */
    [STATEMENT_CHANGE] = "UPDATE meta SET value = ?3, sum = ?4 WHERE key = ?1 AND type = ?2"
                         " AND (value IS NOT ?3 OR sum IS NOT ?4)",
    /* Never INSERT OR REPLACE: that deletes the row first, writes five times as much, and moves it to the end. */
    [STATEMENT_UPSERT] = "INSERT INTO meta(key, type, value, sum) VALUES(?1, ?2, ?3, ?4)" ON_CONFLICT,
    [STATEMENT_DELETE] = "DELETE FROM meta WHERE key = ?1",
    /* What a damaged index of keys hides from that. */
    [STATEMENT_HAS_HIDDEN] = "SELECT 1 FROM meta INDEXED BY meta_type WHERE type = ?2 AND key = ?1",
    [STATEMENT_UPDATE] = "UPDATE meta SET type = ?2, value = ?3, sum = ?4 WHERE key = ?1",
    /* For each column: whether it is set, and to what. A damaged row is no row: a new sum would bless what is left as it is. */
    [STATEMENT_UPDATE_FIELDS] =
        "UPDATE meta SET key = iif(?2, ?3, key), type = iif(?4, ?5, type),"
        " value = iif(?6, ?7, value),"
        " sum = meta_sum(iif(?2, ?3, key), iif(?4, ?5, type), iif(?6, ?7, value)) WHERE key = ?1 AND " OK_FOR_KEY,
    /* Rows whose checksum their reader compares. The index holds type and rowid, so they come oldest first without being sorted. */
    [STATEMENT_QUERY_KEY] = "SELECT ?1, type, value, sum FROM meta WHERE key = ?1",
    [STATEMENT_QUERY_TYPE] = "SELECT key, ?1, value, sum FROM meta WHERE type = ?1 ORDER BY rowid",
    [STATEMENT_QUERY_VALUE] = "SELECT key, type, value, sum FROM meta WHERE value = ?1 ORDER BY rowid",
    [STATEMENT_HAS] = "SELECT 1 FROM meta WHERE key = ?1 AND " OK_FOR_KEY,
    [STATEMENT_HAS_VALUE] = "SELECT 1 FROM meta WHERE key = ?1 AND value = ?2 AND " OK_FOR_KEY,
    /* A key that is NULL fails the column's NOT NULL, and with it the whole statement: all elements or none. LIMIT, which keeps SQLite
     * from merging the queries: else each place that names key or value would have the element parsed and written out once more. */
    [STATEMENT_SAVE_LIST] =
        "INSERT INTO meta(key, type, value, sum) SELECT key, ?2, value, meta_sum(key, ?2, value) FROM"
        " (SELECT value, CASE WHEN type = 'object' THEN"
        "   meta_key(json_extract(value, '$.metadata.namespace', '$.metadata.name'), ?2) END AS key FROM"
        "   (SELECT type, value FROM json_each(?1) LIMIT -1) LIMIT -1)"
        " WHERE true" ON_CONFLICT,
    [STATEMENT_DELETE_ORPHANS] =
        "DELETE FROM meta WHERE type = 'podstatus' AND NOT EXISTS"
        " (SELECT 1 FROM meta AS pod WHERE pod.key = replace(meta.key, '/podstatus/', '/pod/'))",
    [STATEMENT_EACH_PODSTATUS] = "SELECT key, 'podstatus', value, sum, json_valid(value) FROM meta"
                                 " WHERE type = 'podstatus' AND value IS NOT NULL ORDER BY rowid",
    [STATEMENT_CHECK_JSON] = "SELECT json_valid(?1)",
    [STATEMENT_IS_FAILURE] =
        "SELECT json_extract(?1, '$.kind') = 'Status' AND json_extract(?1, '$.status') = 'Failure' WHERE json_valid(?1)",
    [STATEMENT_SUM_ROWS] =
        "UPDATE meta SET sum = meta_sum(key, type, value) WHERE rowid IN"
        " (SELECT rowid FROM meta WHERE rowid > ?2 AND sum IS NULL AND meta_ok(key, type, value, NULL) ORDER BY rowid LIMIT ?1)"
        " RETURNING rowid",
    /* Each row against its checksum, and against both indexes: the sums are of what is wrong. */
    [STATEMENT_VERIFY_ROWS] =
        "SELECT count(*), max(row), sum(NOT meta_ok(key, type, value, sum)),"
        " sum(NOT EXISTS (SELECT 1 FROM meta AS other INDEXED BY sqlite_autoindex_meta_1"
        "   WHERE other.key = part.key AND other.rowid = part.row)"
        "  OR NOT EXISTS (SELECT 1 FROM meta AS other INDEXED BY meta_type"
        "   WHERE other.type = part.type AND other.rowid = part.row))"
        " FROM (SELECT rowid AS row, key, type, value, sum FROM meta NOT INDEXED WHERE rowid > ?2 ORDER BY rowid LIMIT ?1)"
        " AS part",
    [STATEMENT_VERIFY_COUNTS] =
        "SELECT total = (SELECT count(*) FROM meta INDEXED BY meta_type WHERE type >= '')"
        " AND total = (SELECT count(*) FROM meta INDEXED BY sqlite_autoindex_meta_1 WHERE key >= '')"
        " FROM (SELECT count(type) AS total FROM meta NOT INDEXED)",
    [STATEMENT_WANTED_PUT] = "INSERT OR IGNORE INTO metamanager_wanted(key) VALUES(?1)",
    [STATEMENT_WANTED_DROP] = "DELETE FROM metamanager_wanted WHERE key = ?1",
    [STATEMENT_WANTED_READ] = "SELECT key FROM metamanager_wanted WHERE key > ?2 ORDER BY key LIMIT ?1",
    [STATEMENT_OUTBOX_PUT] =
        "INSERT INTO metamanager_outbox(id, latest, answer, bytes, msg_id, parent_id, timestamp, source, route_group,"
        " operation, resource, content_kind, sum, content) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    /* Sets no column that has an index, as above. */
    [STATEMENT_OUTBOX_REPLACE] =
        "UPDATE metamanager_outbox SET bytes = ?4, msg_id = ?5, parent_id = ?6, timestamp = ?7, source = ?8, route_group = ?9,"
        " operation = ?10, resource = ?11, content_kind = ?12, sum = ?13, content = ?14 WHERE id = ?1",
    /* Looked at first and deleted then: RETURNING costs more than to look twice. */
    [STATEMENT_OUTBOX_FIND_LATEST] = "SELECT id, " BYTES " FROM metamanager_outbox WHERE latest = ?1",
    [STATEMENT_OUTBOX_DELETE] = "DELETE FROM metamanager_outbox WHERE id = ?1",
    [STATEMENT_OUTBOX_TOTAL] =
        "SELECT count(*), coalesce(sum(" BYTES "), 0), coalesce(max(id), 0), count(*) FILTER (WHERE id < 1 OR id >= ?1)"
        " FROM metamanager_outbox",
    [STATEMENT_OUTBOX_READ] =
        "SELECT id, msg_id, parent_id, timestamp, source, route_group, operation, resource, content_kind, sum,"
        " content FROM metamanager_outbox WHERE id > ?1 ORDER BY id",
    [STATEMENT_OUTBOX_TOTAL_THROUGH] =
        "SELECT count(*), coalesce(sum(" BYTES "), 0) FROM metamanager_outbox WHERE id <= ?1",
    [STATEMENT_OUTBOX_DELETE_THROUGH] = "DELETE FROM metamanager_outbox WHERE id <= ?1",
    [STATEMENT_OUTBOX_DELETE_STRANGE] = "DELETE FROM metamanager_outbox WHERE id < 1 OR id >= ?1",
    [STATEMENT_OUTBOX_EVICT_ANSWER] =
        "DELETE FROM metamanager_outbox WHERE id = (SELECT min(id) FROM metamanager_outbox WHERE answer = 1)"
        " RETURNING " BYTES,
    [STATEMENT_OUTBOX_EVICT_OLDEST] =
        "DELETE FROM metamanager_outbox WHERE id = (SELECT min(id) FROM metamanager_outbox)"
        " RETURNING " BYTES,
};

struct database_statements statements_all(void) {
  return (struct database_statements){.sql = sql, .count = STATEMENT_COUNT};
}
