/* The struct of the fake core, shared by its two sources: fake_table.c (what the plugin calls) and fake_core.c (what the test calls). */
#ifndef TESTS_FAKE_CORE_PRIVATE_H
#define TESTS_FAKE_CORE_PRIVATE_H

#include "fake_core.h"

struct fake_mailbox {
  const char *name;
  const char *group;
  guint capacity;
  guint longest;
  gboolean is_present;
  GPtrArray *sent; /* struct fake_sent */
};

struct fake_request {
  struct edgecore_message *message;
  struct edgecore_message *context;
  gint64 deadline;
};

/* The table comes first: the plugin's pointer to it is a pointer to this. */
struct fake_core {
  struct edgecore_core table;
  char *database;
  GHashTable *config; /* key -> struct edgecore_config_value */
  struct fake_mailbox mailboxes[5];
  GQueue inbox; /* struct edgecore_item */
  guint inbox_messages;
  guint64 received; /* things that the module took from it */
  guint inbox_capacity;
  int inbox_fd;
  GPtrArray *requests; /* struct fake_request */
  gint64 now;
  guint64 numbers;
  guint64 held;
  GString *log;
  fake_fault_fn *fault;
  void *fault_data;
  guint calls;
  const char *nth_call;
  guint nth_left;
  int32_t nth_code;
};

extern const struct edgecore_core fake_table;

/* NULL when there is none. */
struct fake_mailbox *fake_mailbox_of(const fake_core *self, const char *name);
/* Takes over both references. */
void fake_inbox_add(fake_core *self, int32_t outcome, struct edgecore_message *message,
                    struct edgecore_message *context);

#endif
