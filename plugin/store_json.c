#include "store_private.h"

#include "error.h"
#include "resource.h"
#include "statements.h"
#include "text.h"

#include <string.h>

/* From this version of SQLite on json_each takes JSON5, of which nobody else could read what is stored; json_valid takes JSON only. */
#define JSON5_SINCE 3042000

/* The string that a text of JSON begins with, as it stands there. NULL when it is none, or has an escape in it: no name of Kubernetes needs
 * one, and SQLite ends a text at \u0000, which would be the key of another object, and makes bytes that are no text of \ud800. */
static const char *read_string(const char *json, gsize *size) {
  if (*json != '"')
    return NULL;
  *size = strcspn(json + 1, "\"\\");
  return json[1 + *size] == '"' ? json + 1 : NULL;
}

/* NULL for what makes no key. */
static char *list_key(const char *pair, const char *type) {
  static const char no_namespace[] = "[null,";
  const char *namespace_ = "";
  gsize namespace_size = 0;
  gsize name_size;

  if (g_str_has_prefix(pair, no_namespace)) {
    pair += strlen(no_namespace);
  } else {
    namespace_ = read_string(pair + 1, &namespace_size);
    if (namespace_ == NULL)
      return NULL;
    pair = namespace_ + namespace_size + strlen("\",");
  }
  const char *name = read_string(pair, &name_size);
  if (name == NULL || name_size == 0)
    return NULL;
  if (namespace_size + strlen(type) + name_size + strlen("//") > RESOURCE_KEY_MAX)
    return NULL;
  return g_strdup_printf("%.*s/%s/%.*s", (int)namespace_size, namespace_, type, (int)name_size, name);
}

void store_sql_key(sqlite3_context *context, int count, sqlite3_value **values) {
  const char *texts[2];
  gsize sizes[2];

  if (!store_read_texts(context, values, count, texts, sizes) || texts[0] == NULL)
    return;
  char *key = list_key(texts[0], texts[1]);
  /* Should the list fail after all, it is reported once more. */
  if (key != NULL)
    store_forget_damaged(sqlite3_user_data(context), key);
  sqlite3_result_text(context, key, -1, g_free);
}

int32_t store_save_list(store *self, const char *type, const char *json, gsize size, struct edgecore_error *error) {
  if (!text_is_utf8(json, size))
    return error_set(error, EDGECORE_INVALID, "the list is not UTF-8, or has a NUL in it");

  gsize at = 0;
  while (at < size && strchr(" \t\r\n", json[at]) != NULL)
    at++;
  gboolean is_null = at + 4 <= size && memcmp(json + at, "null", 4) == 0;
  if (!is_null && (at == size || json[at] != '['))
    return error_set(error, EDGECORE_INVALID, "the list is not a JSON array");
  if (is_null || sqlite3_libversion_number() >= JSON5_SINCE) {
    int32_t valid = store_check_json(self, json, size, error);
    if (is_null || valid != EDGECORE_OK)
      return valid;
  }
  sqlite3_stmt *statement = database_write(self->database, STATEMENT_SAVE_LIST, error);
  if (statement == NULL)
    return EDGECORE_IO;
  store_bind_bytes(statement, 1, json, size);
  sqlite3_bind_text(statement, 2, type, -1, SQLITE_STATIC);
  int32_t code = database_run(self->database, statement, NULL, error);
  if (code == EDGECORE_INVALID && error != NULL && strstr(error->text, "NOT NULL") != NULL)
    error_set(error, code, "an element of the list has no metadata.name and metadata.namespace that make a key");
  if (code == EDGECORE_INVALID && error != NULL && strstr(error->text, "malformed JSON") != NULL)
    error_set(error, code, "the list is not valid JSON");
  return code;
}

int32_t store_check_json(store *self, const char *json, gsize size, struct edgecore_error *error) {
  gboolean valid = FALSE;

  if (text_is_utf8(json, size)) {
    sqlite3_stmt *statement = database_statement(self->database, STATEMENT_CHECK_JSON, error);
    if (statement == NULL)
      return EDGECORE_IO;
    store_bind_bytes(statement, 1, json, size);
    int32_t code = store_ask(self, statement, &valid, error);
    if (code != EDGECORE_OK)
      return code;
  }
  return valid ? EDGECORE_OK : error_set(error, EDGECORE_INVALID, "the value is not valid JSON");
}

int32_t store_is_failure_status(store *self, const char *json, gsize size, gboolean *is, struct edgecore_error *error) {
  sqlite3_stmt *statement = database_statement(self->database, STATEMENT_IS_FAILURE, error);

  if (statement == NULL)
    return EDGECORE_IO;
  store_bind_bytes(statement, 1, json, size);
  return store_ask(self, statement, is, error);
}
