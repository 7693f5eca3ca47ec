#include "config_yaml.h"
#include "failure.h"
#include "log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define MAX_FILE_BYTES (1024 * 1024)
#define MAX_DEPTH 32

struct reader {
  yaml_parser_t parser;
  yaml_event_t event;
  const char *name;
  GString *path; /* the keys down to here, joined by dots */
  config_value_fn *take;
  void *data;
};

static const struct {
  const char *text;
  gboolean value;
} truths[] = {
    {"true", TRUE},   {"True", TRUE},   {"TRUE", TRUE},   {"yes", TRUE},  {"Yes", TRUE},  {"YES", TRUE},
    {"on", TRUE},     {"On", TRUE},     {"ON", TRUE},     {"no", FALSE},  {"No", FALSE},  {"NO", FALSE},
    {"false", FALSE}, {"False", FALSE}, {"FALSE", FALSE}, {"off", FALSE}, {"Off", FALSE}, {"OFF", FALSE},
};

static const char *const nothings[] = {"", "~", "null", "Null", "NULL", NULL};

static gboolean resolve_integer(const char *text, gint64 *integer) {
  const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
  gboolean hex = digits[0] == '0' && digits[1] == 'x';
  char *end = NULL;

  if (!g_ascii_isdigit(*digits) || (!hex && digits[0] == '0' && digits[1] != '\0'))
    return FALSE;
  if (hex && !g_ascii_isxdigit(digits[2]))
    return FALSE;
  errno = 0;
  *integer = g_ascii_strtoll(text, &end, hex ? 16 : 10);
  return errno == 0 && *end == '\0';
}

static guint64 line_of(const struct reader *self) {
  return self->event.start_mark.line + 1;
}

/* libyaml tells the line of a syntax error, but of bytes that are no characters only the offset. */
static gboolean fail_syntax(const struct reader *self, const char *text, gsize size, GError **error) {
  guint64 line = self->parser.problem_mark.line + 1;

  if (self->parser.error == YAML_MEMORY_ERROR) {
    g_set_error(error, HOST_ERROR, EDGECORE_NO_MEMORY, "%s: no memory", self->name);
    return FALSE;
  }
  if (self->parser.error == YAML_READER_ERROR) {
    line = 1;
    for (gsize i = 0; i < size && i < self->parser.problem_offset; i++)
      line += text[i] == '\n';
  }
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s:%" G_GUINT64_FORMAT ": %s%swant YAML, got: %s", self->name, line,
              self->path->str, self->path->len > 0 ? ": " : "",
              self->parser.problem ? self->parser.problem : "something else");
  return FALSE;
}

static gboolean fail(const struct reader *self, const char *wanted, const char *got, GError **error) {
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s:%" G_GUINT64_FORMAT ": %s%swant %s, got %s", self->name,
              line_of(self), self->path->str, self->path->len > 0 ? ": " : "", wanted, got);
  return FALSE;
}

/* The parser's next event in self->event. */
static gboolean next(struct reader *self, const char *text, gsize size, GError **error) {
  yaml_event_delete(&self->event);
  if (!yaml_parser_parse(&self->parser, &self->event))
    return fail_syntax(self, text, size, error);

  const yaml_event_t *event = &self->event;
  const yaml_char_t *anchor = NULL, *tag = NULL;
  if (event->type == YAML_ALIAS_EVENT)
    return fail(self, "a value", "an alias (*)", error);
  if (event->type == YAML_SCALAR_EVENT) {
    anchor = event->data.scalar.anchor;
    tag = event->data.scalar.tag;
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
      return fail(self, "text", "a NUL character", error);
  } else if (event->type == YAML_SEQUENCE_START_EVENT) {
    anchor = event->data.sequence_start.anchor;
    tag = event->data.sequence_start.tag;
  } else if (event->type == YAML_MAPPING_START_EVENT) {
    anchor = event->data.mapping_start.anchor;
    tag = event->data.mapping_start.tag;
  }
  if (anchor)
    return fail(self, "a value", "an anchor (&)", error);
  if (tag)
    return fail(self, "a value", "a tag (!)", error);
  return TRUE;
}

