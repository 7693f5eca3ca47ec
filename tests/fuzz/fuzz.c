#include "fuzz.h"

#include "jsontext.h"
#include "secret.h"
#include "test.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "w" and four digits. */
#define WAL_HEAD_SIZE 5

static char *directory;

void fuzz_fail(const char *format, ...) {
  va_list arguments;

  fputs("VIOLATION: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  abort();
}

void fuzz_begin(void) {
  g_log_set_always_fatal((GLogLevelFlags)(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
  g_random_set_seed(1);
}

const char *fuzz_directory(void) {
  g_autoptr(GError) error = NULL;

  if (directory == NULL)
    directory = g_dir_make_tmp("fuzz-XXXXXX", &error);
  if (directory == NULL)
    g_error("%s", error->message);
  return directory;
}

static void remove_files(void) {
  g_autoptr(GDir) listed = g_dir_open(fuzz_directory(), 0, NULL);

  for (const char *name; listed != NULL && (name = g_dir_read_name(listed)) != NULL;) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_unlink(path);
  }
}

void fuzz_clean(void) {
  if (directory == NULL)
    return;
  remove_files();
  g_rmdir(directory);
  g_clear_pointer(&directory, g_free);
}

/* The fake core asks for it. */
char *test_path(const char *name) {
  return g_build_filename(fuzz_directory(), name, NULL);
}

/* So are these. The fuzzer moves bytes from contents to names, and names may be logged: there is nothing to look for here. */
void secret_check_line(int32_t level, const char *text) {
  (void)level;
  (void)text;
}

void secret_note_content(const void *bytes, gsize size) {
  (void)bytes;
  (void)size;
}

void fuzz_write(const char *path, const void *data, size_t size) {
  int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (descriptor < 0 || (size > 0 && write(descriptor, data, size) != (ssize_t)size))
    g_error("%s: cannot write", path);
  close(descriptor);
}

char *fuzz_write_database(const void *data, size_t size) {
  const char *bytes = data;
  g_autofree char *path = g_build_filename(fuzz_directory(), "file.db", NULL);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  remove_files();
  if (size < WAL_HEAD_SIZE || bytes[0] != 'w') {
    fuzz_write(path, bytes, size);
    return g_steal_pointer(&path);
  }
  g_autofree char *digits = g_strndup(bytes + 1, WAL_HEAD_SIZE - 1);
  gsize wal_size = MIN((gsize)CLAMP(g_ascii_strtoll(digits, NULL, 10), 0, 9999) * 8, size - WAL_HEAD_SIZE);
  fuzz_write(path, bytes + WAL_HEAD_SIZE, size - WAL_HEAD_SIZE - wal_size);
  fuzz_write(wal, bytes + size - wal_size, wal_size);
  return g_steal_pointer(&path);
}

void fuzz_check_error(const GError *error) {
  if (error == NULL)
    fuzz_fail("refused without an error");
  if (*error->message == '\0' || !g_utf8_validate(error->message, -1, NULL))
    fuzz_fail("the error's text is not UTF-8: \"%s\"", error->message);
  if (strpbrk(error->message, "\r\n") != NULL)
    fuzz_fail("the error takes more than a line: \"%s\"", error->message);
}

gboolean fuzz_is_json(const char *text, size_t size) {
  g_autoptr(GError) error = NULL;

  /* The check has a bound of its own for depth; what lies beyond is not looked at. */
  return json_text_check(text, size, &error) || strstr(error->message, "512 deep") != NULL;
}

gboolean fuzz_line(struct fuzz_text *text, struct fuzz_text *line) {
  if (text->at == text->end)
    return FALSE;
  const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));

  *line = (struct fuzz_text){.at = text->at, .end = newline != NULL ? newline : text->end};
  text->at = newline != NULL ? newline + 1 : text->end;
  return TRUE;
}

char *fuzz_word(struct fuzz_text *line) {
  const char *from = line->at;
  const char *space = from != line->end ? memchr(from, ' ', (size_t)(line->end - from)) : NULL;
  const char *to = space != NULL ? space : line->end;

  line->at = space != NULL ? space + 1 : line->end;
  return g_strndup(from, (gsize)(to - from));
}

gint64 fuzz_number(struct fuzz_text *line, gint64 least, gint64 most) {
  g_autofree char *word = fuzz_word(line);

  return CLAMP(g_ascii_strtoll(word, NULL, 10), least, most);
}
