/* A host that lives on JSON lines: what `edgehost run` is from its first thread to its last. */
#ifndef EDGEHOST_RUN_H
#define EDGEHOST_RUN_H

#include <glib.h>

struct run_settings {
  const char *plugin;        /* the file */
  const char *configuration; /* its directory, or NULL */
  const char *database;      /* instead of database.source, or NULL */
  const char *run_directory; /* where the control socket is made; NULL: the default, and it may fail there */
  gint32 log_level;          /* EDGECORE_LOG_* */
  gboolean forever;          /* goes on after the end of input */
};

/* Reads steps from standard input and writes deliveries to standard output, until the input has ended and all has settled, or SIGTERM or
 * SIGINT; swaps on SIGHUP and over the control socket. Takes these signals in the default main context, so once in a process at a time.
 * FALSE when something failed, which standard error has named. */
gboolean run(const struct run_settings *settings);

#endif
