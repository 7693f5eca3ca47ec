/*
 * The contract between an edge host (a "core") and a module that it loads as a shared object (a "plugin").
 *
 * It is the C form of what KubeEdge's edgecore has inside one Go process: beehive's core.Register and context.Send,
 * SendToGroup, SendSync, SendResp and Receive, and dbm.RegisterModel. The two sides share this header and nothing else.
 *
 * THE LIFE OF A PLUGIN
 *
 *   loaded --register--> registered --start--> started --stop--> registered --unregister--> loaded --> unloaded
 *
 *   Each function below says in brackets which thread may call it and in which state: [thread; state].
 *   "module thread" is the one thread that the host runs for the module. A GMainContext is its thread default from before
 *   start until after stop; the plugin attaches its sources there and has no threads of its own.
 *
 * RULES
 *
 *   Sizes      Every struct that crosses starts with its size in bytes, set by the side that fills it. A struct only grows
 *              at its end. A reader uses only the fields that lie within the given size.
 *   Version    The ABI major is compared before anything else and must be equal. A plugin with a minor newer than the host's
 *              is refused, an older one is taken. Functions marked "since 1.N" are in the table when the host's minor is >= N.
 *   Flags      A flag bit that the reader does not know is an error (EDGECORE_INVALID), and so is a reserved field that is not 0.
 *   Ownership  Nothing is freed by the other side. Messages are made by the core, immutable and reference counted; they
 *              may be read, referenced and released by any thread. A const char * is UTF-8, ends in NUL, and is never NULL
 *              unless the text says so.
 *   Errors     A function that can fail returns one of enum edgecore_code. When it fails and `error` is not NULL, code and text
 *              are copied into it. The text names what failed, on which object, and why; it holds no message content.
 *   Blocking   No function of the core blocks. None calls back into the plugin.
 *
 * WHAT A PLUGIN MUST DO TO BE SWAPPED WHILE THE NODE RUNS
 *
 *   - stop destroys every source and closes every file and database that start opened, and hands over in `state` whatever is
 *     not in the queue or in a database. What it has not yet received stays in the host's queue and needs no care.
 *   - It keeps no table of the requests that it sent with send_sync: the outcome comes through the queue to whichever
 *     version is live then, together with the context message.
 *   - It reads the state of the versions that its descriptor names, checks all of it, and refuses anything else with
 *     EDGECORE_UNSUPPORTED_STATE, so that the host can put the old version back.
 *   - Its table only grows between versions (new columns, new tables), so that the old version can go on after that.
 *   - It leaves nothing behind in the process: no GType, static quark, GPrivate, thread, atexit handler, signal handler, and
 *     no sqlite3_config, sqlite3_auto_extension or sqlite3_vfs_register.
 *
 * SQLITE
 *
 *   Host and plugin link the same shared libsqlite3. A host that has its own copy of SQLite inside (a Go one, say) must give the
 *   plugin a database file that nothing else in the process opens: two copies in one process break each other's file locks.
 *   While the module is started, its connection is the only one that writes and checkpoints the file. The host's own
 *   connection, on which it creates the registered tables, is closed before start is called.
 */
#ifndef EDGECORE_PLUGIN_H
#define EDGECORE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGECORE_ABI_MAJOR 1
#define EDGECORE_ABI_MINOR 1

/* "ecpl": the first thing after the size in a descriptor. */
#define EDGECORE_PLUGIN_MAGIC UINT32_C(0x6563706c)

enum edgecore_code {
  EDGECORE_OK = 0,
  EDGECORE_AGAIN = 1,             /* the receiver's queue is full: keep the message and try later */
  EDGECORE_NOT_FOUND = 2,         /* no such module, group, key or waiting caller */
  EDGECORE_INVALID = 3,           /* an argument or a configuration value is wrong */
  EDGECORE_DISABLED = 4,          /* the module is not listed in modules.enabled */
  EDGECORE_UNSUPPORTED_STATE = 5, /* right ABI, but this state cannot be taken over */
  EDGECORE_NO_MEMORY = 6,
  EDGECORE_IO = 7, /* a file or the database */
  EDGECORE_TIMEOUT = 8,
  EDGECORE_EXISTS = 9,  /* the name is taken */
  EDGECORE_FAILED = 10, /* anything else; the text says what */
  EDGECORE_DAMAGED = 11 /* since 1.1: the database is not what SQLite or its checksums say it should be */
};

#define EDGECORE_ERROR_TEXT_SIZE 504

/* Filled by the callee, owned by the caller. `size` is set by the caller; text ends in NUL and is cut at a whole character. */
struct edgecore_error {
  uint32_t size;
  int32_t code; /* enum edgecore_code */
  char text[EDGECORE_ERROR_TEXT_SIZE];
};

