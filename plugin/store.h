/* The `meta` table: upstream's eight table operations under its names, and the statements that do a whole answer at once.
 *
 * A write joins the transaction of the database, which the caller commits. Each row carries a checksum of key, type and value; a
 * row that fails it is not there for any reader, and is counted and logged by key. Module thread only.
 *
 * Errors: EDGECORE_INVALID when the request itself cannot be done (an unknown column, text that is not JSON): nothing was
 * written, the transaction can go on. Anything else: the transaction is to be rolled back. */
#ifndef METAMANAGER_STORE_H
#define METAMANAGER_STORE_H

#include "database.h"

typedef struct store store;

/* A row of the table. Text with its length, for a value is whatever bytes the wire brought. */
struct store_row {
  const char *key;
  const char *type;
  const char *value;
  gsize value_size;
};

/* A column and what to put there. */
struct store_field {
  const char *column;
  const char *value;
};

/* JSON text in UTF-8, owned by the store, valid until the next answer. */
struct store_json {
  const char *text;
  gsize size;
  guint rows; /* how many rows are in it */
};

/* Opens the file, which the host has made, and the statements of the rooms that share the connection. */
int32_t store_open(const char *path, database_log_fn *log, void *log_data, store **out,
                   struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void store_close(store *self);
/* Owned by the store. */
database *store_database(store *self);
/* Rows that failed their checksum since the store was opened; each is counted and logged once, until it is written anew. */
guint64 store_damaged(const store *self);
/* A key of such a row that was not taken yet, or NULL. The caller frees it. */
char *store_take_damaged(store *self);
/* Such a key will be taken again. */
void store_return_damaged(store *self, const char *key);

/* SaveMeta. A row with the key gets the new value (upstream before v1.14 kept the old one). */
int32_t store_save(store *self, const struct store_row *row, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* DeleteMetaByKey. An absent key is fine. EDGECORE_DAMAGED: the key is not where it belongs, but there is a row with it of this `type`. */
int32_t store_delete_by_key(store *self, const char *key, const char *type,
                            struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* UpdateMeta. *changed is 0 when there is no such key. */
int32_t store_update(store *self, const struct store_row *row, gint64 *changed,
                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* InsertOrUpdate. A row that is already so is left alone: no page is written. */
int32_t store_insert_or_update(store *self, const struct store_row *row,
                               struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* UpdateMetaField and UpdateMetaFields, of the row with the key. *changed is 0 when there is none. */
int32_t store_update_field(store *self, const char *key, const char *column, const char *value, gint64 *changed,
                           struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
int32_t store_update_fields(store *self, const char *key, const struct store_field *fields, guint field_count,
                            gint64 *changed, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* QueryMeta: the values of the rows whose column equals the condition, oldest row first. Calls `each` for each row; text is valid
 * during the call. */
typedef void store_value_fn(const char *value, gsize size, void *data);
int32_t store_query(store *self, const char *column, const char *condition, store_value_fn *each, void *data,
                    struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* QueryAllMeta: the same, whole rows. */
typedef void store_row_fn(const struct store_row *row, void *data);
int32_t store_query_all(store *self, const char *column, const char *condition, store_row_fn *each, void *data,
                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* QueryMeta, as the JSON array of strings that an answer consists of. */
int32_t store_answer_key(store *self, const char *key, struct store_json *answer,
                         struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
int32_t store_answer_type(store *self, const char *type, struct store_json *answer,
                          struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the key is there. */
int32_t store_has(store *self, const char *key, gboolean *has, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the key is there with just this value. */
int32_t store_has_value(store *self, const char *key, const char *value, gsize size, gboolean *same,
                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Stores each element of a JSON array of Kubernetes objects under <metadata.namespace>/<type>/<metadata.name>: all, or none and
 * EDGECORE_INVALID. */
int32_t store_save_list(store *self, const char *type, const char *json, gsize size,
                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Deletes the podstatus rows whose pod row is gone. */
int32_t store_delete_orphaned_podstatus(store *self, gint64 *deleted,
                                        struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* The podstatus values of each namespace as a JSON array, by namespace; `skipped` is the number of its values that are not JSON. */
typedef int32_t store_namespace_fn(const char *name, const struct store_json *values, guint skipped, void *data,
                                   struct edgecore_error *error);
int32_t store_each_podstatus(store *self, store_namespace_fn *each, void *data,
                             struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the text is JSON. */
int32_t store_check_json(store *self, const char *json, gsize size,
                         struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the text is a Kubernetes Status that tells of a failure. */
int32_t store_is_failure_status(store *self, const char *json, gsize size, gboolean *is,
                                struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives up to `limit` rows that upstream wrote, from after the rowid *after on, their checksum; *after is the last of them then.
 * *done is how many. */
int32_t store_sum_rows(store *self, guint limit, gint64 *after, guint *done,
                       struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Holds up to `limit` rows, from after the rowid *after on, against their checksums and against the indexes; *after is the last of
 * them then, *done how many there were. 0 of them: the numbers of entries are compared. EDGECORE_DAMAGED when an index is wrong. */
int32_t store_verify(store *self, guint limit, gint64 *after, guint *done,
                     struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;

#endif
