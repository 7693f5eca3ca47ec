/* Runs a program and keeps what it wrote, for tests that see it from outside. One thread, no signal handlers: usable under every
 * sanitizer. */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct process process;

/* Starts argv[0] (a path) with its arguments, NULL at the end. `directory`: where, or NULL for here. Ends the test program when
 * it cannot. */
process *process_start(const char *const *argv, const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* Gives it `size` bytes (-1: up to the NUL) on standard input while reading what it writes. FALSE when it closed its input. */
gboolean process_write(process *self, const void *bytes, gssize size);
/* End of input. */
void process_close_input(process *self);
/* Reads until standard output holds `part` after what an earlier call found. FALSE when the output ends first. */
gboolean process_wait_for(process *self, const char *part);
/* The same for standard error. */
gboolean process_wait_for_error(process *self, const char *part);
void process_signal(process *self, int number);
/* Until its first thread waits in the kernel, for what does so at once and says nothing before. Looks again and again, as there is no event
 * for it. The thread sanitizer of GCC 12 loses a signal that comes while a thread enters the first call of its life that can wait. */
void process_wait_until_asleep(process *self);
/* Closes its input, reads all the rest and waits for the end. The exit status, or minus the signal's number. */
int process_finish(process *self);
/* What it wrote so far; both end in a NUL that is not counted. */
const GString *process_output(const process *self);
const GString *process_error(const process *self);
/* Kills it when it still runs. The test fails if it wrote content of messages on standard error (secret.h). */
void process_free(process *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(process, process_free)

G_END_DECLS

#endif
