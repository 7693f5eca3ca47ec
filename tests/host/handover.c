#include "handover.h"

#include "fixture.h"
#include "test.h"

#include <string.h>

TEST_CASE(Handover, is_a_deep_copy) {
  const guint before = message_count_live();
  char data[] = "state";
  struct edgecore_message *messages[] = {message_text("a", "x"), message_text("b", "x")};
  const struct edgecore_state state = {
      .size = sizeof state, .format = 7, .data = data, .data_size = 5, .messages = messages, .message_count = 2};
  handover *copy = handover_copy(&state, NULL);
  require_not_null(copy);
  memset(data, 'x', 5);
  message_unref(messages[0]);
  message_unref(messages[1]);
  const struct edgecore_state *kept = handover_state(copy);
  check_int_eq(kept->size, sizeof *kept);
  check_int_eq(kept->format, 7);
  check_mem_eq(kept->data, kept->data_size, "state", 5);
  require_int_eq(kept->message_count, 2);
  check_str_eq(message_read(kept->messages[0])->id, "a");
  check_str_eq(message_read(kept->messages[1])->id, "b");
  handover_free(copy);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Handover, of_nothing_is_nothing) {
  const struct edgecore_state state = {.size = sizeof state, .format = 1};
  g_autoptr(handover) copy = handover_copy(&state, NULL);
  require_not_null(copy);
  check_int_eq(handover_state(copy)->data_size, 0);
  check_int_eq(handover_state(copy)->message_count, 0);
}

TEST_CASE(Handover, refuses_what_breaks_the_contract) {
  struct edgecore_message *none[] = {NULL};
  const struct edgecore_state states[] = {
      {.size = sizeof states[0], .reserved = 1},
      {.size = sizeof states[0], .data_size = 1},
      {.size = sizeof states[0], .message_count = 1},
      {.size = sizeof states[0], .message_count = 1, .messages = none},
  };
  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    test_note("state %u", i);
    struct edgecore_error error = {.size = sizeof error};
    check_null(handover_copy(&states[i], &error));
    check_int_eq(error.code, EDGECORE_UNSUPPORTED_STATE);
  }
  const struct edgecore_state huge = {.size = sizeof huge, .data = "", .data_size = UINT64_MAX / 2};
  struct edgecore_error error = {.size = sizeof error};
  check_null(handover_copy(&huge, &error));
  check_int_eq(error.code, EDGECORE_NO_MEMORY);
}
