/* Messages, through the contract, to the handlers: the commands of play.h, a line each. */
#include "play.h"

/* More would only be slow. */
#define COMMANDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_text text = {.at = (const char *)data, .end = (const char *)data + size};
  struct fuzz_text line;

  fuzz_begin();
  play *play = play_new(play_database(), TRUE);
  if (!play_start(play, NULL))
    fuzz_fail("the module does not start");
  for (guint i = 0; i < COMMANDS_MAX && fuzz_line(&text, &line); i++)
    play_command(play, line);
  play_settle(play);
  play_end(play);
  return 0;
}
