/* The pages of a database file as its last commit left them: the main file, overlaid with the committed frames of the WAL. Read
 * without SQLite, because it refuses what is damaged. Formats: sqlite.org/fileformat.html and walformat.html.
 *
 * Module thread only. */
#ifndef METAMANAGER_IMAGE_H
#define METAMANAGER_IMAGE_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct image image;

/* Opens both files; a WAL that is missing or damaged counts as far as it is whole, and not at all unless `with_wal`. */
int32_t image_open(const char *path, gboolean with_wal, image **out,
                   struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void image_close(image *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(image, image_close)

/* Whether the file begins as a database does. */
gboolean image_has_header(const image *self);
/* Whether there are only zeros where the header is to be. */
gboolean image_has_blank_header(const image *self);
/* In bytes. Where the header is gone: what the WAL says, else SQLite's default. */
guint32 image_page_size(const image *self);
/* How many pages there are: those that something claims to exist and that are nowhere do not count. */
guint32 image_page_count(const image *self);
/* The first page after this one that there is; 0: none. Pages begin with 1. */
guint32 image_next(const image *self, guint32 number);
/* What its WAL says of itself. */
struct image_wal {
  gboolean is_whole; /* it begins as a WAL does; else all else is 0 */
  guint32 sequence;
  guint32 salts[2];
  guint32 frames; /* up to the last one that ends a transaction */
};
const struct image_wal *image_wal_of(const image *self);
/* Reads a page into the caller's image_page_size bytes. FALSE when there is none, or when the disk cannot read it. */
gboolean image_read(image *self, guint32 number, guint8 *page) G_GNUC_WARN_UNUSED_RESULT;
/* How many pages image_read could not read; it does not try these again. */
guint image_unreadable(const image *self);
/* Tries them again. TRUE: some can be read now, as after a disk that was gone for a moment. */
gboolean image_recover(image *self) G_GNUC_WARN_UNUSED_RESULT;

#endif
