/* The program edgehost, seen from outside. */
#ifndef TESTS_CLI_H
#define TESTS_CLI_H

#include "process.h"
#include "secret.h"

#define EDGEHOST TESTS_BUILD_DIR "/host-stub/edgehost"
#define PLUGIN TESTS_BUILD_DIR "/plugin/metamanager.so"

/* A line of input: cloud deletes a pod that is not there. One delivery to edged and one answer to websocket. */
#define GOOD_LINE(id)                                                                                                     \
  "{\"send\":{\"id\":\"" id                                                                                               \
  "\",\"source\":\"edgecontroller\",\"operation\":\"delete\",\"resource\":\"default/pod/none\",\"content_raw\":\"" SECRET \
  "\"}}\n"

struct outcome {
  int status;
  char *output;
  char *error;
};

/* `edgehost run` on the plugin with a database of its own in the test's directory; `options` (NULL-terminated, or NULL) are added. */
process *cli_run(const char *const *options) G_GNUC_WARN_UNUSED_RESULT;
/* edgehost with these arguments, NULL-terminated, and this input (size -1: up to the NUL), to its end. */
struct outcome cli_call(const char *const *arguments, const void *input, gssize size);
/* cli_run to its end. */
struct outcome cli_feed(const char *const *options, const void *input, gssize size);
void outcome_clear(struct outcome *self);
typedef struct outcome outcome;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(outcome, outcome_clear)

/* How often `part` is in the text. */
guint count_of(const char *text, const char *part);

#endif
