/* An edge host, assembled: modules with bounded queues on a bus, and one plugin generation that is active. This is what the commands
 * and the tests drive. Unless a line says otherwise, functions may be called by any thread but a module's own. */
#ifndef EDGEHOST_HOST_H
#define EDGEHOST_HOST_H

#include "config.h"
#include "message.h"
#include <edgecore/plugin.h>
#include <glib.h>

typedef struct host host;

/* One line for people; any thread. */
typedef void host_log_fn(int32_t level, const char *module, const char *text, void *data);

/* A plain module got a message. Called on that module's thread. The message is valid during the call; take a reference to keep it. */
typedef void host_module_fn(host *self, const char *module, struct edgecore_message *message, void *data);

#define HOST_ERROR (host_error_quark())
GQuark host_error_quark(void);
/* code is an enum edgecore_code */

struct host_options {
  config *configuration; /* referenced */
  guint queue_capacity;  /* messages in each module's queue; 0 means 1024 */
  host_log_fn *log;      /* NULL: to standard error, info and above */
  void *log_data;
};

host *host_new(const struct host_options *options);

/* Adds a plain module: a queue, and a thread that calls `receive` for each message. */
gboolean host_add_module(host *self, const char *name, const char *group, host_module_fn *receive, void *data,
                         GError **error);

/* Loads a plugin from a private copy of the file, registers it, creates or grows its tables, starts it on its module thread. */
gboolean host_load(host *self, const char *file, GError **error);

/* Puts a message on a module's queue. Waits for room while `wait` is TRUE, else EDGECORE_AGAIN. */
int32_t host_send(host *self, const char *module, struct edgecore_message *message, gboolean wait,
                  struct edgecore_error *error);
/* Sends with the sync flag set and waits for the answer. NULL: *error has EDGECORE_TIMEOUT or EDGECORE_NOT_FOUND. */
struct edgecore_message *host_send_sync(host *self, const char *module, struct edgecore_message *message,
                                        guint64 timeout_ms, struct edgecore_error *error);
/* Answers a sync request, as a module does with send_resp. Also on a module's own thread. */
int32_t host_respond(host *self, struct edgecore_message *answer, struct edgecore_error *error);

/* Waits until nothing moves any more: all queues empty, no module inside a callback, no request in flight, nothing held by the
 * plugin. FALSE when timeout_ms (-1: none) passes first. */
gboolean host_settle(host *self, gint64 timeout_ms);

/* What a swap did, or why it did not. Strings are owned by the report; clear it with host_swap_report_clear. */
struct host_swap_report {
  char *from_version;
  char *to_version;
  gint64 pause_us;        /* from the old one's stop to the new one's first receive call */
  guint messages_waiting; /* in the module's queue when the new one started */
  guint64 state_bytes;
  guint state_messages;
  guint unload_left; /* generations that could not be unloaded so far and stay mapped */
};
void host_swap_report_clear(struct host_swap_report *report);

/* Replaces the active generation. On FALSE the old one goes on, with all that was queued. */
gboolean host_swap(host *self, const char *file, config *configuration, struct host_swap_report *report,
                   GError **error);

/* Orderly end: stops the plugin, unregisters, unloads, ends all threads. Messages that are still queued are counted and logged. */
void host_stop(host *self);
void host_free(host *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(host, host_free)

/* The descriptor of a plugin file without loading it for good; what `inspect` shows. NULL and why not. The text is owned by the caller. */
char *host_inspect(const char *file, GError **error);

#endif
