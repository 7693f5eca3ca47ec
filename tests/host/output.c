#include "output.h"

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct fixture {
  int ends[2];
  output *output;
  gint failures;
};

static void count_failure(const char *why, void *data) {
  struct fixture *self = data;
  check_true(why != NULL && *why != '\0');
  g_atomic_int_inc(&self->failures);
}

static void fixture_init(struct fixture *self) {
  *self = (struct fixture){0};
  signal(SIGPIPE, SIG_IGN);
  g_assert(pipe(self->ends) == 0);
  self->output = output_new(self->ends[1], count_failure, self, NULL);
}

static void add(struct fixture *self, const char *text) {
  g_autoptr(GString) line = g_string_new(text);
  output_add(self->output, line);
}

static gpointer read_all(gpointer data) {
  struct fixture *self = data;
  GString *all = g_string_new(NULL);
  char piece[4096];
  for (ssize_t got; (got = read(self->ends[0], piece, sizeof piece)) > 0;)
    g_string_append_len(all, piece, got);
  return all;
}

struct adder {
  struct fixture *fixture;
  guint number;
};

static gpointer add_many(gpointer data) {
  const struct adder *self = data;
  for (guint i = 0; i < 2000; i++) {
    g_autofree char *line = g_strdup_printf("%u %u %0100u\n", self->number, i, 0);
    add(self->fixture, line);
  }
  return NULL;
}

TEST_CASE(Output, writes_whole_lines_of_many_threads_in_the_order_of_each) {
  enum { ADDERS = 4 };
  struct fixture self;
  fixture_init(&self);
  GThread *reader = g_thread_new("reader", read_all, &self);
  struct adder adders[ADDERS];
  GThread *threads[ADDERS];
  for (guint i = 0; i < ADDERS; i++) {
    adders[i] = (struct adder){&self, i};
    threads[i] = g_thread_new("adder", add_many, &adders[i]);
  }
  for (guint i = 0; i < ADDERS; i++)
    g_thread_join(threads[i]);
  guint64 dropped = 1;
  check_true(output_close(self.output, 60000, &dropped));
  check_int_eq(dropped, 0);
  close(self.ends[1]);
  GString *all = g_thread_join(reader);
  g_auto(GStrv) lines = g_strsplit(all->str, "\n", -1);
  guint next[ADDERS] = {0};
  check_int_eq(g_strv_length(lines), ADDERS * 2000 + 1);
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
    char *rest = NULL;
    const guint64 adder = g_ascii_strtoull(lines[i], &rest, 10);
    require_true(adder < ADDERS);
    check_int_eq(g_ascii_strtoull(rest, NULL, 10), next[adder]++);
  }
  check_int_eq(self.failures, 0);
  g_string_free(all, TRUE);
  close(self.ends[0]);
}

TEST_CASE(Output, a_lone_line_goes_out_at_once) {
  struct fixture self;
  fixture_init(&self);
  char bytes[8] = "";
  add(&self, "one\n");
  check_int_eq(read(self.ends[0], bytes, sizeof bytes), 4);
  check_str_eq(bytes, "one\n");
  guint64 dropped = 1;
  check_true(output_close(self.output, 60000, &dropped));
  close(self.ends[0]);
  close(self.ends[1]);
}

TEST_CASE(Output, tells_once_that_nobody_reads_and_counts_what_is_lost) {
  struct fixture self;
  fixture_init(&self);
  close(self.ends[0]);
  for (guint i = 0; i < 100; i++)
    add(&self, "line\n");
  guint64 dropped = 0;
  check_false(output_close(self.output, 60000, &dropped));
  check_int_eq(dropped, 100);
  check_int_eq(self.failures, 1);
  close(self.ends[1]);
}

TEST_CASE(Output, waits_for_a_descriptor_that_does_not_block) {
  enum { COUNT = 20, SIZE = 50000 };
  struct fixture self;
  fixture_init(&self);
  require_int_eq(fcntl(self.ends[1], F_SETFL, O_NONBLOCK), 0);
  g_autofree char *text = g_strnfill(SIZE - 1, 'x');
  g_autofree char *line = g_strconcat(text, "\n", NULL);
  add(&self, line); /* more than the pipe holds, together with the next: nobody reads yet */
  add(&self, line);
  GThread *reader = g_thread_new("reader", read_all, &self);
  for (guint i = 2; i < COUNT; i++)
    add(&self, line);
  guint64 dropped = 1;
  check_true(output_close(self.output, 60000, &dropped));
  check_int_eq(dropped, 0);
  check_int_eq(self.failures, 0);
  close(self.ends[1]);
  GString *all = g_thread_join(reader);
  check_int_eq(all->len, COUNT * SIZE);
  g_string_free(all, TRUE);
  close(self.ends[0]);
}

TEST_CASE(Output, what_was_written_before_a_failure_is_not_counted_as_lost) {
  enum { SIZE = 10000 };
  struct fixture self;
  fixture_init(&self);
  require_int_ge(fcntl(self.ends[1], F_SETPIPE_SZ, 4096), 4096);
  g_autofree char *text = g_strnfill(SIZE - 1, 'x');
  g_autofree char *line = g_strconcat(text, "\n", NULL);
  for (guint i = 0; i < 5; i++)
    add(&self, line);
  char bytes[1000];
  /* Two lines, and the pipe has no room for a third. */
  for (gsize left = 2 * SIZE; left > 0;) {
    const ssize_t got = read(self.ends[0], bytes, MIN(sizeof bytes, left));
    require_true(got > 0);
    left -= (gsize)got;
  }
  close(self.ends[0]);
  guint64 dropped = 0;
  check_false(output_close(self.output, 60000, &dropped));
  check_int_eq(dropped, 3);
  close(self.ends[1]);
}

TEST_CASE(Output, nobody_waits_any_more_once_it_is_abandoned) {
  struct fixture self;
  fixture_init(&self);
  g_autofree char *filler = g_strnfill(100000, 'x');
  output_abandon(self.output);
  for (guint i = 0; i < 20; i++) /* far more than the pipe and the gathering hold */
    add(&self, filler);
  GThread *reader = g_thread_new("reader", read_all, &self);
  guint64 dropped = 0;
  check_false(output_close(self.output, 60000, &dropped));
  check_true(dropped > 0 && dropped < 20);
  close(self.ends[1]);
  GString *all = g_thread_join(reader);
  check_int_eq(all->len, (20 - dropped) * 100000);
  g_string_free(all, TRUE);
  close(self.ends[0]);
}
