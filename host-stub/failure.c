#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK(edgehost - error - quark, host_error)

#define TEXT_OFFSET offsetof(struct edgecore_error, text)

static const char *const names[] = {
    [EDGECORE_OK] = "no error",
    [EDGECORE_AGAIN] = "the queue is full",
    [EDGECORE_NOT_FOUND] = "not found",
    [EDGECORE_INVALID] = "invalid argument",
    [EDGECORE_DISABLED] = "not enabled",
    [EDGECORE_UNSUPPORTED_STATE] = "unsupported state",
    [EDGECORE_NO_MEMORY] = "out of memory",
    [EDGECORE_IO] = "input or output failed",
    [EDGECORE_TIMEOUT] = "time-out",
    [EDGECORE_EXISTS] = "the name is taken",
    [EDGECORE_FAILED] = "failed",
};

/* A character that was cut in the middle goes; any other bad byte becomes '?'. */
static void make_valid(char *text) {
  const char *end;
  while (!g_utf8_validate(text, -1, &end)) {
    char *bad = text + (end - text);
    gboolean is_tail = strlen(bad) < 4 && (guchar)bad[0] >= 0xc0;
    *bad = is_tail ? '\0' : '?';
    text = bad;
  }
}

int32_t failure_set(struct edgecore_error *error, int32_t code, const char *format, ...) {
  if (error == NULL || error->size <= TEXT_OFFSET)
    return code;

  error->code = code;
  size_t room = MIN(error->size - TEXT_OFFSET, sizeof error->text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, room, format, arguments);
  va_end(arguments);
  make_valid(error->text);
  return code;
}

char *failure_text(const struct edgecore_error *error, int32_t code) {
  size_t length = strnlen(error->text, sizeof error->text);
  if (length == 0)
    return g_strdup(failure_name(code));

  g_autofree char *raw = g_strndup(error->text, length);
  char *text = g_utf8_make_valid(raw, -1);
  return g_strdelimit(text, "\r\n\t", ' ');
}

const char *failure_name(int32_t code) {
  if (code < 0 || code >= (int32_t)G_N_ELEMENTS(names))
    return "unknown error code";
  return names[code];
}
