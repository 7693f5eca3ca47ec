/* Whole lines to a descriptor, from any thread. One thread writes what has gathered while it wrote before: a lone line goes
 * out at once, and under load one write carries many. Who adds a line waits while too much has gathered. */
#ifndef EDGEHOST_OUTPUT_H
#define EDGEHOST_OUTPUT_H

#include <glib.h>

typedef struct output output;

/* Called once, on the writing thread, when a write has failed. */
typedef void output_failed_fn(const char *why, void *data);

/* `fd` is not closed. SIGPIPE must be ignored. NULL and `error` without a thread for it. */
output *output_new(int fd, output_failed_fn *failed, void *data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds a line, with its line end. After a failure or output_abandon it is dropped and counted. */
void output_add(output *self, const GString *line);

/* From now on nobody waits for room: what does not fit is dropped. For the end, when nobody reads. */
void output_abandon(output *self);

/* Waits at most timeout_ms until all is written, ends the thread and frees. FALSE when anything was not written: *dropped lines
 * at least. A thread that is stuck in its write is left behind with its buffers, for the process is about to end. */
gboolean output_close(output *self, gint64 timeout_ms, guint64 *dropped) G_GNUC_WARN_UNUSED_RESULT;

#endif
