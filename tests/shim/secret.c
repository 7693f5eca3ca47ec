#include "secret.h"

#include "test.h"

#include <string.h>

#define FIELD "\"secret\":\"" SECRET "\","
/* The same in a JSON text. */
#define FIELD_IN_TEXT "\\\"secret\\\":\\\"" SECRET "\\\","

static gint line_count;
static gint content_count;

static void check_line(const char *where, const char *line) {
  g_atomic_int_inc(&line_count);
  if (strstr(line, SECRET) != NULL)
    check_fail("content of a message in %s: %s", where, line);
}

void secret_check_line(int32_t level, const char *text) {
  if (level > EDGECORE_LOG_DEBUG)
    check_line("the log", text);
}

/* edgehost writes "edgehost: MODULE: debug: TEXT". */
static gboolean is_for_debugging(const char *line) {
  const char *level = g_str_has_prefix(line, "edgehost: ") ? strchr(line + strlen("edgehost: "), ':') : NULL;

  return level != NULL && g_str_has_prefix(level, ": debug: ");
}

void secret_check_program(const char *program, const char *text) {
  g_auto(GStrv) all = g_strsplit(text, "\n", -1);
  g_autofree char *where = g_strconcat("the standard error of ", program, NULL);

  for (char **line = all; *line != NULL; line++)
    if (**line != '\0' && !is_for_debugging(*line))
      check_line(where, *line);
}

void secret_note_content(const void *bytes, gsize size) {
  if (bytes != NULL && memmem(bytes, size, SECRET, strlen(SECRET)) != NULL)
    g_atomic_int_inc(&content_count);
}

char *secret_add(const char *content) {
  return g_str_has_prefix(content, "{\"") ? g_strconcat("{" FIELD, content + 1, NULL)
                                          : g_strconcat(content, SECRET, NULL);
}

void secret_remove(GString *text) {
  static const char *const forms[] = {FIELD, FIELD_IN_TEXT, SECRET};

  for (guint i = 0; i < G_N_ELEMENTS(forms); i++)
    g_string_replace(text, forms[i], "", 0);
}

void secret_count(guint *lines, guint *contents) {
  *lines = (guint)g_atomic_int_get(&line_count);
  *contents = (guint)g_atomic_int_get(&content_count);
}
