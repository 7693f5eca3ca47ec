/* The core's services as one generation of a plugin sees them: its edgecore_core function table and what stands behind it. */
#ifndef EDGEHOST_CORE_H
#define EDGEHOST_CORE_H

#include "bus.h"
#include "config.h"
#include "log.h"
#include "model.h"

/* What the host gives to every generation; must outlive them. */
struct core_services {
  bus *bus;
  struct activity *activity;
  struct logger logger;
  host_extension_fn *extension;
  void *extension_data;
  host_fault_fn *fault;
  void *fault_data;
};

typedef struct core core;

/* `module` and `group` are the descriptor's: nothing else may be registered. `mailbox` is that of the generation before, or NULL. */
core *core_new(const struct core_services *services, config *configuration, const char *module, const char *group,
               struct mailbox *mailbox);
void core_free(core *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(core, core_free)

/* The plugin's first argument. */
const struct edgecore_core *core_table(core *self);
/* Between these two, the plugin may register. */
void core_begin_register(core *self);
void core_end_register(core *self);
/* Whether it may receive and send. A generation that is not active gets nothing, whatever it left behind. */
void core_set_active(core *self, gboolean is_active);

/* What it has registered; the mailbox is NULL when nothing. */
struct mailbox *core_mailbox(core *self);
const GPtrArray *core_models(core *self);
/* Takes the mailbox off the bus if this generation still owns it, as the first one does. */
void core_drop_mailbox(core *self);
/* The next generation owns the mailbox from now on. */
void core_pass_mailbox(core *self, core *next);
/* The configuration's text, or NULL. */
const char *core_config_text(core *self, const char *key);

/* The generation goes to sleep or receives: with the first time after start, its pause is over. The plugin's thread. */
void core_mark_turn(core *self);
/* Monotonic microseconds of the first turn; waits for it until `deadline` and returns that when none comes. */
gint64 core_wait_turn(core *self, gint64 deadline);

#endif
