#include "control.h"
#include "failure.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "control"
#define MAX_REQUEST 8192
#define REQUEST_SECONDS 5 /* for a client to say what it wants */
#define MAX_ANSWER (64 * 1024)
#define SHORTAGE_MS 1000 /* before another look when there is no descriptor or memory for a client */

struct control {
  char *directory;
  int directory_fd; /* holds the lock */
  int listen_fd;
  int stop_fd;
  gboolean has_socket;
  control_swap_fn *swap;
  void *data;
  GThread *thread;
};

static gboolean fail(GError **error, const char *directory, const char *what) {
  g_set_error(error, HOST_ERROR, EDGECORE_IO, "run directory %s: %s", directory, what);
  return FALSE;
}

/* The open directory, which is ours alone; -1 and `error`. */
static int open_directory(const char *directory, GError **error) {
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;

  if (fd < 0 && errno == ENOENT) {
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND,
                "no edgehost runs with the run directory %s; start one, or name its --run-directory", directory);
  } else if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
    fail(error, directory, "is a link or no directory; name the directory itself");
  } else if (fd < 0 || fstat(fd, &status) != 0) {
    fail(error, directory, g_strerror(errno));
  } else if (status.st_uid != geteuid()) {
    fail(error, directory, "belongs to another user");
  } else if ((status.st_mode & 077) != 0) {
    fail(error, directory, "others may open it (want mode 0700)");
  } else {
    return fd;
  }
  if (fd >= 0)
    close(fd);
  return -1;
}

/* Through the descriptor: a socket's address holds 107 bytes, a directory's name may be longer. */
static struct sockaddr_un address_in(int directory_fd) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, directory_fd);
  return address;
}

static gboolean send_all(int fd, const char *text, gsize size) {
  while (size > 0) {
    gssize sent = TEMP_FAILURE_RETRY(send(fd, text, size, MSG_NOSIGNAL));

    if (sent < 0)
      return FALSE;
    text += sent;
    size -= (gsize)sent;
  }
  return TRUE;
}

/* How long poll may wait. */
static int left_ms(gint64 deadline) {
  return (int)(MAX(deadline - g_get_monotonic_time(), 0) / 1000);
}

/* All up to the line end or the end, at most `most` bytes, until the deadline or until `stop_fd` (-1: none) is readable. NULL and
 * errno. */
static char *receive_line(int fd, int stop_fd, gint64 deadline, gsize most) {
  struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
  g_autoptr(GString) line = g_string_new(NULL);
  char piece[1024];

  while (line->len < most) {
    int ready = TEMP_FAILURE_RETRY(poll(polled, 2, left_ms(deadline)));
    if (ready <= 0 || polled[1].revents != 0) {
      errno = ready < 0 ? errno : ETIMEDOUT;
      return NULL;
    }
    gssize got = TEMP_FAILURE_RETRY(recv(fd, piece, sizeof piece, 0));
    if (got < 0)
      return NULL;

    const char *end = memchr(piece, '\n', (gsize)got);
    g_string_append_len(line, piece, end ? end - piece : got);
    if (end || got == 0)
      return g_string_free(g_steal_pointer(&line), FALSE);
  }
  errno = EMSGSIZE;
  return NULL;
}

static void serve(control *self, int fd) {
  struct timeval patience = {.tv_sec = REQUEST_SECONDS};
  gint64 deadline = g_get_monotonic_time() + REQUEST_SECONDS * G_TIME_SPAN_SECOND;
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  g_autofree char *answer = NULL;
  gboolean swapped = FALSE;

  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != geteuid() && peer.uid != 0))
    return;

  g_autofree char *request = receive_line(fd, self->stop_fd, deadline, MAX_REQUEST);
  if (request && g_str_has_prefix(request, "swap /"))
    swapped = self->swap(request + strlen("swap "), &answer, self->data);
  else
    answer = g_strdup("want the request: swap /FILE");
  g_autofree char *line = g_strdup_printf("%s %s", swapped ? "ok" : "failed", answer);
  /* One line, whatever a plugin put into its error. A client that has gone away meanwhile is its own affair. */
  log_make_one_line(line);
  if (send_all(fd, line, strlen(line)))
    send_all(fd, "\n", 1);
}

