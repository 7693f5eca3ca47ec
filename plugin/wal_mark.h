/* A mark beside the database (its name, "-mark") that tells which WAL belongs to it and how much is in that at least. SQLite takes any WAL
 * that is whole in itself: one that is gone, cut short, of an earlier time or of another database would pass unnoticed.
 *
 * It is written after each commit, and not synced: what it tells was synced before, and the WAL only grows until all of it was moved to the
 * database, so a mark that a power cut made older is still true; where there is no WAL to go on from, it is removed first, and that is
 * synced. (A cut may tear the beginning of a new WAL while the mark is of the one before: then the database is mended although nothing is
 * lost.) A database whose mark was removed is not guarded. Who puts another database in its place, with a WAL of its own, removes the mark
 * or brings that one's: else the WAL counts as strange, and is only kept.
 *
 * A WAL that another program has moved to the database and removed, as every SQLite program does that closes it last, looks like one
 * that is gone, unless the module was stopped in an orderly way: then all of it had been moved before. That is why a WAL that is gone
 * is a warning only. */
#ifndef METAMANAGER_WAL_MARK_H
#define METAMANAGER_WAL_MARK_H

#include <glib.h>

enum wal_state {
  WAL_FITS,
  WAL_GONE,      /* with what was written last; the file itself is as it was before that */
  WAL_IS_SHORT,  /* part of it is lost, or it has shrunk; what is left of it belongs to the file */
  WAL_IS_STRANGE /* it does not belong to the file, or would put back old pages: it must not be used */
};

typedef struct wal_mark wal_mark;

/* For a connection that has written nothing yet. Never opens the database. */
wal_mark *wal_mark_new(const char *path);
void wal_mark_free(wal_mark *self);
/* The WAL has so many pages after a commit. Failures do not matter. */
void wal_mark_commit(wal_mark *self, guint32 frames);
/* A checkpoint has moved so many of them. */
void wal_mark_checkpoint(wal_mark *self, guint32 frames, guint32 moved);

/* Holds the WAL against the mark; *text says what is wrong, the caller owns it. The database must not be open in this process. */
enum wal_state wal_mark_check(const char *path, char **text) G_GNUC_WARN_UNUSED_RESULT;
/* For good: a power cut does not bring it back. */
void wal_mark_remove(const char *path);

#endif
