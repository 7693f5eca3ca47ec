/* Small checks on bytes that came from outside. */
#ifndef METAMANAGER_TEXT_H
#define METAMANAGER_TEXT_H

#include <glib.h>

/* Whether the bytes are UTF-8 without NUL. Runs over ASCII eight bytes at a time: every answer passes through it. */
gboolean text_is_utf8(const char *data, gsize size);

/* Whether the bytes are a bare acknowledgement: OK or "OK". */
gboolean text_is_ok(const char *data, gsize size);

/* How many bytes of a name are shown in a text for people, for printf's %.*s: at most 256, cut at a whole character. */
int text_shown(const char *name);

/* The 64-bit checksum of a row, kept in its column `sum`. Every field counts with its length. The algorithm is part of the file
 * format: it never changes. */
gint64 text_sum(const char *key, gsize key_size, const char *type, gsize type_size, const char *value,
                gsize value_size);

#endif
