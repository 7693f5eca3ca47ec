#include "error.h"

#include <string.h>

/* A character that was cut in the middle goes at the end of the text, and becomes a question mark further on. */
static void error_copy(struct edgecore_error *error, const char *text) {
  const char *end;

  g_strlcpy(error->text, text, sizeof error->text);
  for (char *at = error->text; !g_utf8_validate(at, -1, &end);) {
    at += end - at;
    *at = strlen(at) < 4 && (guchar)*at >= 0xc0 ? '\0' : '?';
  }
}

int32_t error_set(struct edgecore_error *error, int32_t code, const char *format, ...) {
  if (error == NULL)
    return code;

  char text[2 * EDGECORE_ERROR_TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  g_vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  error->code = code;
  error_copy(error, text);
  return code;
}

void error_prefix(struct edgecore_error *error, const char *words) {
  char text[2 * EDGECORE_ERROR_TEXT_SIZE];

  g_snprintf(text, sizeof text, "%s%s", words, error->text);
  error_copy(error, text);
}