/* The client stays in the queue, so poll would find it again at once. */
static gboolean is_shortage(int number) {
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static gpointer serve_all(gpointer data) {
  control *self = data;
  struct pollfd polled[2] = {{.fd = self->listen_fd, .events = POLLIN}, {.fd = self->stop_fd, .events = POLLIN}};

  while (TEMP_FAILURE_RETRY(poll(polled, 2, -1)) > 0 && polled[1].revents == 0) {
    int fd = TEMP_FAILURE_RETRY(accept4(self->listen_fd, NULL, NULL, SOCK_CLOEXEC));

    if (fd < 0) {
      if (is_shortage(errno))
        (void)poll(&polled[1], 1, SHORTAGE_MS);
      continue;
    }
    serve(self, fd);
    close(fd);
  }
  return NULL;
}

/* On the way in nothing is open, on the way out everything. */
static gboolean open_all(control *self, GError **error) {
  if (g_mkdir_with_parents(self->directory, 0700) != 0)
    return fail(error, self->directory, g_strerror(errno));
  self->directory_fd = open_directory(self->directory, error);
  if (self->directory_fd < 0)
    return FALSE;
  /* A umask may have taken the owner's own rights away. */
  if (fchmod(self->directory_fd, 0700) != 0)
    return fail(error, self->directory, g_strerror(errno));
  if (flock(self->directory_fd, LOCK_EX | LOCK_NB) != 0)
    return fail(error, self->directory, errno == EWOULDBLOCK ? "another edgehost uses it" : g_strerror(errno));
  if (unlinkat(self->directory_fd, SOCKET_NAME, 0) != 0 && errno != ENOENT) {
    g_autofree char *why = g_strdup_printf(SOCKET_NAME " cannot be removed: %s", g_strerror(errno));
    return fail(error, self->directory, why);
  }

  struct sockaddr_un address = address_in(self->directory_fd);
  self->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  self->stop_fd = eventfd(0, EFD_CLOEXEC);
  /* Before bind, so that the socket never has another mode. */
  if (self->listen_fd < 0 || self->stop_fd < 0 || fchmod(self->listen_fd, 0600) != 0 ||
      bind(self->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(self->listen_fd, 8) != 0)
    return fail(error, self->directory, g_strerror(errno));
  self->has_socket = TRUE;
  return TRUE;
}

char *control_default_directory(void) {
  const char *runtime = g_getenv("XDG_RUNTIME_DIR");

  return g_build_filename(runtime && *runtime == '/' ? runtime : "/run", "edgehost", NULL);
}

control *control_new(const char *directory, GError **error) {
  control *self = g_new0(control, 1);

  self->directory = g_strdup(directory);
  self->directory_fd = self->listen_fd = self->stop_fd = -1;
  if (!open_all(self, error)) {
    control_free(self);
    return NULL;
  }
  return self;
}

gboolean control_serve(control *self, control_swap_fn *swap, void *data, GError **error) {
  self->swap = swap;
  self->data = data;
  self->thread = g_thread_try_new("control", serve_all, self, NULL);
  return self->thread || fail(error, self->directory, "no thread for the control socket, allow the host more of them");
}

void control_free(control *self) {
  if (!self)
    return;
  if (self->thread) {
    eventfd_write(self->stop_fd, 1);
    g_thread_join(self->thread);
  }
  if (self->has_socket)
    unlinkat(self->directory_fd, SOCKET_NAME, 0);
  if (self->listen_fd >= 0)
    close(self->listen_fd);
  if (self->stop_fd >= 0)
    close(self->stop_fd);
  if (self->directory_fd >= 0)
    close(self->directory_fd);
  g_free(self->directory);
  g_free(self);
}

/* Says why there is no answer, by errno; 0: the connection ended. */
static void fail_unanswered(GError **error, const char *directory, guint seconds, int number) {
  g_autofree char *late =
      g_strdup_printf("the edgehost has not answered within %u s: see its log, whether it swapped", seconds);

  if (number == ETIMEDOUT || number == EAGAIN)
    fail(error, directory, late);
  else if (number == 0 || number == EPIPE || number == ECONNRESET)
    fail(error, directory, "the edgehost went away without an answer");
  else
    fail(error, directory, g_strerror(number));
}

/* -1 and `error`. */
static int connect_to_host(int directory_fd, const char *directory, guint seconds, GError **error) {
  struct sockaddr_un address = address_in(directory_fd);
  struct timeval patience = {.tv_sec = seconds};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  /* For connect as well, which waits while the host's queue of clients is full. */
  if (fd >= 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  if (fd >= 0 && errno == EAGAIN)
    fail_unanswered(error, directory, seconds, errno);
  else
    g_set_error(error, HOST_ERROR, EDGECORE_NOT_FOUND, "no edgehost listens on %s/" SOCKET_NAME ": %s", directory,
                g_strerror(errno));
  if (fd >= 0)
    close(fd);
  return -1;
}

gboolean control_ask(const char *directory, const char *file, guint seconds, gboolean *swapped, char **answer,
                     GError **error) {
  gint64 deadline = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;
  int directory_fd = open_directory(directory, error), fd = -1;
  gboolean answered = FALSE;
  if (directory_fd < 0)
    return FALSE;

  g_autofree char *absolute = g_canonicalize_filename(file, NULL);
  g_autofree char *request = g_strdup_printf("swap %s\n", absolute);
  g_autofree char *line = NULL;
  if (strchr(absolute, '\n') || strlen(request) >= MAX_REQUEST) {
    fail(error, directory, "the file's name is too long or has a line end in it");
    goto out;
  }
  fd = connect_to_host(directory_fd, directory, seconds, error);
  if (fd < 0)
    goto out;
  line = send_all(fd, request, strlen(request)) ? receive_line(fd, -1, deadline, MAX_ANSWER) : NULL;
  *swapped = line && g_str_has_prefix(line, "ok ");
  answered = *swapped || (line && g_str_has_prefix(line, "failed "));
  if (answered)
    *answer = g_strdup(strchr(line, ' ') + 1);
  else
    fail_unanswered(error, directory, seconds, line ? 0 : errno);
out:
  if (fd >= 0)
    close(fd);
  close(directory_fd);
  return answered;
}
