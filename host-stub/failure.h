/* Errors as the contract has them (code and text in the caller's buffer), and their way into a GError. */
#ifndef EDGEHOST_FAILURE_H
#define EDGEHOST_FAILURE_H

#include <edgecore/plugin.h>
#include <glib.h>

/* The domain of the host's errors; the code is an enum edgecore_code. */
#define HOST_ERROR (host_error_quark())
GQuark host_error_quark(void);

/* Writes code and text into *error, which may be NULL; the text is cut at a whole character. Returns `code`. */
int32_t failure_set(struct edgecore_error *error, int32_t code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* An empty error whose size is set, ready to be filled by a callee. */
#define FAILURE_INIT                                                                                                   \
  { .size = sizeof(struct edgecore_error) }

/* The text of an error that came from a plugin: always valid UTF-8 on one line, and the code's name when it left none. */
char *failure_text(const struct edgecore_error *error, int32_t code);

/* "not found", "time-out", ... */
const char *failure_name(int32_t code);

#endif
