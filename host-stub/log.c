#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const prefixes[] = {
    [EDGECORE_LOG_DEBUG] = "debug: ",
    [EDGECORE_LOG_INFO] = "",
    [EDGECORE_LOG_WARNING] = "warning: ",
    [EDGECORE_LOG_ERROR] = "error: ",
};

static gboolean is_clean(const char *text) {
  for (const char *at = text; *at != '\0'; at++)
    if (g_ascii_iscntrl(*at))
      return FALSE;
  return g_utf8_validate(text, -1, NULL);
}

void log_make_one_line(char *text) {
  for (char *at = text; *at != '\0'; at++)
    if (g_ascii_iscntrl(*at))
      *at = ' ';
}

static char *make_line(const char *text) {
  char *line = g_utf8_make_valid(text, -1);
  log_make_one_line(line);
  return line;
}

static void write_line(const struct logger *self, int32_t level, const char *module, const char *line) {
  if (self->write != NULL)
    self->write(level, module, line, self->data);
  else if (level >= EDGECORE_LOG_INFO)
    fprintf(stderr, "edgehost: %s: %s%s\n", module, prefixes[level], line);
}

void logger_write(const struct logger *self, int32_t level, const char *module, const char *text) {
  level = CLAMP(level, EDGECORE_LOG_DEBUG, EDGECORE_LOG_ERROR);
  if (is_clean(text)) {
    write_line(self, level, module, text);
    return;
  }
  g_autofree char *line = make_line(text);
  write_line(self, level, module, line);
}

void logger_printf(const struct logger *self, int32_t level, const char *module, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  logger_write(self, level, module, text);
}
