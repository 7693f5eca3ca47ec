/* The store's own struct, shared by its sources: store.c (the table's operations), store_answer.c (the texts of answers), store_json.c (lists,
 * and other content that is looked into) and store_sum.c (the checksums of rows, and what is known to be damaged). */
#ifndef METAMANAGER_STORE_PRIVATE_H
#define METAMANAGER_STORE_PRIVATE_H

#include "store.h"

struct store {
  database *database;
  database_log_fn *log;
  void *log_data;
  GHashTable *damaged; /* keys that were reported */
  GQueue damaged_keys; /* keys that nobody has taken yet; owned by `damaged` */
  GString *answer;     /* the text of the last one; NULL before the first */
};

enum column { COLUMN_KEY, COLUMN_TYPE, COLUMN_VALUE, COLUMN_SUM, COLUMN_IS_JSON };

/* The functions of SQL that statements.c tells of; their data is the store. */
void store_sql_sum(sqlite3_context *context, int count, sqlite3_value **values);
void store_sql_ok(sqlite3_context *context, int count, sqlite3_value **values);
void store_sql_key(sqlite3_context *context, int count, sqlite3_value **values);
/* Their arguments, NULL for NULL. FALSE, and an error in the context, when memory ran out: a row must not look damaged for that. */
gboolean store_read_texts(sqlite3_context *context, sqlite3_value **values, int count, const char **texts,
                          gsize *sizes);

/* Text that lives until the statement is reset. */
void store_bind_bytes(sqlite3_stmt *statement, int number, const char *text, gsize size);
/* Whether the prepared and bound question has a row that says other than 0. */
int32_t store_ask(store *self, sqlite3_stmt *statement, gboolean *yes,
                  struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Counts and logs a row whose checksum is wrong, once for each key. */
void store_report_damaged(store *self, const char *key);
/* It was written anew: should it be damaged once more, that is news. */
void store_forget_damaged(store *self, const char *key);

/* Whether a row (key, type, value) is what its checksum says. One without a checksum is upstream's: its type must be the one in its key,
 * for a flipped bit may have cut the checksum off, and then all columns have moved. A row that is not whole is reported. */
gboolean store_check_row(store *self, const char *const texts[3], const gsize sizes[3], gboolean has_sum, gint64 sum);

/* The row that a statement stands on; its columns are those above. *is_whole is FALSE when its checksum is wrong,
 * which is reported. Text is valid until the next step. */
int32_t store_read_row(store *self, sqlite3_stmt *statement, struct store_row *row, gboolean *is_whole,
                       struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
