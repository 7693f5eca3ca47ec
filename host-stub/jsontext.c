#include "jsontext.h"
#include "failure.h"
#include <errno.h>
#include <string.h>

struct scan {
  const char *start;
  const char *at;
  const char *end;
  GError **error;

  /* Only for a skeleton. */
  struct json_skeleton *skeleton; /* NULL: only check */
  const char *copied;             /* up to here the text is in the skeleton */
  gboolean opaque;                /* inside a content */
  guint opaque_depth;             /* of what holds the content */
  const char *opaque_start;
  GArray *names; /* of struct json_span: of all objects that are open */
  guint values;
};

static gboolean fail_at(const struct scan *self, const char *at, const char *what) {
  g_set_error(self->error, HOST_ERROR, EDGECORE_INVALID, "byte %zu: %s", (gsize)(at - self->start) + 1, what);
  return FALSE;
}

static gboolean fail(const struct scan *self, const char *what) {
  return fail_at(self, self->at, self->at == self->end ? "the text ends too early" : what);
}

/* Whether the strict rules of what becomes a tree apply here. */
static gboolean is_seen(const struct scan *self) {
  return self->skeleton && !self->opaque;
}

static char peek(const struct scan *self) {
  return self->at < self->end ? *self->at : '\0';
}

static void skip_space(struct scan *self) {
  while (self->at < self->end && (*self->at == ' ' || *self->at == '\t' || *self->at == '\r' || *self->at == '\n'))
    self->at++;
}

