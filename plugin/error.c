#include "error.h"

#include <string.h>

static void error_copy(struct edgecore_error *error, const char *text) {
  const char *end;

  g_strlcpy(error->text, text, sizeof error->text);
  if (!g_utf8_validate(error->text, -1, &end))
    error->text[end - error->text] = '\0';
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
