/* Reads the records of a damaged database page by page, whatever the tree above them looks like. What it finds is unchecked: the
 * caller decides by column count, kinds and checksum what it is. */
#ifndef METAMANAGER_SALVAGE_H
#define METAMANAGER_SALVAGE_H

#include "image.h"

#define SALVAGE_COLUMNS_MAX 32

enum salvage_kind { SALVAGE_NULL, SALVAGE_INTEGER, SALVAGE_TEXT, SALVAGE_BLOB, SALVAGE_OTHER };

struct salvage_column {
  enum salvage_kind kind;
  gint64 integer;
  const char *bytes; /* of a text or blob; not ended by NUL */
  gsize size;
};

/* A record of a table, or of an index (in_index; the last column is the rowid then). Valid during the call. */
struct salvage_record {
  gboolean in_index;
  gboolean is_free; /* its page is on the list of free ones: it was deleted, unless that list is wrong */
  gint64 rowid;
  guint column_count;
  struct salvage_column columns[SALVAGE_COLUMNS_MAX];
};

typedef void salvage_fn(const struct salvage_record *record, void *data);

/* Calls `each` for every record that can be decoded. Returns the number of pages that hold one. */
guint salvage_each(image *pages, salvage_fn *each, void *data);

#endif
