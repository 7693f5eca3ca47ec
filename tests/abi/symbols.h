/* Whether a built plugin exports what the contract says and nothing else, and imports nothing that it may not. */
#ifndef TESTS_SYMBOLS_H
#define TESTS_SYMBOLS_H

#include <glib.h>

/* One sentence for each thing that is wrong with the object at `path`, none when all is well. `list`: the file of forbidden
 * patterns. The caller owns the array and its texts. */
GPtrArray *symbols_complaints(const char *path, const char *list) G_GNUC_WARN_UNUSED_RESULT;

#endif