/* ---------------------------------------------------------------------------------------------------------- messages */

/* A message on the bus: beehive's model.Message. Opaque, immutable, reference counted, made by the core. */
struct edgecore_message;

/* The sender waits for an answer (beehive's header.sync). */
#define EDGECORE_MESSAGE_SYNC UINT32_C(1)

enum edgecore_content_kind {
  EDGECORE_CONTENT_NONE = 0, /* nothing: the same as the JSON value null */
  EDGECORE_CONTENT_RAW = 1,  /* the bytes that the wire brought, Go's []byte */
  EDGECORE_CONTENT_JSON =
      2 /* a value that a module of this process handed over, as JSON text. Not checked by the core. */
};

/* What a message says. Used for reading (owned by the message, valid while it is referenced) and for making. */
struct edgecore_message_fields {
  uint32_t size;
  uint32_t flags;        /* EDGECORE_MESSAGE_SYNC */
  int64_t timestamp;     /* milliseconds since 1970-01-01 UTC. Making: 0 means now. */
  const char *id;        /* UUID v4. Making: NULL or "" means a new one. */
  const char *parent_id; /* the id of the request that this answers, or "". Making: NULL is "". */
  const char *source;    /* the module that it came from */
  const char *group;     /* the route's group, "resource" or "meta"; not the group that it is sent to */
  const char *operation; /* "insert", "update", ... */
  const char *resource;  /* "<namespace>/<type>[/<id>]" */
  uint32_t content_kind; /* enum edgecore_content_kind */
  uint32_t reserved;     /* 0 */
  const void *content;   /* content_size bytes; any byte may occur. NULL when there are none. */
  uint64_t content_size; /* bytes */
  /* Making only: when not NULL, kind, content and size are taken from this message, and the bytes are shared, not copied.
   * Reading: NULL. */
  struct edgecore_message *content_of;
};

/* One thing that `receive` took from the module's queue. The receiver owns a reference to `message` and to `context`. */
struct edgecore_item {
  uint32_t size;
  /* EDGECORE_OK, or why a send_sync brought no reply: EDGECORE_TIMEOUT, EDGECORE_NOT_FOUND (no such module) */
  int32_t outcome;
  struct edgecore_message *message; /* the message, or the reply. NULL when outcome is not EDGECORE_OK. */
  struct edgecore_message
      *context; /* NULL: a plain message. Else this is the outcome of the send_sync that was given it. */
};

/* ------------------------------------------------------------------------------------------------ what is registered */

/* beehive's core.Module: Name() and Group(). Strings are copied by the core. */
struct edgecore_module {
  uint32_t size;
  uint32_t flags; /* 0 */
  const char *name;
  const char *group;
};

/* One step of a table's growth: the SQL that leads from version - 1 to version. It must be harmless on a database that
 * already has what it adds, for such a database may have been made by an earlier program, or read back from a dump. Since 1.1 the core
 * takes a column that is there already for added; so ALTER TABLE ... ADD COLUMN stands alone in its step. */
struct edgecore_model_step {
  uint32_t size;
  uint32_t version; /* 1, 2, 3, ... in order */
  const char *sql;  /* one or more statements; run in the same transaction as all other steps */
};

/* Since 1.1, in edgecore_model's flags: the plugin mends a damaged database by itself, in start. The core then leaves
 * alone, without an error, a file that SQLite calls damaged or no database, or that the disk cannot read, and an empty
 * one that has a WAL. */
#define EDGECORE_MODEL_MENDED UINT32_C(1)

/* beehive/dbm's RegisterModel: a table that the module keeps in the database `database.source`. Copied by the core. */
struct edgecore_model {
  uint32_t size;
  uint32_t flags;          /* EDGECORE_MODEL_MENDED */
  const char *table;       /* for messages to people */
  uint32_t application_id; /* PRAGMA application_id. A database with another one is refused untouched; with 0 as well,
                              when it has a user_version and this one is not 0. */
  uint32_t step_count;
  const struct edgecore_model_step
      *steps; /* the last one's version becomes PRAGMA user_version, unless that is higher already */
};

enum edgecore_config_kind {
  EDGECORE_CONFIG_STRING = 1,
  EDGECORE_CONFIG_INTEGER = 2,
  EDGECORE_CONFIG_BOOLEAN = 3,
  EDGECORE_CONFIG_LIST = 4 /* text is the items, joined by ',' */
};

