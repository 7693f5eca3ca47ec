/* A sector that the disk cannot read, of one file: every pread of the process that reaches it fails with EIO, SQLite's
 * and the plugin's. It stays bad under another name of the file, and whatever is written to it. For one thread. */
#ifndef TESTS_BAD_SECTOR_H
#define TESTS_BAD_SECTOR_H

#include <glib.h>
#include <sys/types.h>

#define BAD_FOR_EVER G_MAXUINT

/* These bytes of the file, for the next `times` reads of them. There is one such place at a time. */
void bad_sector_set(const char *path, off_t at, off_t size, guint times);
void bad_sector_heal(void);
/* How many reads failed since bad_sector_set. */
guint bad_sector_tried(void);

#endif
