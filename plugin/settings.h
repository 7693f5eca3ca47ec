/* The configuration values that the plugin reads, checked. */
#ifndef METAMANAGER_SETTINGS_H
#define METAMANAGER_SETTINGS_H

#include <edgecore/plugin.h>
#include <glib.h>

struct settings {
  char *database;               /* database.source: a path */
  char *send_group;             /* metamanager.context-send-group: where messages for the cloud go */
  char *send_module;            /* metamanager.context-send-module: who is asked for what is not here */
  gboolean edgesite;            /* metamanager.edgesite: connected from the start, nothing is ever kept for later */
  gint64 sync_interval;         /* meta.sync.podstatus.interval: seconds, at least 60 */
  gint64 remote_query_timeout;  /* metamanager.remote-query-timeout: seconds, over all attempts */
  gint64 remote_query_attempts; /* metamanager.remote-query-attempts */
  gint64 volume_timeout;        /* metamanager.volume-timeout: seconds */
  gint64 outbox_max_bytes;      /* metamanager.outbox-max-bytes */
  gint64 turn_max_messages;     /* metamanager.turn-max-messages: taken from the queue into one transaction */
  gint64 turn_max_bytes;        /* metamanager.turn-max-bytes: the same, sum of content */
};

/* EDGECORE_INVALID names file, key and value. On failure nothing needs to be cleared. */
int32_t settings_read(const struct edgecore_core *core, struct settings *settings,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* SQLite follows a link to the database, and keeps what belongs to it beside the file itself: from now on `database` is that file. One that is
 * not there is left to be found missing. */
void settings_follow_link(struct settings *settings);
void settings_clear(struct settings *settings);

#endif
