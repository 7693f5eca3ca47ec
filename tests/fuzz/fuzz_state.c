/* The state that a swap hands over. A line `m ...`, as in play.h, is a message that crosses; a line `b ...` is bytes of the state; any
 * other line is numbers of it, which it has as 8 bytes each, little-endian. The checksum is made here, so that the rest is read.
 *
 * What is taken must be good for a module that runs on, and for another swap; what is refused must leave a module that starts. */
#include "play.h"
#include "state.h"
#include "text.h"

#include <string.h>

#define LINES_MAX 4096

static const char swap[] = "w";

static void add_numbers(GByteArray *blob, struct fuzz_text line) {
  while (line.at < line.end) {
    guint64 number = GUINT64_TO_LE((guint64)fuzz_number(&line, G_MININT64, G_MAXINT64));
    g_byte_array_append(blob, (const guint8 *)&number, sizeof number);
  }
}

static void read_input(play *game, struct fuzz_text text, GByteArray *blob, GPtrArray *messages) {
  struct fuzz_text line;

  for (guint i = 0; i < LINES_MAX && fuzz_line(&text, &line); i++) {
    char letter = line.at < line.end ? *line.at : '\0';
    struct fuzz_text rest = {.at = line.at + MIN(line.end - line.at, 2), .end = line.end};
    struct edgecore_message *message = letter == 'm' ? play_message(game, &rest) : NULL;
    if (message != NULL)
      g_ptr_array_add(messages, message);
    else if (letter == 'b')
      g_byte_array_append(blob, (const guint8 *)rest.at, (guint)(rest.end - rest.at));
    else if (letter != 'm')
      add_numbers(blob, line);
  }
  guint64 sum = GUINT64_TO_LE((guint64)text_sum("", 0, "", 0, (const char *)blob->data, blob->len));
  g_byte_array_append(blob, (const guint8 *)&sum, sizeof sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct fuzz_text text = {.at = (const char *)data, .end = (const char *)data + size};
  g_autoptr(GByteArray) blob = g_byte_array_new();
  g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);

  fuzz_begin();
  play *game = play_new(play_database(), FALSE);
  read_input(game, text, blob, messages);
  const struct edgecore_state state = {.size = sizeof state,
                                       .format = STATE_FORMAT,
                                       .data = blob->data,
                                       .data_size = blob->len,
                                       .messages = (struct edgecore_message *const *)messages->pdata,
                                       .message_count = messages->len};
  gboolean taken = play_start(game, &state);
  if (!taken && !play_start(game, NULL))
    fuzz_fail("after a state that was refused the module does not start");
  g_ptr_array_set_size(messages, 0);
  if (taken)
    play_command(game, (struct fuzz_text){.at = swap, .end = swap + 1});
  play_settle(game);
  play_end(game);
  return 0;
}
