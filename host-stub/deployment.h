/* What runs in a host, and from which files: the one place that loads and swaps, whoever asks (a step, SIGHUP, the control
 * command). Its functions may be called by any thread but a module's own; they wait for each other. */
#ifndef EDGEHOST_DEPLOYMENT_H
#define EDGEHOST_DEPLOYMENT_H

#include "host.h"

typedef struct deployment deployment;

/* Reads the configuration: the directory (NULL: the defaults), and over it the database file (NULL: as configured). */
config *deployment_read_configuration(const char *directory, const char *database,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The host must have been made with `configuration`. All arguments are copied or referenced, the host is not owned. */
deployment *deployment_new(host *owner, config *configuration, const char *directory, const char *database);
void deployment_free(deployment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(deployment, deployment_free)

/* The first plugin file. */
gboolean deployment_load(deployment *self, const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Swaps to `file`, with the configuration as it is. FALSE: the old version goes on, and the error says so. */
gboolean deployment_swap(deployment *self, const char *file, struct host_swap_report *report,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads the configuration again, and swaps to the file that was last taken when its bytes or the configuration are others
 * than before, or when the module is down; else *changed is FALSE and nothing happens. On FALSE all goes on as it was, and the error
 * says so. */
gboolean deployment_reload(deployment *self, gboolean *changed, struct host_swap_report *report,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The plugin file that was taken last, or NULL; owned by the caller. */
char *deployment_file(deployment *self) G_GNUC_WARN_UNUSED_RESULT;

/* A report as one line for people, owned by the caller. */
char *deployment_describe(const struct host_swap_report *report);

/* Appends it as a JSON member: "swap":{"from":TEXT,"to":TEXT,"pause_ms":N,"waiting":N,"state_bytes":N,"state_messages":N}. */
void deployment_append_report(GString *out, const struct host_swap_report *report);

#endif
