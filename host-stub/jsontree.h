/* JSON as a tree of values, read by SQLite's JSON functions: the host links SQLite anyway, and it reads a line in one pass without a
 * library more in memory. Only for text that json_skeleton_read has taken: SQLite knows nothing of a name that comes twice, and ends a
 * text at \u0000. */
#ifndef EDGEHOST_JSONTREE_H
#define EDGEHOST_JSONTREE_H

#include <glib.h>

enum json_kind { JSON_NULL, JSON_TRUTH, JSON_INTEGER, JSON_FRACTION, JSON_TEXT, JSON_LIST, JSON_OBJECT };

struct json_value {
  enum json_kind kind;
  char *name;      /* of a member of an object; else NULL */
  char *text;      /* of a JSON_TEXT; else NULL */
  gint64 integer;  /* of a JSON_INTEGER; 0 or 1 of a JSON_TRUTH */
  GPtrArray *held; /* of struct json_value, as they stand in a list or an object; else NULL */
};
typedef struct json_value json_value;

/* What the reading of many texts shares. By one thread at a time. */
typedef struct json_reader json_reader;

json_reader *json_reader_new(void);
void json_reader_free(json_reader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_reader, json_reader_free)

/* The caller frees it. NULL and *error only when there is not enough memory. */
json_value *json_reader_read(json_reader *self, const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void json_value_free(json_value *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_value, json_value_free)

/* The member of that name of an object, or NULL. */
const json_value *json_value_member(const json_value *object, const char *name);

#endif