/* A configuration value. Strings are owned by the core and live until the plugin's unregister returns. */
struct edgecore_config_value {
  uint32_t size;
  uint32_t kind;      /* enum edgecore_config_kind, as YAML resolves the scalar */
  const char *text;   /* as it is written */
  int64_t integer;    /* INTEGER: its value; BOOLEAN: 0 or 1; else 0 */
  const char *origin; /* where it was read, for messages to people: "FILE:LINE" */
};

enum edgecore_log_level {
  EDGECORE_LOG_DEBUG = 0,
  EDGECORE_LOG_INFO = 1,
  EDGECORE_LOG_WARNING = 2,
  EDGECORE_LOG_ERROR = 3
};

/* What one version hands to the next. Owned by the plugin whose stop filled it; valid until its next start or its unregister.
 * The taker references the messages that it keeps. */
struct edgecore_state {
  uint32_t size;
  uint32_t format;    /* the writer's format number, see the descriptor */
  const void *data;   /* data_size bytes; refers to `messages` by index */
  uint64_t data_size; /* bytes */
  struct edgecore_message *const *messages;
  uint32_t message_count;
  uint32_t reserved; /* 0 */
};

/* -------------------------------------------------------------------------------------------------- the core's services */

/* The core's services, one table for each loaded generation of a plugin. It is the first argument of each of its functions.
 * Owned by the core; valid from register until unregister returns. */
struct edgecore_core {
  uint32_t size;
  uint16_t abi_major; /* the host's */
  uint16_t abi_minor;

  /* beehive's core.Register. EDGECORE_DISABLED when modules.enabled does not list the name: the plugin then returns that code
   * from register and registers nothing else. EDGECORE_EXISTS when another plugin has the name (a newer generation of the
   * same module is not another plugin). [any one thread; inside register] */
  int32_t (*register_module)(const struct edgecore_core *core, const struct edgecore_module *module,
                             struct edgecore_error *error);

  /* dbm's RegisterModel. Only notes it: the host creates or grows the table before start. [as register_module, after it] */
  int32_t (*register_model)(const struct edgecore_core *core, const struct edgecore_model *model,
                            struct edgecore_error *error);

  /* beehive's config.CONFIG.GetConfigurationByKey. `key` is the nested keys joined by dots. EDGECORE_NOT_FOUND when not set.
   * `database.source` is always set, and is the path to open. The caller sets value->size. [any thread; registered, started] */
  int32_t (*config_get)(const struct edgecore_core *core, const char *key, struct edgecore_config_value *value);

  /* Writes one line to the host's log. Never give it message content. [any thread; registered, started] */
  void (*log)(const struct edgecore_core *core, int32_t level, const char *text);

  /* model.NewMessage and its builders. Copies all of `fields`. NULL and `error` when it cannot: EDGECORE_INVALID for text that
   * is not UTF-8 and for an unknown flag or kind, EDGECORE_NO_MEMORY. The caller owns the reference. [any thread; registered] */
  struct edgecore_message *(*message_new)(const struct edgecore_core *core,
                                          const struct edgecore_message_fields *fields, struct edgecore_error *error);
  /* Another reference to the same message; returns its argument. [any thread; any state] */
  struct edgecore_message *(*message_ref)(struct edgecore_message *message);
  /* Gives one reference back; NULL is ignored. [any thread; any state] */
  void (*message_unref)(struct edgecore_message *message);
  /* What the message says; owned by the message. [any thread; any state] */
  const struct edgecore_message_fields *(*message_read)(const struct edgecore_message *message);

  /* beehive's Receive, for many at once: takes up to max_items things from the module's queue, oldest first, and stops after
   * the one that brings the sum of content bytes to max_bytes or over. Returns how many; 0 when nothing waits. `item_size` is
   * sizeof(struct edgecore_item) as the caller knows it, and the distance between items. [module thread; started] */
  uint32_t (*receive)(const struct edgecore_core *core, struct edgecore_item *items, uint32_t item_size,
                      uint32_t max_items, uint64_t max_bytes);
  /* A descriptor to poll for reading: readable while something waits. Owned by the core; do not read or close it.
   * [module thread; started] */
  int32_t (*receive_fd)(const struct edgecore_core *core);

