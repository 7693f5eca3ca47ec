#include "process.h"

#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct stream {
  int fd;
  GString *text;
  gsize found; /* where the search goes on */
};

struct process {
  char *name;
  pid_t pid;
  int input;
  struct stream streams[2]; /* standard output, standard error */
};

extern char **environ;

static void read_some(struct stream *stream) {
  char bytes[65536];
  ssize_t count = read(stream->fd, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count > 0) {
    g_string_append_len(stream->text, bytes, count);
    return;
  }
  close(stream->fd);
  stream->fd = -1;
}

/* Waits for any of: output to read, room for input when `writing`. Whether input has room, or was closed. */
static gboolean turn(process *self, gboolean writing) {
  struct pollfd polled[3] = {
      {.fd = self->streams[0].fd, .events = POLLIN},
      {.fd = self->streams[1].fd, .events = POLLIN},
      {.fd = writing ? self->input : -1, .events = POLLOUT},
  };
  if (poll(polled, G_N_ELEMENTS(polled), -1) < 0)
    return FALSE;
  for (guint i = 0; i < 2; i++)
    if (polled[i].revents != 0)
      read_some(&self->streams[i]);
  return polled[2].revents != 0;
}

/* What is there already: a program that was killed may have left others that keep its output open. */
static void read_rest(struct stream *stream) {
  struct pollfd polled = {.fd = stream->fd, .events = POLLIN};

  while (stream->fd >= 0 && poll(&polled, 1, 0) > 0)
    read_some(stream);
}

static gboolean wait_for(process *self, struct stream *stream, const char *part) {
  for (;;) {
    const char *at = g_strstr_len(stream->text->str + stream->found, -1, part);
    if (at != NULL) {
      stream->found = (gsize)(at - stream->text->str) + strlen(part);
      return TRUE;
    }
    if (stream->fd < 0)
      return FALSE;
    turn(self, FALSE);
  }
}

static int reap(process *self) {
  int status = 0;
  while (waitpid(self->pid, &status, 0) < 0)
    g_assert(errno == EINTR);
  self->pid = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

process *process_start(const char *const *argv, const char *directory) {
  process *self = g_new0(process, 1);
  self->name = g_path_get_basename(argv[0]);
  int in[2], out[2], err[2];
  /* A socket, for MSG_NOSIGNAL: a program that closes its input must not end the tests. */
  g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) == 0);
  g_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  if (directory != NULL)
    posix_spawn_file_actions_addchdir_np(&actions, directory);
  int code = posix_spawn(&self->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    g_error("cannot start %s: %s", argv[0], g_strerror(code));
  close(in[0]);
  close(out[1]);
  close(err[1]);
  self->input = in[1];
  self->streams[0] = (struct stream){.fd = out[0], .text = g_string_new(NULL)};
  self->streams[1] = (struct stream){.fd = err[0], .text = g_string_new(NULL)};
  return self;
}

gboolean process_write(process *self, const void *bytes, gssize size) {
  const char *next = bytes;
  gsize left = size < 0 ? strlen(next) : (gsize)size;
  while (left > 0) {
    if (!turn(self, TRUE))
      continue;
    ssize_t count = send(self->input, next, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (count < 0)
      return FALSE;
    next += count;
    left -= (gsize)count;
  }
  return TRUE;
}

void process_close_input(process *self) {
  if (self->input >= 0)
    close(self->input);
  self->input = -1;
}

gboolean process_wait_for(process *self, const char *part) {
  return wait_for(self, &self->streams[0], part);
}

gboolean process_wait_for_error(process *self, const char *part) {
  return wait_for(self, &self->streams[1], part);
}

void process_signal(process *self, int number) {
  g_assert(self->pid > 0);
  kill(self->pid, number);
}

void process_wait_until_asleep(process *self) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)self->pid);
  char state = 0;

  do {
    g_autofree char *text = NULL;
    /* PID (NAME) STATE ..., and the name may hold anything. */
    g_assert(g_file_get_contents(path, &text, NULL, NULL) && strrchr(text, ')') != NULL);
    state = strrchr(text, ')')[2];
  } while (state == 'R' || state == 'D');
}

int process_finish(process *self) {
  process_close_input(self);
  while (self->streams[0].fd >= 0 || self->streams[1].fd >= 0)
    turn(self, FALSE);
  return reap(self);
}

const GString *process_output(const process *self) {
  return self->streams[0].text;
}

const GString *process_error(const process *self) {
  return self->streams[1].text;
}

void process_free(process *self) {
  if (self == NULL)
    return;
  process_close_input(self);
  if (self->pid > 0) {
    kill(self->pid, SIGKILL);
    reap(self);
  }
  for (guint i = 0; i < 2; i++) {
    read_rest(&self->streams[i]);
    if (self->streams[i].fd >= 0)
      close(self->streams[i].fd);
  }
  secret_note_content(self->streams[0].text->str, self->streams[0].text->len);
  secret_check_program(self->name, self->streams[1].text->str);
  for (guint i = 0; i < 2; i++)
    g_string_free(self->streams[i].text, TRUE);
  g_free(self->name);
  g_free(self);
}
