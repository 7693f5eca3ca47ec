/* Messages, through the contract, to the handlers: the commands of play.h, a line each. */
#include "play.h"

/* More would only be slow. */
#define COMMANDS_MAX 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_text text = {.at = (const char *)data, .end = (const char *)data + size};
  struct fuzz_text line;

  fuzz_begin();
  play *game = play_new(play_database(), TRUE);
  if (!play_start(game, NULL))
    fuzz_fail("the module does not start");
  for (guint i = 0; i < COMMANDS_MAX && fuzz_line(&text, &line); i++)
    play_command(game, line);
  play_settle(game);
  play_end(game);
  return 0;
}
