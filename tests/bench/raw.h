/* The same work done directly on libsqlite3: prepared statements, the plugin's pragmas and its table, without its checksums. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include "load.h"

#include <glib.h>

typedef struct raw raw;

enum raw_mode {
  RAW_PLUGIN,  /* WAL, synchronous=FULL, an index on type, checkpoints by hand: as the plugin has it */
  RAW_UPSTREAM /* rollback journal, synchronous=NORMAL, no index: as upstream has it */
};

/* Makes the file. */
raw *raw_new(const char *path, enum raw_mode mode);
void raw_free(raw *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(raw, raw_free)

/* Stores each message's content; `batch` of them share a transaction. */
void raw_update(raw *self, GPtrArray *messages, guint batch);
/* The same with INSERT OR REPLACE, a transaction each. */
void raw_replace(raw *self, GPtrArray *messages);
/* Reads the value of each message's key. */
void raw_query(raw *self, GPtrArray *messages);
/* Whether each message's content is what is stored. */
void raw_compare(raw *self, GPtrArray *messages);
/* The values of a type as a JSON array of strings, so often. */
void raw_list(raw *self, const char *type, guint times);
/* Stores the elements of each message's JSON array with one statement, a transaction each. */
void raw_save_list(raw *self, GPtrArray *messages, const char *type);
/* What a pod status sync does: deletes the statuses without a pod, joins the others. */
void raw_sync(raw *self, guint times);

#endif
