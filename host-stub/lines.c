#include "lines.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY (64 * 1024)
#define KEPT_CAPACITY (1024 * 1024)

struct lines {
  int fd;
  int stop_fd;
  char *buffer;
  gsize capacity;
  gsize from;     /* where the next line begins */
  gsize searched; /* no line end between from and here */
  gsize end;
  guint64 number;
  gboolean at_end;
  gboolean skipping; /* inside a line that is too long */
};

/* Makes room after `end`: by moving what is left to the front, or by growing. */
static void make_room(lines *self) {
  if (self->from > 0) {
    memmove(self->buffer, self->buffer + self->from, self->end - self->from);
    self->end -= self->from;
    self->searched -= self->from;
    self->from = 0;
  }
  if (self->end == 0 && self->capacity > KEPT_CAPACITY) {
    g_free(self->buffer);
    self->capacity = FIRST_CAPACITY;
    self->buffer = g_malloc(self->capacity);
  }
  if (self->end < self->capacity)
    return;
  /* One byte more than the longest line: room for its end. */
  self->capacity = MIN(self->capacity * 2, (gsize)LINES_MAX_BYTES + 1);
  self->buffer = g_realloc(self->buffer, self->capacity);
}

/* Reads some more. LINES_LINE: there is more, or at_end is set. */
static enum lines_result fill(lines *self) {
  struct pollfd polled[2] = {{.fd = self->fd, .events = POLLIN}, {.fd = self->stop_fd, .events = POLLIN}};

  make_room(self);
  if (TEMP_FAILURE_RETRY(poll(polled, 2, -1)) < 0)
    return LINES_FAILED;
  if (polled[1].revents != 0)
    return LINES_STOPPED;

  gssize got = TEMP_FAILURE_RETRY(read(self->fd, self->buffer + self->end, self->capacity - self->end));
  if (got < 0)
    return errno == EAGAIN ? LINES_LINE : LINES_FAILED;
  self->end += (gsize)got;
  self->at_end = got == 0;
  return LINES_LINE;
}

/* Takes the line that ends before `end`; `next` is where the following one begins. */
static enum lines_result take(lines *self, gsize end, gsize next, const char **text, gsize *size) {
  gboolean skipped = self->skipping;

  *text = self->buffer + self->from;
  *size = end - self->from;
  self->from = self->searched = next;
  self->skipping = FALSE;
  self->number++;
  return skipped ? LINES_TOO_LONG : LINES_LINE;
}

lines *lines_new(int fd, int stop_fd) {
  lines *self = g_new0(lines, 1);

  self->fd = fd;
  self->stop_fd = stop_fd;
  self->capacity = FIRST_CAPACITY;
  self->buffer = g_malloc(self->capacity);
  return self;
}

void lines_free(lines *self) {
  if (!self)
    return;
  g_free(self->buffer);
  g_free(self);
}

enum lines_result lines_next(lines *self, const char **text, gsize *size) {
  for (;;) {
    const char *newline = memchr(self->buffer + self->searched, '\n', self->end - self->searched);
    if (newline) {
      gsize end = (gsize)(newline - self->buffer);
      return take(self, end, end + 1, text, size);
    }
    self->searched = self->end;
    if (self->at_end && (self->end > self->from || self->skipping))
      return take(self, self->end, self->end, text, size);
    if (self->at_end)
      return LINES_END;
    if (self->end - self->from > LINES_MAX_BYTES)
      self->skipping = TRUE;
    if (self->skipping)
      self->from = self->searched = self->end = 0;

    enum lines_result result = fill(self);
    if (result != LINES_LINE)
      return result;
  }
}

guint64 lines_number(const lines *self) {
  return self->number;
}

gboolean lines_is_blank(const char *text, gsize size) {
  gsize i = 0;
  while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
    i++;
  return i == size;
}
