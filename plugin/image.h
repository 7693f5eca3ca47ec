/* The pages of a database file as its last commit left them: the main file, overlaid with the committed frames of the WAL. Read
 * without SQLite, because it refuses what is damaged. Formats: sqlite.org/fileformat.html and walformat.html.
 *
 * Module thread only. */
#ifndef METAMANAGER_IMAGE_H
#define METAMANAGER_IMAGE_H

#include <edgecore/plugin.h>
#include <glib.h>

typedef struct image image;

/* Reads both files into memory; a WAL that is missing or damaged counts as far as it is whole. */
int32_t image_open(const char *path, image **out, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
void image_close(image *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(image, image_close)

/* Whether the file begins as a database does. */
gboolean image_has_header(const image *self);
/* In bytes. Where the header is gone: what the WAL says, else SQLite's default. */
guint32 image_page_size(const image *self);
guint32 image_page_count(const image *self);
/* Page 1 is the first. image_page_size bytes, owned by the image; NULL when there is no such page. */
const guint8 *image_page(const image *self, guint32 number);

#endif
