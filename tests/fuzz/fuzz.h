/* What the fuzz targets have in common. A target is one source with LLVMFuzzerTestOneInput; it is linked with libFuzzer, or with
 * main.c, which replays files, directories or standard input and is what AFL++ wants.
 *
 * A target calls fuzz_fail when something that must always hold does not; that, a sanitizer's report, a critical message of GLib
 * and a crash are the same to whoever runs it. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what did not hold, and aborts. */
G_NORETURN void fuzz_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* To be called first in a target: GLib's critical messages end the program, random numbers start anew. */
void fuzz_begin(void);

/* A directory of this process. Owned by fuzz.c; fuzz_clean removes it with its files. */
const char *fuzz_directory(void);
void fuzz_clean(void);
/* Replaces a file by these bytes, quickly. */
void fuzz_write(const char *path, const void *data, size_t size);

/* Puts an input in place as the database, after removing what the run before left in the directory, and returns its path, which the
 * caller owns. The input is the file; when it begins with "w" and a number of four digits, so many times 8 bytes at its end are
 * the -wal. The seeds were made by SQLite at a page size of 512, so that they are small. */
char *fuzz_write_database(const void *data, size_t size) G_GNUC_WARN_UNUSED_RESULT;

/* An error text, which must be there, be UTF-8 and take one line. */
void fuzz_check_error(const GError *error);
/* UTF-8 and one JSON value. */
gboolean fuzz_is_json(const char *text, size_t size);

/* A piece of an input that is read from the front. */
struct fuzz_text {
  const char *at;
  const char *end;
};
/* The next line without its end. FALSE when nothing is left. */
gboolean fuzz_line(struct fuzz_text *text, struct fuzz_text *line);
/* Up to the next space, which is skipped, or to the end; it ends at a NUL. The caller owns it. */
char *fuzz_word(struct fuzz_text *line) G_GNUC_WARN_UNUSED_RESULT;
/* A word as a number within the bounds; 0, or the bound that is nearest to it, when it is none. */
gint64 fuzz_number(struct fuzz_text *line, gint64 least, gint64 most);

#endif