static gboolean deliver(struct reader *self, enum edgecore_config_kind kind, const char *text, gint64 integer,
                        guint64 line, GError **error) {
  g_autofree char *origin = g_strdup_printf("%s:%" G_GUINT64_FORMAT, self->name, line);
  struct config_value value = {
      .key = self->path->str, .kind = kind, .text = text, .integer = integer, .origin = origin};

  return self->take(&value, self->data, error);
}

static gboolean read_scalar(struct reader *self, GError **error) {
  const char *text = (const char *)self->event.data.scalar.value;
  enum edgecore_config_kind kind = EDGECORE_CONFIG_STRING;
  gint64 integer = 0;

  if (self->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !config_yaml_resolve(text, &kind, &integer))
    return TRUE;
  return deliver(self, kind, text, integer, line_of(self), error);
}

static gboolean read_list(struct reader *self, const char *text, gsize size, GError **error) {
  g_autoptr(GString) items = g_string_new(NULL);
  guint64 line = line_of(self);
  gboolean first = TRUE;

  while (next(self, text, size, error)) {
    if (self->event.type == YAML_SEQUENCE_END_EVENT)
      return deliver(self, EDGECORE_CONFIG_LIST, items->str, 0, line, error);
    if (self->event.type != YAML_SCALAR_EVENT)
      return fail(self, "a list of plain values", "a list or mapping in it", error);

    const char *item = (const char *)self->event.data.scalar.value;
    if (strchr(item, ','))
      return fail(self, "an item without a comma", "one with it", error);
    if (!first)
      g_string_append_c(items, ',');
    g_string_append(items, item);
    first = FALSE;
  }
  return FALSE;
}

/* The event at hand is the outermost mapping's start. `levels` has the length of the path outside of each open mapping. */
static gboolean read_mappings(struct reader *self, const char *text, gsize size, GError **error) {
  gsize levels[MAX_DEPTH] = {0};
  guint depth = 1;

  while (next(self, text, size, error)) {
    gsize outer = self->path->len;

    if (self->event.type == YAML_MAPPING_END_EVENT) {
      g_string_truncate(self->path, levels[--depth]);
      if (depth == 0)
        return TRUE;
      continue;
    }
    if (self->event.type != YAML_SCALAR_EVENT || self->event.data.scalar.length == 0)
      return fail(self, "a key", "an empty one, a list or a mapping", error);
    if (outer > 0)
      g_string_append_c(self->path, '.');
    g_string_append(self->path, (const char *)self->event.data.scalar.value);

    if (!next(self, text, size, error))
      return FALSE;
    if (self->event.type == YAML_MAPPING_START_EVENT) {
      if (depth == MAX_DEPTH)
        return fail(self, "at most 32 levels", "more", error);
      levels[depth++] = outer;
      continue;
    }
    if (!(self->event.type == YAML_SCALAR_EVENT ? read_scalar(self, error) : read_list(self, text, size, error)))
      return FALSE;
    g_string_truncate(self->path, outer);
  }
  return FALSE;
}

static gboolean read_stream(struct reader *self, const char *text, gsize size, GError **error) {
  do {
    if (!next(self, text, size, error))
      return FALSE;
    if (self->event.type == YAML_STREAM_END_EVENT)
      return TRUE;
  } while (self->event.type == YAML_STREAM_START_EVENT || self->event.type == YAML_DOCUMENT_START_EVENT);

  /* A document of nothing but comments or "---" is an empty scalar. */
  gboolean empty = self->event.type == YAML_SCALAR_EVENT && self->event.data.scalar.length == 0;
  if (!empty && self->event.type != YAML_MAPPING_START_EVENT)
    return fail(self, "keys and values", "a list or a lone value", error);
  if (!empty && !read_mappings(self, text, size, error))
    return FALSE;
  if (!next(self, text, size, error) || !next(self, text, size, error))
    return FALSE;
  return self->event.type == YAML_STREAM_END_EVENT || fail(self, "one document", "a second one", error);
}

