#include "control.h"

#include "host.h"
#include "no_threads.h"
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_SECONDS 20
#define SHORTAGE_US (G_TIME_SPAN_SECOND * 3 / 2)

static _Atomic gint64 short_until;
static _Atomic int shortage;
static atomic_uint refused;

/* In place of the C library's. Until the shortage ends, it finds no descriptor. */
int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
  int (*real)(int, struct sockaddr *, socklen_t *, int);

  *(void **)&real = dlsym(RTLD_NEXT, "accept4");
  if (g_get_monotonic_time() >= atomic_load(&short_until))
    return real(fd, address, size, flags);
  atomic_fetch_add(&refused, 1);
  errno = atomic_load(&shortage);
  return -1;
}

static gboolean swap_nothing(const char *file, char **answer, void *data G_GNUC_UNUSED) {
  *answer = g_strdup_printf("swapped %s", file);
  return TRUE;
}

static control *serving(void) {
  g_autofree char *directory = test_path("run");
  g_autoptr(GError) error = NULL;
  control *self = control_new(directory, &error);
  check_no_error(error);
  check_true(control_serve(self, swap_nothing, NULL, &error));
  check_no_error(error);
  return self;
}

/* Asks the host of the test's directory. */
static gboolean ask(guint seconds, gboolean *swapped, char **answer, GError **error) {
  g_autofree char *directory = test_path("run");
  return control_ask(directory, "/file.so", seconds, swapped, answer, error);
}

TEST_CASE(Control, without_a_descriptor_it_answers_later_and_does_not_spin) {
  static const int numbers[] = {EMFILE, ENOBUFS};
  G_GNUC_UNUSED g_autoptr(control) self = serving();
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    g_autofree char *answer = NULL;
    g_autoptr(GError) error = NULL;
    gboolean swapped = FALSE;
    atomic_store(&refused, 0);
    atomic_store(&shortage, numbers[i]);
    atomic_store(&short_until, g_get_monotonic_time() + SHORTAGE_US);
    check_true(ask(PATIENCE_SECONDS, &swapped, &answer, &error));
    check_no_error(error);
    check_true(swapped);
    check_str_eq(answer, "swapped /file.so");
    check_int_ge(atomic_load(&refused), 1);
    check_int_le(atomic_load(&refused), 2);
  }
}

/* A socket as a host's, that the test answers on. */
static int listen_as_host(void) {
  g_autofree char *directory = test_path("run");
  g_autofree char *path = test_path("run/control");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check_int_eq(g_mkdir_with_parents(directory, 0700), 0);
  check_true(g_strlcpy(address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path);
  check_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
  check_int_eq(listen(fd, 1), 0);
  return fd;
}

static void check_ask_fails(guint seconds, const char *part) {
  g_autofree char *answer = NULL;
  g_autoptr(GError) error = NULL;
  gboolean swapped = FALSE;
  check_false(ask(seconds, &swapped, &answer, &error));
  check_false(swapped);
  check_error(error, HOST_ERROR, EDGECORE_IO, part);
}

TEST_CASE(Control, an_answer_that_does_not_come_is_told) {
  const int fd = listen_as_host();
  check_ask_fails(1, "the edgehost has not answered within 1 s: see its log, whether it swapped");
  close(fd);
}

/* With and without having read what was asked. */
static gpointer hang_up_twice(gpointer data) {
  const int fd = GPOINTER_TO_INT(data);
  int client = accept(fd, NULL, NULL);
  close(client);
  client = accept(fd, NULL, NULL);
  struct pollfd polled = {.fd = client, .events = POLLIN};
  if (poll(&polled, 1, -1) == 1)
    close(client);
  return NULL;
}

TEST_CASE(Control, a_host_that_goes_away_is_told) {
  const int fd = listen_as_host();
  GThread *thread = g_thread_new("host", hang_up_twice, GINT_TO_POINTER(fd));
  check_ask_fails(PATIENCE_SECONDS, "the edgehost went away without an answer");
  check_ask_fails(PATIENCE_SECONDS, "the edgehost went away without an answer");
  g_thread_join(thread);
  close(fd);
}

TEST_CASE(Control, without_a_thread_it_says_so) {
  g_autofree char *directory = test_path("run");
  g_autoptr(GError) error = NULL;
  g_autoptr(control) self = control_new(directory, &error);
  require_no_error(error);
  no_threads_after(0);
  check_false(control_serve(self, swap_nothing, NULL, &error));
  no_threads_end();
  check_error(error, HOST_ERROR, EDGECORE_IO, "no thread for the control socket, allow the host more of them");
}

static void check_refuses(const char *directory, const char *part) {
  g_autoptr(GError) error = NULL;
  g_autoptr(control) self = control_new(directory, &error);
  check_null(self);
  check_error(error, HOST_ERROR, EDGECORE_IO, directory);
  check_error(error, HOST_ERROR, EDGECORE_IO, part);
}

TEST_CASE(Control, a_link_is_no_run_directory) {
  g_autofree char *directory = test_path("run");
  g_autofree char *link = test_path("link");
  require_int_eq(g_mkdir(directory, 0700), 0);
  require_int_eq(symlink("run", link), 0);
  check_refuses(link, "is a link or no directory");
}

TEST_CASE(Control, a_directory_in_the_place_of_the_socket_is_named) {
  g_autofree char *directory = test_path("run");
  g_autofree char *socket_path = test_path("run/control");
  require_int_eq(g_mkdir_with_parents(socket_path, 0700), 0);
  check_refuses(directory, "control cannot be removed: Is a directory");
}
