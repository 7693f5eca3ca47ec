/* The rows about a whole process, by a program that needs nothing but the system: it maps none of edgehost's libraries, so the memory
 * that edgehost would share with it is counted in full.
 *
 *   bench-process EDGEHOST PLUGIN.so WORKLOAD.jsonl DIRECTORY SECONDS-AT-REST
 *
 * The directory is empty; the name of the control socket in it must not be long. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without output for this long, all has settled; the module's idle work is done too. */
#define SETTLED_MS 4000

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  fputs("bench-process: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

struct process {
  pid_t pid;
  int input;
  int output;
};

static struct process process_start(const char *const *arguments) {
  int input[2];
  int output[2];

  if (pipe(input) < 0 || pipe(output) < 0)
    fail("no pipe");
  pid_t pid = fork();
  if (pid < 0)
    fail("no process");
  if (pid == 0) {
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    close(input[1]);
    close(output[0]);
    execv(arguments[0], (char *const *)arguments);
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  return (struct process){pid, input[1], output[0]};
}

/* Feeds the file while it reads what comes back; returns how many lines came when nothing more comes. */
static unsigned long process_feed(const struct process *self, const char *path) {
  static char from[65536];
  static char to[65536];
  unsigned long lines = 0;
  ssize_t left = 0;
  ssize_t at = 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);

  if (file < 0)
    fail("cannot open %s", path);
  fcntl(self->input, F_SETFL, O_NONBLOCK);
  for (;;) {
    if (left == 0 && file >= 0) {
      at = 0;
      left = read(file, from, sizeof from);
      if (left <= 0) {
        close(file);
        file = -1;
        left = 0;
      }
    }
    struct pollfd ends[] = {{.fd = self->output, .events = POLLIN},
                            {.fd = left > 0 ? self->input : -1, .events = POLLOUT}};
    if (poll(ends, 2, SETTLED_MS) == 0)
      return lines;
    if (ends[1].revents != 0) {
      ssize_t sent = write(self->input, from + at, (size_t)left);
      if (sent < 0)
        fail("edgehost takes no input");
      at += sent;
      left -= sent;
    }
    if (ends[0].revents != 0) {
      ssize_t got = read(self->output, to, sizeof to);
      if (got <= 0)
        fail("edgehost has ended");
      for (ssize_t i = 0; i < got; i++)
        lines += to[i] == '\n';
    }
  }
}

static unsigned long number_after(const char *path, const char *name) {
  FILE *file = fopen(path, "re");
  char line[256];
  unsigned long number = 0;

  if (file == NULL)
    return 0;
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0)
      number = strtoul(line + strlen(name), NULL, 10);
  fclose(file);
  return number;
}

static unsigned long process_memory(const struct process *self, const char *name) {
  char path[64];

  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)self->pid);
  return number_after(path, name);
}

/* How often its threads went to sleep so far: each wake-up ends in one more. */
static unsigned long process_sleeps(const struct process *self) {
  char path[320];
  unsigned long sleeps = 0;

  snprintf(path, sizeof path, "/proc/%d/task", (int)self->pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL)
    fail("edgehost has ended");
  for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)self->pid, entry->d_name);
    sleeps += number_after(path, "voluntary_ctxt_switches:");
  }
  closedir(tasks);
  return sleeps;
}

static void process_end(const struct process *self) {
  int status;

  close(self->input);
  kill(self->pid, SIGTERM);
  if (waitpid(self->pid, &status, 0) != self->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail("edgehost did not end well");
  close(self->output);
}

int main(int argc, char **argv) {
  char database[1024];

  if (argc != 6)
    fail("want EDGEHOST PLUGIN WORKLOAD DIRECTORY SECONDS");
  snprintf(database, sizeof database, "%s/process.db", argv[4]);
  const char *const command[] = {argv[1],  "run",         "--forever", "--plugin",        argv[2], "--database",
                                 database, "--log-level", "warning",   "--run-directory", argv[4], NULL};
  signal(SIGPIPE, SIG_IGN);
  struct process host = process_start(command);
  if (process_feed(&host, argv[3]) == 0)
    fail("edgehost delivered nothing");
  printf("memory (PSS) after an edge node's workload\tMiB\t%.3g\t\t\t<= 5\n",
         (double)process_memory(&host, "Pss:") / 1024);

  unsigned seconds = (unsigned)atoi(argv[5]);
  unsigned long before = process_sleeps(&host);
  sleep(seconds);
  printf("wake-ups in %u s at rest\tin all\t%lu\t\t\t0 but the timers'\n", seconds, process_sleeps(&host) - before);
  process_end(&host);
  return 0;
}
