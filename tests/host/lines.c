#include "lines.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A descriptor to read these bytes from. */
static int source(const void *bytes, gsize size) {
  g_autofree char *path = test_file("input", bytes, (gssize)size);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  g_assert(fd >= 0);
  return fd;
}

static void check_line(lines *input, guint64 number, const char *want, gsize want_size) {
  const char *text = NULL;
  gsize size = 0;
  require_int_eq(lines_next(input, &text, &size), LINES_LINE);
  check_int_eq(lines_number(input), number);
  check_mem_eq(text, size, want, want_size);
}

static void check_result(lines *input, enum lines_result want) {
  const char *text = NULL;
  gsize size = 0;
  check_int_eq(lines_next(input, &text, &size), want);
}

TEST_CASE(Lines, are_what_lies_between_line_ends) {
  static const char bytes[] = "one\n\nthr\0ee\r\n\xff\nlast";
  int fd = source(bytes, sizeof bytes - 1);
  g_autoptr(lines) input = lines_new(fd, -1);
  check_line(input, 1, "one", 3);
  check_line(input, 2, "", 0);
  check_line(input, 3, "thr\0ee\r", 7);
  check_line(input, 4, "\xff", 1);
  check_line(input, 5, "last", 4);
  check_result(input, LINES_END);
  check_result(input, LINES_END);
  close(fd);
}

TEST_CASE(Lines, of_nothing_are_none) {
  int fd = source("", 0);
  g_autoptr(lines) input = lines_new(fd, -1);
  check_result(input, LINES_END);
  close(fd);
}

TEST_CASE(Lines, of_any_length_up_to_the_bound) {
  const gsize sizes[] = {65535, 65536, 65537, 1 << 20, LINES_MAX_BYTES};
  g_autoptr(GString) bytes = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *line = g_strnfill(sizes[i], (char)('a' + i));
    g_string_append(bytes, line);
    g_string_append_c(bytes, '\n');
  }
  int fd = source(bytes->str, bytes->len);
  g_autoptr(lines) input = lines_new(fd, -1);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *line = g_strnfill(sizes[i], (char)('a' + i));
    check_line(input, i + 1, line, sizes[i]);
  }
  check_result(input, LINES_END);
  close(fd);
}

TEST_CASE(Lines, that_are_too_long_are_skipped_and_counted) {
  g_autofree char *filler = g_strnfill(LINES_MAX_BYTES + 1, 'x');
  g_autoptr(GString) bytes = g_string_new("before\n");
  g_string_append(bytes, filler);
  g_string_append(bytes, "\nbetween\n");
  g_string_append(bytes, filler);
  g_string_append(bytes, filler);
  g_string_append(bytes, filler);
  int fd = source(bytes->str, bytes->len);
  g_autoptr(lines) input = lines_new(fd, -1);
  check_line(input, 1, "before", 6);
  check_result(input, LINES_TOO_LONG);
  check_int_eq(lines_number(input), 2);
  check_line(input, 3, "between", 7);
  check_result(input, LINES_TOO_LONG);
  check_int_eq(lines_number(input), 4);
  check_result(input, LINES_END);
  close(fd);
}

TEST_CASE(Lines, come_as_soon_as_they_are_whole) {
  int ends[2];
  require_int_eq(pipe(ends), 0);
  g_autoptr(lines) input = lines_new(ends[0], -1);
  require_int_eq(write(ends[1], "one\ntw", 6), 6);
  check_line(input, 1, "one", 3);
  require_int_eq(write(ends[1], "o\n", 2), 2);
  check_line(input, 2, "two", 3);
  close(ends[1]);
  check_result(input, LINES_END);
  close(ends[0]);
}

TEST_CASE(Lines, end_when_they_are_stopped) {
  int ends[2];
  require_int_eq(pipe(ends), 0);
  int stop = eventfd(1, EFD_CLOEXEC);
  g_autoptr(lines) input = lines_new(ends[0], stop);
  check_result(input, LINES_STOPPED);
  close(stop);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE(Lines, tell_when_reading_fails) {
  int fd = open("/", O_RDONLY | O_CLOEXEC);
  g_autoptr(lines) input = lines_new(fd, -1);
  check_result(input, LINES_FAILED);
  check_int_eq(errno, EISDIR);
  close(fd);
}

TEST_CASE(Lines, that_are_blank_are_told_by_their_length) {
  check_true(lines_is_blank("", 0));
  check_true(lines_is_blank(" \t\rx", 3));
  check_false(lines_is_blank(" \t\rx", 4));
  check_false(lines_is_blank("\0", 1));
  g_autofree char *exact = g_strnfill(3, ' ');
  exact[3] = 'x';
  check_true(lines_is_blank(exact, 3));
}
