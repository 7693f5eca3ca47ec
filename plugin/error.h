/* Filling the contract's struct edgecore_error. */
#ifndef METAMANAGER_ERROR_H
#define METAMANAGER_ERROR_H

#include <edgecore/plugin.h>
#include <glib.h>

/* An empty one, ready to be passed on. */
#define ERROR_INIT                                                                                                     \
  { .size = sizeof(struct edgecore_error) }

/* Sets code and text; `error` may be NULL. Text that does not fit is cut at a whole character. Returns the code. */
int32_t error_set(struct edgecore_error *error, int32_t code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Puts words in front of the text that is there. */
void error_prefix(struct edgecore_error *error, const char *words);

#endif
