/* Objects of JSON held against a table of the fields that they may have. */
#ifndef EDGEHOST_FIELDS_H
#define EDGEHOST_FIELDS_H

#include "jsontree.h"

enum field_kind { FIELD_TEXT, FIELD_INTEGER, FIELD_TRUTH, FIELD_LIST, FIELD_OBJECT, FIELD_ANY };

struct field {
  const char *name; /* NULL ends the table */
  enum field_kind kind;
  gboolean required;
};

/* Whether `value` is an object with all required fields, each field known and of its kind. `where` says in errors what it is. */
gboolean fields_check(const json_value *value, const struct field *fields, const char *where,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Readers for a checked object; absent is NULL, `absent` or FALSE. Texts are owned by the object. */
const char *fields_text(const json_value *object, const char *name);
gint64 fields_integer(const json_value *object, const char *name, gint64 absent);
gboolean fields_truth(const json_value *object, const char *name);

/* Whether a field is absent or within the bounds. */
gboolean fields_check_range(const json_value *object, const char *name, gint64 least, gint64 most, const char *where,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A field's kind, for errors. */
const char *fields_kind_of(const json_value *value);

#endif
