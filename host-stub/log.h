/* The host's log: one line for people at a time. All functions may be called by any thread. */
#ifndef EDGEHOST_LOG_H
#define EDGEHOST_LOG_H

#include "host.h"

struct logger {
  host_log_fn *write; /* NULL: to standard error, info and above */
  void *data;
};

/* Puts a space in the place of each ASCII control character, line ends among them. */
void log_make_one_line(char *text);

void logger_write(const struct logger *self, int32_t level, const char *module, const char *text);
void logger_printf(const struct logger *self, int32_t level, const char *module, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

#endif