static int scan_hex4(struct scan *self) {
  int value = 0;

  if (self->end - self->at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value(*self->at++);

    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* After "\u". */
static gboolean scan_unicode(struct scan *self) {
  const char *escape = self->at - 2;
  int code = scan_hex4(self);

  if (code < 0)
    return fail_at(self, escape, "\\u without four hexadecimal digits");
  if (code == 0 && is_seen(self))
    return fail_at(self, escape, "a NUL character (bytes go into content_raw_base64)");
  if (code < 0xd800 || code > 0xdfff)
    return TRUE;
  if (code < 0xdc00 && self->end - self->at >= 6 && self->at[0] == '\\' && self->at[1] == 'u') {
    self->at += 2;
    code = scan_hex4(self);
    if (code >= 0xdc00 && code <= 0xdfff)
      return TRUE;
  }
  return fail_at(self, escape, "half a surrogate pair");
}

/* At the opening quote; leaves the text between the quotes in *span. */
static gboolean scan_string(struct scan *self, struct json_span *span) {
  const char *from = ++self->at;

  while (self->at < self->end && *self->at != '"') {
    if ((unsigned char)*self->at < 0x20)
      return fail(self, "a control character in a string");
    if (*self->at++ != '\\')
      continue;
    char escape = peek(self);
    if (escape == '\0' || !strchr("\"\\/bfnrtu", escape))
      return fail(self, "an unknown escape");
    self->at++;
    if (escape == 'u' && !scan_unicode(self))
      return FALSE;
  }
  if (self->at == self->end)
    return fail(self, "");
  span->text = from;
  span->size = (gsize)(self->at++ - from);
  return TRUE;
}

static gboolean scan_digits(struct scan *self) {
  if (!g_ascii_isdigit(peek(self)))
    return fail(self, "want a digit");
  while (g_ascii_isdigit(peek(self)))
    self->at++;
  return TRUE;
}

static gboolean scan_number(struct scan *self) {
  const char *from = self->at;
  gboolean is_integer = TRUE;

  self->at += *self->at == '-';
  if (peek(self) == '0')
    self->at++;
  else if (!scan_digits(self))
    return FALSE;
  if (peek(self) == '.') {
    is_integer = FALSE;
    self->at++;
    if (!scan_digits(self))
      return FALSE;
  }
  if (peek(self) == 'e' || peek(self) == 'E') {
    is_integer = FALSE;
    self->at++;
    self->at += peek(self) == '-' || peek(self) == '+';
    if (!scan_digits(self))
      return FALSE;
  }
  if (!is_integer || !is_seen(self))
    return TRUE;

  char digits[24] = "";
  gsize size = (gsize)(self->at - from);
  memcpy(digits, from, MIN(size, sizeof digits - 1));
  errno = 0;
  g_ascii_strtoll(digits, NULL, 10);
  return (size < sizeof digits && errno == 0) || fail_at(self, from, "an integer beyond 64 bits");
}

static gboolean scan_word(struct scan *self) {
  static const char *const words[] = {"true", "false", "null"};

  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize size = strlen(words[i]);

    if ((gsize)(self->end - self->at) < size || memcmp(self->at, words[i], size) != 0)
      continue;
    self->at += size;
    return TRUE;
  }
  return fail(self, "want a JSON value");
}

static gboolean scan_scalar(struct scan *self) {
  struct json_span ignored;

  if (peek(self) == '"')
    return scan_string(self, &ignored);
  if (peek(self) == '-' || g_ascii_isdigit(peek(self)))
    return scan_number(self);
  return scan_word(self);
}

static gboolean add_name(struct scan *self, guint first, const struct json_span *name) {
  if (memchr(name->text, '\\', name->size))
    return fail_at(self, name->text, "an escape in a field's name");
  if (self->names->len - first >= JSON_TEXT_MAX_NAMES)
    return fail_at(self, name->text, "more than 256 fields in one object");
  for (guint i = first; i < self->names->len; i++) {
    const struct json_span *other = &g_array_index(self->names, struct json_span, i);

    if (other->size == name->size && memcmp(other->text, name->text, name->size) == 0)
      return fail_at(self, name->text, "the same field a second time");
  }
  g_array_append_val(self->names, *name);
  return TRUE;
}

/* A member's name and the colon. `first` is where the names of its object begin. */
static gboolean scan_name(struct scan *self, guint first, guint depth) {
  struct json_span name = {0};

  skip_space(self);
  if (peek(self) != '"')
    return fail(self, "want a field's name in quotes");
  if (!scan_string(self, &name))
    return FALSE;
  skip_space(self);
  if (peek(self) != ':')
    return fail(self, "want a colon");
  self->at++;
  if (!is_seen(self))
    return TRUE;
  if (!add_name(self, first, &name))
    return FALSE;
  if (name.size != strlen("content") || memcmp(name.text, "content", name.size) != 0)
    return TRUE;
  skip_space(self);
  self->opaque = TRUE;
  self->opaque_depth = depth;
  self->opaque_start = self->at;
  g_string_append_len(self->skeleton->text, self->copied, self->at - self->copied);
  return TRUE;
}

static gboolean value_begins(struct scan *self) {
  return !is_seen(self) || ++self->values <= JSON_TEXT_MAX_VALUES || fail(self, "more than 200000 values");
}

static void value_ended(struct scan *self, guint depth) {
  if (!self->opaque || depth != self->opaque_depth)
    return;

  struct json_span content = {self->opaque_start, (gsize)(self->at - self->opaque_start)};
  g_string_append_printf(self->skeleton->text, "%u", self->skeleton->contents->len);
  g_array_append_val(self->skeleton->contents, content);
  self->copied = self->at;
  self->opaque = FALSE;
}

/* One value with all that is in it. */
static gboolean scan_value(struct scan *self) {
  struct {
    char close;
    guint first_name;
  } open[JSON_TEXT_MAX_DEPTH];
  guint depth = 0;

  for (;;) {
    skip_space(self);
    if (!value_begins(self))
      return FALSE;
    if (peek(self) == '{' || peek(self) == '[') {
      if (depth == JSON_TEXT_MAX_DEPTH)
        return fail(self, "nested more than 512 deep");
      open[depth].close = *self->at++ == '{' ? '}' : ']';
      open[depth].first_name = self->names ? self->names->len : 0;
      depth++;
      skip_space(self);
      if (peek(self) != open[depth - 1].close) {
        if (open[depth - 1].close == '}' && !scan_name(self, open[depth - 1].first_name, depth))
          return FALSE;
        continue;
      }
    } else if (!scan_scalar(self)) {
      return FALSE;
    } else {
      value_ended(self, depth);
    }

    /* After a value, or at the end of an empty container. */
    for (; depth > 0; value_ended(self, depth)) {
      skip_space(self);
      if (peek(self) != open[depth - 1].close)
        break;
      self->at++;
      depth--;
      if (is_seen(self))
        g_array_set_size(self->names, open[depth].first_name);
    }
    if (depth == 0)
      return TRUE;
    if (peek(self) != ',')
      return fail(self, open[depth - 1].close == '}' ? "want , or }" : "want , or ]");
    self->at++;
    if (open[depth - 1].close == '}' && !scan_name(self, open[depth - 1].first_name, depth))
      return FALSE;
  }
}

static gboolean scan_all(struct scan *self) {
  const char *bad = NULL;

  if (!g_utf8_validate_len(self->start, (gsize)(self->end - self->start), &bad))
    return fail_at(self, bad, *bad == '\0' ? "a NUL byte" : "not UTF-8");
  if (!scan_value(self))
    return FALSE;
  skip_space(self);
  return self->at == self->end || fail(self, "more after the value");
}

gboolean json_text_check(const char *text, gsize size, GError **error) {
  /* No bytes may come without an address, which nothing may be added to. */
  text = size > 0 ? text : "";
  struct scan self = {.start = text, .at = text, .end = text + size, .error = error};

  return scan_all(&self);
}

gboolean json_skeleton_read(struct json_skeleton *skeleton, const char *text, gsize size, GError **error) {
  g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(struct json_span));
  struct scan self = {.start = text,
                      .at = text,
                      .end = text + size,
                      .error = error,
                      .skeleton = skeleton,
                      .copied = text,
                      .names = names};

  skeleton->text = g_string_new(NULL);
  skeleton->contents = g_array_new(FALSE, FALSE, sizeof(struct json_span));
  if (!scan_all(&self))
    return FALSE;
  g_string_append_len(skeleton->text, self.copied, self.end - self.copied);
  return TRUE;
}

void json_skeleton_clear(struct json_skeleton *skeleton) {
  if (skeleton->text)
    g_string_free(g_steal_pointer(&skeleton->text), TRUE);
  g_clear_pointer(&skeleton->contents, g_array_unref);
}

void json_text_append_string(GString *out, const char *text, gsize size) {
  text = size > 0 ? text : "";
  const char *from = text, *end = text + size;

  g_string_append_c(out, '"');
  for (const char *at = text; at < end; at++) {
    unsigned char byte = (unsigned char)*at;

    if (byte >= 0x20 && byte != '"' && byte != '\\')
      continue;
    g_string_append_len(out, from, at - from);
    from = at + 1;
    g_string_append_c(out, '\\');
    if (byte >= 0x20)
      g_string_append_c(out, (char)byte);
    else if (byte == '\n')
      g_string_append_c(out, 'n');
    else
      g_string_append_printf(out, "u%04x", byte);
  }
  g_string_append_len(out, from, end - from);
  g_string_append_c(out, '"');
}

void json_text_append_value(GString *out, const char *text, gsize size) {
  gsize from = out->len;

  g_string_append_len(out, text, (gssize)size);
  if (!memchr(text, '\n', size) && !memchr(text, '\r', size))
    return;
  /* In JSON a line end can only be space between tokens. */
  for (gsize i = from; i < out->len; i++) {
    if (out->str[i] == '\n' || out->str[i] == '\r')
      out->str[i] = ' ';
  }
}
