/* An edge host, assembled: modules with bounded queues on a bus, and one plugin generation that is active. This is what the commands
 * and the tests drive. Unless a line says otherwise, functions may be called by any thread but a module's own. */
#ifndef EDGEHOST_HOST_H
#define EDGEHOST_HOST_H

#include "config.h"
#include "failure.h"
#include "message.h"
#include <edgecore/plugin.h>
#include <glib.h>

typedef struct host host;

/* One line for people; any thread. */
typedef void host_log_fn(int32_t level, const char *module, const char *text, void *data);

/* A plain module got a message. Called on that module's thread. The message is valid during the call; take a reference to keep it. */
typedef void host_module_fn(host *self, const char *module, struct edgecore_message *message, void *data);

/* For tests; any thread. A plugin's get_extension: the service, or NULL. It must outlive the host. */
typedef const void *host_extension_fn(const char *name, void *data);
/* For tests; the plugin's thread. Asked before each "message_new", "send", "send_to_group", "send_sync" and "send_resp" of the
 * plugin: 0, or the enum edgecore_code that the call fails with. */
typedef int32_t host_fault_fn(const char *call, void *data);

/* Pointers but `configuration` may be NULL, numbers 0. */
struct host_options {
  config *configuration; /* referenced */
  guint queue_capacity;  /* messages in each module's queue; 0 means 1024 */
  host_log_fn *log;      /* NULL: to standard error, info and above */
  void *log_data;
  guint stop_timeout_ms;  /* a swap gives up when the old one's stop takes longer; 0 means 5000 */
  guint stuck_timeout_ms; /* a start or stop that takes longer is called stuck; 0 means 15000 */
  host_extension_fn *extension;
  void *extension_data;
  host_fault_fn *fault;
  void *fault_data;
};

host *host_new(const struct host_options *options);

/* Adds a plain module: a queue, and a thread that calls `receive` for each message. */
gboolean host_add_module(host *self, const char *name, const char *group, host_module_fn *receive, void *data,
                         GError **error);

/* Loads a plugin from a private copy of the file, registers it, creates or grows its tables, starts it on its module thread. TRUE
 * also when modules.enabled does not list it: the log says so, and nothing is loaded. */
gboolean host_load(host *self, const char *file, GError **error);

/* Puts a message on a module's queue. Waits for room while `wait` is TRUE, else EDGECORE_AGAIN. Without `wait` also on a module's
 * own thread. */
int32_t host_send(host *self, const char *module, struct edgecore_message *message, gboolean wait,
                  struct edgecore_error *error);
/* Sends with the sync flag set and waits for the answer. NULL: *error has EDGECORE_TIMEOUT or EDGECORE_NOT_FOUND. */
struct edgecore_message *host_send_sync(host *self, const char *module, struct edgecore_message *message,
                                        guint64 timeout_ms, struct edgecore_error *error);
/* Answers a sync request, as a module does with send_resp. Also on a module's own thread: then only a request to that module.
 * EDGECORE_NOT_FOUND when nobody waits any more. */
int32_t host_respond(host *self, struct edgecore_message *answer, struct edgecore_error *error);
/* The same on any thread, in the name of `module`. A request that is passed on keeps its id: this tells the two apart. */
int32_t host_respond_as(host *self, const char *module, struct edgecore_message *answer, struct edgecore_error *error);

/* Waits until nothing moves any more: all queues empty, no module inside a callback, no request in flight, nothing held by the
 * plugin. FALSE when timeout_ms (-1: none) passes first, or when the plugin's module is down or stuck, so that it cannot come to rest. */
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

/* Replaces the active generation; loads the first one when there is none. `configuration` is that of the new generation, NULL: as
 * before. On FALSE the old one goes on, with all that was queued; the error says so when it could not. `report` may be NULL and is
 * filled as far as the swap came; its strings may be NULL. */
gboolean host_swap(host *self, const char *file, config *configuration, struct host_swap_report *report,
                   GError **error);

/* What is active. The strings are owned by the caller; NULL when nothing is loaded. */
char *host_active_version(host *self);
/* Whether the active generation was loaded from the same bytes as `file` has now. */
gboolean host_is_current(host *self, const char *file);
/* Whether the plugin's module cannot work: its start failed after a failed swap, or it is stuck in start or stop. */
gboolean host_is_down(host *self);

/* Orderly end: stops the plugin, unregisters, unloads, ends all threads. Messages that are still queued are counted and logged.
 * A thread that is stuck in the plugin is left behind. Nothing can be sent afterwards. */
void host_stop(host *self);
void host_free(host *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(host, host_free)

/* The descriptor of a plugin file without loading it for good; what `inspect` shows. NULL and why not. The text is owned by the caller. */
char *host_inspect(const char *file, GError **error);

#endif
