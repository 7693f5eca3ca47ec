/* A real database, what is in it, and what must hold when a plugin is started on a damaged copy of it: no value that was never there is
 * served, nothing goes missing in silence, and the plugin works on. */
#ifndef TESTS_RELIABILITY_DAMAGED_H
#define TESTS_RELIABILITY_DAMAGED_H

#include "fake_core.h"

#include <stdio.h>

/* The files of a database, by what follows its name. */
enum part { PART_MAIN, PART_WAL, PART_SHM, PART_MARK, PART_COUNT };

struct files {
  GBytes *parts[PART_COUNT]; /* NULL: there is none */
};
void files_clear(struct files *self);
/* A copy, of the references. */
struct files files_copy(const struct files *from);
/* Takes over `bytes`. */
void files_set(struct files *self, enum part part, GBytes *bytes);
guint8 *files_bytes(const struct files *self, enum part part, gsize *size) G_GNUC_WARN_UNUSED_RESULT;

/* What upstream's database and some work on it became, at three moments. */
struct originals {
  struct files older;   /* with a WAL of an earlier time */
  struct files stopped; /* after an orderly stop, with content in the WAL */
  struct files killed;  /* a moment before that */
  struct files other;   /* another database, with its WAL */
  GHashTable *answers;  /* key -> GPtrArray of answers, the latest one first */
  GHashTable *types;    /* "type value" of all rows that ever were */
  GHashTable *messages; /* contents of what is kept for the cloud */
};
/* Made once for the process; a directory for cases too. */
const struct originals *originals_get(void);

/* Changes what is on the disk before the start. */
typedef void damaged_prepare_fn(const char *path, gconstpointer data);

/* What a case allows, and what came of it. */
struct damaged {
  struct files files;
  damaged_prepare_fn *prepare; /* or NULL */
  gconstpointer data;
  gboolean allows_older; /* only the WAL is damaged: earlier values may come back, if that is said */
  gboolean is_flip;      /* nothing but a flipped bit: no second start is tried */
  const char *wrong;     /* NULL: all is well */
  guint missing;         /* keys that were not there at first */
  guint refetched;       /* of them, those that the cloud brought back */
  gboolean was_mended;
};
/* Puts the files into a fresh directory, starts, looks, works, stops; `wrong` says what did not hold. Clears `files`. */
void damaged_try(struct damaged *self);
void damaged_clear(struct damaged *self);

#endif