  /* beehive's Send: to a module's queue. EDGECORE_AGAIN when that is full, EDGECORE_NOT_FOUND when there is no such module.
   * The core takes its own reference. [module thread; started] */
  int32_t (*send)(const struct edgecore_core *core, const char *module, struct edgecore_message *message,
                  struct edgecore_error *error);
  /* beehive's SendToGroup: to every module of the group, or, when one of them is full (EDGECORE_AGAIN), to none.
   * [module thread; started] */
  int32_t (*send_to_group)(const struct edgecore_core *core, const char *group, struct edgecore_message *message,
                           struct edgecore_error *error);
  /* beehive's SendSync, without the waiting. The message must have EDGECORE_MESSAGE_SYNC. Its outcome comes through the queue
   * exactly once, with a reference to `context`: the reply, EDGECORE_TIMEOUT after timeout_ms milliseconds, or EDGECORE_NOT_FOUND.
   * A late reply is dropped by the core. Room for the outcome is never refused. EDGECORE_AGAIN when the receiver is
   * full: nothing was sent and no outcome comes. [module thread; started] */
  int32_t (*send_sync)(const struct edgecore_core *core, const char *module, struct edgecore_message *message,
                       struct edgecore_message *context, uint64_t timeout_ms, struct edgecore_error *error);
  /* beehive's SendResp: to the caller that waits for an answer with this parent_id. EDGECORE_NOT_FOUND when nobody waits
   * any more; the message is then of no use to anyone. [module thread; started] */
  int32_t (*send_resp)(const struct edgecore_core *core, struct edgecore_message *message,
                       struct edgecore_error *error);

  /* How many things the module holds that are in no queue (deliveries that wait for room, retries that are due). The host
   * waits for 0 before an orderly end. [module thread; started] */
  void (*set_held)(const struct edgecore_core *core, uint64_t count);

  /* An optional service by "name/version", or NULL. Its struct is described where it is offered. [any thread; registered] */
  const void *(*get_extension)(const struct edgecore_core *core, const char *name);

  /* Since 1.1. How many messages send_to_group would take now: the room in the fullest queue of the group; 0 when there is no such
   * group. With it a module paces what it has in store, so that others find room too. [module thread; started] */
  uint32_t (*room)(const struct edgecore_core *core, const char *group);
};

/* Extension "edgecore.clock/1": the clock that timers follow, instead of CLOCK_MONOTONIC. A test host compresses hours with it. */
#define EDGECORE_EXTENSION_CLOCK "edgecore.clock/1"
struct edgecore_clock {
  uint32_t size;
  uint32_t reserved;
  /* Microseconds; never goes back. [any thread; registered, started] */
  int64_t (*now)(const struct edgecore_core *core);
};

/* ----------------------------------------------------------------------------------------------- what a plugin exports */

/* What a plugin is; a constant of the plugin. size, magic and the ABI numbers stay at their offsets in every ABI major. */
struct edgecore_plugin_descriptor {
  uint32_t size;
  uint32_t magic; /* EDGECORE_PLUGIN_MAGIC */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t flags;          /* 0 */
  const char *module;      /* beehive's Module.Name() */
  const char *group;       /* beehive's Module.Group() */
  const char *version;     /* the plugin's own, for people */
  const char *description; /* one line, for people */
  uint32_t state_format_written;
  uint32_t state_format_oldest; /* it reads state formats from this one ... */
  uint32_t state_format_newest; /* ... to this one */
  uint32_t reserved;            /* 0 */
};

/* One registered module. The plugin's own memory. */
struct edgecore_plugin;

/* The descriptor. No side effect, so a candidate can be inspected without risk. [any thread; loaded or later] */
typedef const struct edgecore_plugin_descriptor *edgecore_plugin_query_fn(void);

/* Registers the module and its tables with the core and reads its configuration. Opens nothing. On failure nothing
 * remains and *plugin is NULL. [any one thread; loaded] */
typedef int32_t edgecore_plugin_register_fn(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                            struct edgecore_error *error);

/* Opens the database, attaches the sources to the thread-default GMainContext, and takes over from `state` (NULL: a first
 * start). On failure everything that it opened is closed again, and it may be called again. [module thread; registered] */
typedef int32_t edgecore_plugin_start_fn(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                                         struct edgecore_error *error);

/* Ends the module's work: no source is attached and no file is open when it returns. Fills *state, whose size the caller
 * has set, unless that is NULL. NULL means that no other version follows. On failure the module goes on as if it had not been called.
 * Does not wait for anything but the disk. [module thread; started] */
typedef int32_t edgecore_plugin_stop_fn(struct edgecore_plugin *plugin, struct edgecore_state *state,
                                        struct edgecore_error *error);

/* Takes back register and frees the plugin; the object may be unloaded when it returns. [any one thread; registered] */
typedef void edgecore_plugin_unregister_fn(struct edgecore_plugin *plugin);

/* The five exported symbols; a plugin exports nothing else. */
edgecore_plugin_query_fn edgecore_plugin_query;
edgecore_plugin_register_fn edgecore_plugin_register;
edgecore_plugin_start_fn edgecore_plugin_start;
edgecore_plugin_stop_fn edgecore_plugin_stop;
edgecore_plugin_unregister_fn edgecore_plugin_unregister;

#ifdef __cplusplus
}
#endif

#endif
