/* A module on a fake core, with short words for what happens to it: for tests of one rule at a time. */
#ifndef TESTS_OFFLINE_SCENE_H
#define TESTS_OFFLINE_SCENE_H

#include "fake_core.h"

struct scene {
  fake_core *core;
  module *module;
};

/* `settings` is a list of key, value, ..., NULL; or NULL. */
struct scene scene_begin(const char *const *settings);
/* Stops the module and frees all. */
void scene_end(struct scene *self);
/* The process is gone without a word; another one starts on what the files held. */
void scene_kill(struct scene *self);
/* Another version takes over. */
void scene_swap(struct scene *self);

/* Tells the plugin of the link, and lets it work. */
void scene_link(struct scene *self, gboolean is_connected);
/* A message with raw content, to which SECRET is added unless the plugin reads it (secret.h). It is not handled before the next scene_run,
 * scene_link or scene_heard. */
void scene_say(struct scene *self, const char *source, const char *operation, const char *resource, const char *raw);
void scene_run(struct scene *self);
void scene_run_for(struct scene *self, gint64 microseconds);

/* Lets the plugin work, and empties the module's queue: one line "operation resource content" for each message, without any SECRET.
 * The caller owns the text. */
char *scene_heard(struct scene *self, const char *module) G_GNUC_WARN_UNUSED_RESULT;
/* What the hub passed on, taken as it came until nothing is left. */
char *scene_cloud(struct scene *self) G_GNUC_WARN_UNUSED_RESULT;
/* A number in the database, as it is on the disk. */
gint64 scene_count(const struct scene *self, const char *sql);

#define SCENE_OUTBOX "SELECT count(*) FROM metamanager_outbox"

#endif