/* Keys and values that an error quotes may hold line ends, and may have been cut in the middle of a character. */
static void make_one_line(GError *error) {
  char *text = g_utf8_make_valid(error->message, -1);

  log_make_one_line(text);
  g_free(error->message);
  error->message = text;
}

static gint compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

gboolean config_yaml_read(const char *text, gsize size, const char *name, config_value_fn *take, void *data,
                          GError **error) {
  struct reader self = {.name = name, .take = take, .data = data};

  if (size > MAX_FILE_BYTES) {
    g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "%s: want at most %d bytes, got more", name, MAX_FILE_BYTES);
    return FALSE;
  }
  if (!yaml_parser_initialize(&self.parser)) {
    g_set_error(error, HOST_ERROR, EDGECORE_NO_MEMORY, "%s: no memory", name);
    return FALSE;
  }
  self.path = g_string_new(NULL);
  yaml_parser_set_encoding(&self.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&self.parser, (const unsigned char *)text, size);
  GError *failure = NULL;
  gboolean read = read_stream(&self, text, size, &failure);
  if (!read) {
    make_one_line(failure);
    g_propagate_error(error, failure);
  }
  yaml_event_delete(&self.event);
  yaml_parser_delete(&self.parser);
  g_string_free(self.path, TRUE);
  return read;
}

gboolean config_yaml_resolve(const char *text, enum edgecore_config_kind *kind, gint64 *integer) {
  *kind = EDGECORE_CONFIG_STRING;
  *integer = 0;
  if (g_strv_contains(nothings, text))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(truths); i++) {
    if (strcmp(text, truths[i].text) != 0)
      continue;
    *kind = EDGECORE_CONFIG_BOOLEAN;
    *integer = truths[i].value;
    return TRUE;
  }
  if (resolve_integer(text, integer))
    *kind = EDGECORE_CONFIG_INTEGER;
  else
    *integer = 0;
  return TRUE;
}

GPtrArray *config_yaml_list(const char *directory, GError **error) {
  DIR *listed = opendir(directory);
  if (!listed) {
    g_set_error(error, HOST_ERROR, EDGECORE_IO, "configuration directory %s: %s", directory, g_strerror(errno));
    return NULL;
  }

  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
  gboolean has_edge = FALSE;
  for (const struct dirent *each = readdir(listed); each; each = readdir(listed)) {
    if (*each->d_name == '.' || !(g_str_has_suffix(each->d_name, ".yaml") || g_str_has_suffix(each->d_name, ".yml")))
      continue;
    has_edge |= strcmp(each->d_name, "edge.yaml") == 0;
    g_ptr_array_add(files, g_build_filename(directory, each->d_name, NULL));
  }
  closedir(listed);
  if (!has_edge) {
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND, "%s/edge.yaml: no such file", directory);
    return NULL;
  }
  g_ptr_array_sort(files, compare_names);
  return g_steal_pointer(&files);
}

GString *config_yaml_load(const char *file, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  char piece[8192];
  gssize got = -1;

  if (fd < 0 || fstat(fd, &status) != 0) {
    g_set_error(error, HOST_ERROR, EDGECORE_IO, "%s: %s", file, g_strerror(errno));
    goto out;
  }
  if (!S_ISREG(status.st_mode)) {
    g_set_error(error, HOST_ERROR, EDGECORE_IO, "%s: not a file", file);
    goto out;
  }
  do {
    got = TEMP_FAILURE_RETRY(read(fd, piece, sizeof piece));
    if (got > 0)
      g_string_append_len(text, piece, got);
  } while (got > 0 && text->len <= MAX_FILE_BYTES);
  if (got < 0)
    g_set_error(error, HOST_ERROR, EDGECORE_IO, "%s: %s", file, g_strerror(errno));
out:
  if (fd >= 0)
    close(fd);
  return got < 0 ? NULL : g_steal_pointer(&text);
}
