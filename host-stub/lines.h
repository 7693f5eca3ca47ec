/* Lines of a descriptor, with memory bounded by the longest line that is taken. For one thread. */
#ifndef EDGEHOST_LINES_H
#define EDGEHOST_LINES_H

#include <glib.h>

#define LINES_MAX_BYTES (16 * 1024 * 1024) /* of one line, without its end */

enum lines_result {
  LINES_LINE,
  LINES_TOO_LONG, /* the line was skipped up to its end */
  LINES_END,      /* of input; a last line without a line end came before as LINES_LINE */
  LINES_STOPPED,
  LINES_FAILED /* reading failed, see errno */
};

typedef struct lines lines;

/* Reads `fd`, which it does not close, until `stop_fd` (-1: none) is readable. */
lines *lines_new(int fd, int stop_fd);
void lines_free(lines *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lines, lines_free)

/* The next line. The text is valid until the next call; it may hold any bytes, and ends without a line end and without a NUL. */
enum lines_result lines_next(lines *self, const char **text, gsize *size);

/* Whether there is nothing on a line but spaces and tabs. */
gboolean lines_is_blank(const char *text, gsize size);

/* The number of the line that lines_next gave last, from 1. */
guint64 lines_number(const lines *self);

#endif
