/* The lines that `edgehost run` and `edgehost replay` read. Each line of the input is tried as a step and as a scenario; a message of
 * a step that is taken must come out again as it went in. */
#include "fuzz.h"
#include "lines.h"
#include "message.h"
#include "step.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static json_reader *reader;

static gboolean same_content(const struct edgecore_message_fields *a, const struct edgecore_message_fields *b) {
  return a->content_kind == b->content_kind && a->content_size == b->content_size &&
         (a->content_size == 0 || memcmp(a->content, b->content, a->content_size) == 0);
}

static void check_again(struct edgecore_message *message) {
  g_autoptr(GString) text = g_string_new("{\"send\":");
  g_autoptr(GError) error = NULL;

  step_append_message(text, message);
  g_string_append_c(text, '}');
  if (memchr(text->str, '\n', text->len) != NULL)
    fuzz_fail("a message takes more than a line: %s", text->str);
  g_autoptr(step) again = step_parse(reader, text->str, text->len, &error);
  if (again == NULL)
    fuzz_fail("what was written cannot be read: %s: %s", error->message, text->str);

  const struct edgecore_message_fields *before = message_read(message);
  const struct edgecore_message_fields *after = message_read(g_ptr_array_index(again->send, 0));
  if (strcmp(before->id, after->id) != 0 || strcmp(before->parent_id, after->parent_id) != 0 ||
      strcmp(before->source, after->source) != 0 || strcmp(before->operation, after->operation) != 0 ||
      strcmp(before->resource, after->resource) != 0 || before->flags != after->flags)
    fuzz_fail("a message reads otherwise than it was written: %s", text->str);
  /* The line ends in a JSON value became spaces. */
  if (!same_content(before, after) && before->content_kind != EDGECORE_CONTENT_JSON)
    fuzz_fail("a content reads otherwise than it was written: %s", text->str);
}

static void try_line(const char *text, gsize size) {
  g_autoptr(GError) step_error = NULL;
  g_autoptr(GError) scenario_error = NULL;
  g_autoptr(step) one = step_parse(reader, text, size, &step_error);
  g_autoptr(scenario) whole = scenario_parse(reader, text, size, &scenario_error);

  if (one == NULL)
    fuzz_check_error(step_error);
  if (whole == NULL)
    fuzz_check_error(scenario_error);
  for (guint i = 0; one != NULL && one->send != NULL && i < one->send->len; i++)
    check_again(g_ptr_array_index(one->send, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int file = -1;
  gsize bytes = 0;
  const char *text;
  gsize length;

  fuzz_begin();
  if (reader == NULL)
    reader = json_reader_new();
  if (file < 0)
    file = memfd_create("fuzz", MFD_CLOEXEC);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0)
    g_error("cannot write the input");
  g_autoptr(lines) read = lines_new(file, -1);
  while (lines_next(read, &text, &length) == LINES_LINE) {
    bytes += length + 1;
    try_line(text, length);
  }
  if (bytes != size && bytes != size + 1)
    fuzz_fail("%zu bytes of lines were made of %zu", bytes, size);
  if (message_count_live() != 0)
    fuzz_fail("%u messages are left", message_count_live());
  return 0;
}
