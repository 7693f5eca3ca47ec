#include "output.h"
#include "failure.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define MAX_GATHERED (256 * 1024) /* bytes, from which on a line waits */
#define KEPT_CAPACITY (512 * 1024)

struct output {
  int fd;
  output_failed_fn *failed;
  void *data;
  GThread *thread;

  GMutex lock; /* for all below */
  GCond changed;
  GString *gathered;
  guint64 gathered_lines;
  guint64 dropped;
  gboolean writing;
  gboolean broken;
  gboolean abandoned;
  gboolean closing;
  gboolean ended;
};

/* 0 or errno. *lines loses those that were written whole. A descriptor that does not block is waited for: whoever shares it may have made it
 * so. */
static int write_all(int fd, const char *bytes, gsize size, guint64 *lines) {
  struct pollfd polled = {.fd = fd, .events = POLLOUT};

  while (size > 0) {
    gssize written = TEMP_FAILURE_RETRY(write(fd, bytes, size));

    if (written < 0 && errno == EAGAIN && TEMP_FAILURE_RETRY(poll(&polled, 1, -1)) > 0)
      continue;
    if (written < 0)
      return errno;
    for (gssize i = 0; i < written; i++)
      *lines -= bytes[i] == '\n';
    bytes += written;
    size -= (gsize)written;
  }
  return 0;
}

/* The same string for the next lines, unless a huge one has blown it up. */
static GString *emptied(GString *string) {
  if (string->allocated_len <= KEPT_CAPACITY)
    return g_string_truncate(string, 0);
  g_string_free(string, TRUE);
  return g_string_new(NULL);
}

static gpointer write_lines(gpointer data) {
  output *self = data;
  GString *outgoing = g_string_new(NULL);

  g_mutex_lock(&self->lock);
  for (;;) {
    while (self->gathered->len == 0 && !self->closing)
      g_cond_wait(&self->changed, &self->lock);
    if (self->gathered->len == 0)
      break;

    GString *filled = self->gathered;
    guint64 lines = self->gathered_lines;
    self->gathered = outgoing;
    self->gathered_lines = 0;
    self->writing = TRUE;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    int code = write_all(self->fd, filled->str, filled->len, &lines);
    outgoing = emptied(filled);
    if (code != 0)
      self->failed(g_strerror(code), self->data);
    g_mutex_lock(&self->lock);

    self->writing = FALSE;
    if (code == 0)
      continue;
    self->broken = TRUE;
    self->dropped += lines + self->gathered_lines;
    self->gathered_lines = 0;
    g_string_truncate(self->gathered, 0);
    break;
  }
  self->ended = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  g_string_free(outgoing, TRUE);
  return NULL;
}

static void output_free(output *self) {
  g_string_free(self->gathered, TRUE);
  g_cond_clear(&self->changed);
  g_mutex_clear(&self->lock);
  g_free(self);
}

output *output_new(int fd, output_failed_fn *failed, void *data, GError **error) {
  output *self = g_new0(output, 1);

  self->fd = fd;
  self->failed = failed;
  self->data = data;
  self->gathered = g_string_new(NULL);
  g_mutex_init(&self->lock);
  g_cond_init(&self->changed);
  self->thread = g_thread_try_new("output", write_lines, self, NULL);
  if (self->thread)
    return self;
  g_set_error(error, HOST_ERROR, EDGECORE_NO_MEMORY, "no thread for the output, allow the host more of them");
  output_free(self);
  return NULL;
}

void output_add(output *self, const GString *line) {
  g_mutex_lock(&self->lock);
  while (self->gathered->len >= MAX_GATHERED && !self->broken && !self->abandoned)
    g_cond_wait(&self->changed, &self->lock);
  if (self->broken || self->gathered->len >= MAX_GATHERED) {
    self->dropped++;
  } else {
    gboolean was_idle = self->gathered->len == 0 && !self->writing;

    g_string_append_len(self->gathered, line->str, (gssize)line->len);
    self->gathered_lines++;
    if (was_idle)
      g_cond_broadcast(&self->changed);
  }
  g_mutex_unlock(&self->lock);
}

void output_abandon(output *self) {
  g_mutex_lock(&self->lock);
  self->abandoned = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

gboolean output_close(output *self, gint64 timeout_ms, guint64 *dropped) {
  gint64 deadline = g_get_monotonic_time() + timeout_ms * 1000;

  g_mutex_lock(&self->lock);
  self->closing = TRUE;
  g_cond_broadcast(&self->changed);
  while (!self->ended && g_cond_wait_until(&self->changed, &self->lock, deadline))
    ;
  gboolean ended = self->ended;
  *dropped = self->dropped + self->gathered_lines;
  g_mutex_unlock(&self->lock);
  if (!ended) {
    g_thread_unref(self->thread);
    return FALSE;
  }
  g_thread_join(self->thread);
  output_free(self);
  return *dropped == 0;
}
