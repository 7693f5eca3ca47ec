/* Small checks on bytes that came from outside. */
#ifndef METAMANAGER_TEXT_H
#define METAMANAGER_TEXT_H

#include <glib.h>

/* Whether the bytes are UTF-8 without NUL. Runs over ASCII eight bytes at a time. */
gboolean text_is_utf8(const char *data, gsize size);

/* Appends the bytes, and what is not UTF-8 (or is NUL) as U+FFFD, as upstream's encoder does. */
void text_append_valid(GString *text, const char *data, gsize size);
/* Appends them as a JSON string; a NUL is kept as \u0000. Runs eight bytes at a time: every value that is answered passes through
 * it, and SQLite's own, a byte at a time, took half of the time of a query. */
void text_append_quoted(GString *json, const char *data, gsize size);

/* Whether the bytes are a bare acknowledgement: OK or "OK". */
gboolean text_is_ok(const char *data, gsize size);

/* How many bytes of a name are shown in a text for people, for printf's %.*s: at most 256, cut at a whole character. */
int text_shown(const char *name);

/* The 64-bit checksum of a row, kept in its column `sum`. Every field counts with its length. The algorithm is part of the file
 * format: it never changes. */
gint64 text_sum(const char *key, gsize key_size, const char *type, gsize type_size, const char *value,
                gsize value_size);

#endif
