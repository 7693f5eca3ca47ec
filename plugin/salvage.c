#include "salvage.h"

#include <string.h>

#define INDEX_INTERIOR 0x02
#define INDEX_LEAF 0x0a
#define TABLE_LEAF 0x0d
/* Of each page, on the average. It belongs to one record, but what is no record may lead to it too; a file can be made so that all do. */
#define OVERFLOW_READS 16

/* Bytes of a page or payload that are still to be read. Reading past the end gives zeros and sets `bad`. */
struct cursor {
  const guint8 *at;
  const guint8 *end;
  gboolean bad;
};

struct salvage {
  image *pages;
  guint8 *page;
  guint8 *overflow;
  salvage_fn *each;
  void *data;
  GByteArray *payload;
  GHashTable *free; /* numbers of pages */
  guint32 page_count;
  guint64 overflow_left; /* pages that may still be read for payloads that do not fit on one */
};

static guint32 read16(const guint8 *bytes) {
  return (guint32)bytes[0] << 8 | bytes[1];
}

static guint32 read32(const guint8 *bytes) {
  return read16(bytes) << 16 | read16(bytes + 2);
}

static guint64 get_varint(struct cursor *cursor) {
  guint64 value = 0;

  for (int i = 0; i < 9; i++) {
    if (cursor->at >= cursor->end) {
      cursor->bad = TRUE;
      return 0;
    }
    guint8 byte = *cursor->at++;
    if (i == 8)
      return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0)
      return value;
  }
  return value;
}

static gint64 get_integer(struct cursor *cursor, guint size) {
  if ((gsize)(cursor->end - cursor->at) < size) {
    cursor->bad = TRUE;
    return 0;
  }
  /* Big-endian, in two's complement. */
  guint64 value = (cursor->at[0] & 0x80) != 0 ? G_MAXUINT64 : 0;
  for (guint i = 0; i < size; i++)
    value = value << 8 | cursor->at[i];
  cursor->at += size;
  return (gint64)value;
}

static void get_column(struct cursor *body, guint64 type, struct salvage_column *column) {
  static const guint8 sizes[] = {0, 1, 2, 3, 4, 6, 8};

  *column = (struct salvage_column){.kind = SALVAGE_NULL};
  if (type >= 12) {
    gsize size = (gsize)((type - 12) / 2);
    column->kind = type % 2 != 0 ? SALVAGE_TEXT : SALVAGE_BLOB;
    if ((gsize)(body->end - body->at) < size) {
      body->bad = TRUE;
      return;
    }
    column->bytes = (const char *)body->at;
    column->size = size;
    body->at += size;
  } else if (type >= 1 && type <= 6) {
    column->kind = SALVAGE_INTEGER;
    column->integer = get_integer(body, sizes[type]);
  } else if (type == 8 || type == 9) {
    column->kind = SALVAGE_INTEGER;
    column->integer = type == 9;
  } else if (type != 0) {
    column->kind = SALVAGE_OTHER;
    body->bad = type != 7;
    get_integer(body, 8);
  }
}

static gboolean decode(const guint8 *payload, gsize size, struct salvage_record *record) {
  struct cursor header = {.at = payload, .end = payload + size};
  guint64 header_size = get_varint(&header);

  if (header.bad || header_size > size || payload + header_size < header.at)
    return FALSE;
  header.end = payload + header_size;
  struct cursor body = {.at = header.end, .end = payload + size};
  record->column_count = 0;
  while (header.at < header.end && !header.bad && !body.bad) {
    if (record->column_count == SALVAGE_COLUMNS_MAX)
      return FALSE;
    get_column(&body, get_varint(&header), &record->columns[record->column_count++]);
  }
  /* A record fills its payload; one that does not is not a record. */
  return !header.bad && !body.bad && body.at == body.end && record->column_count > 0;
}

/* How much of a payload is on the page itself. */
static gsize local_size(gsize page_size, gboolean in_index, guint64 payload) {
  gsize max = in_index ? (page_size - 12) * 64 / 255 - 23 : page_size - 35;
  gsize min = (page_size - 12) * 32 / 255 - 23;

  if (payload <= max)
    return (gsize)payload;
  gsize kept = min + (gsize)((payload - min) % (page_size - 4));
  return kept <= max ? kept : min;
}

/* The whole payload of a cell, put together from its overflow pages. FALSE when one of them is missing. */
static gboolean get_payload(struct salvage *self, struct cursor *cell, gboolean in_index, guint64 size) {
  gsize page_size = image_page_size(self->pages);
  gsize local = local_size(page_size, in_index, size);

  if (size == 0 || (gsize)(cell->end - cell->at) < local + (local < size ? 4 : 0) ||
      size > (guint64)self->page_count * page_size)
    return FALSE;
  g_byte_array_set_size(self->payload, 0);
  g_byte_array_append(self->payload, cell->at, (guint)local);
  const guint8 *link = cell->at + local;
  while (self->payload->len < size) {
    if (self->overflow_left == 0 || !image_read(self->pages, read32(link), self->overflow))
      return FALSE;
    self->overflow_left--;
    link = self->overflow;
    g_byte_array_append(self->payload, link + 4, (guint)MIN(page_size - 4, size - self->payload->len));
  }
  return TRUE;
}

static gboolean read_cell(struct salvage *self, guint32 offset, guint8 type, gboolean is_free) {
  const guint8 *page = self->page;
  struct salvage_record record = {.in_index = type != TABLE_LEAF, .is_free = is_free};
  struct cursor cell = {.at = page + offset, .end = page + image_page_size(self->pages)};

  if (type == INDEX_INTERIOR)
    cell.at = MIN(cell.at + 4, cell.end);
  guint64 size = get_varint(&cell);
  if (type == TABLE_LEAF)
    record.rowid = (gint64)get_varint(&cell);
  if (cell.bad || !get_payload(self, &cell, record.in_index, size) ||
      !decode(self->payload->data, self->payload->len, &record))
    return FALSE;
  self->each(&record, self->data);
  return TRUE;
}

static gboolean read_page(struct salvage *self, guint32 number) {
  const guint8 *page = self->page;
  guint32 start = number == 1 ? 100 : 0;
  gboolean is_free = g_hash_table_contains(self->free, GUINT_TO_POINTER(number));
  gboolean any = FALSE;

  if (!image_read(self->pages, number, self->page) ||
      (page[start] != TABLE_LEAF && page[start] != INDEX_LEAF && page[start] != INDEX_INTERIOR))
    return FALSE;
  guint32 count = read16(page + start + 3);
  guint32 pointers = start + (page[start] == INDEX_INTERIOR ? 12 : 8);
  for (guint32 i = 0; i < count && pointers + 2 * i + 2 <= image_page_size(self->pages); i++) {
    guint32 offset = read16(page + pointers + 2 * i);
    if (offset < image_page_size(self->pages) && read_cell(self, offset, page[start], is_free))
      any = TRUE;
  }
  return any;
}

static void add_free(struct salvage *self, guint32 number) {
  if (number <= self->page_count)
    g_hash_table_add(self->free, GUINT_TO_POINTER(number));
}

/* The list of free pages, as far as it can be followed: trunks that name others. */
static void read_free(struct salvage *self) {
  guint32 slots = image_page_size(self->pages) / 4 - 2;
  guint32 next = image_read(self->pages, 1, self->page) ? read32(self->page + 32) : 0;

  while (next <= self->page_count && !g_hash_table_contains(self->free, GUINT_TO_POINTER(next)) &&
         image_read(self->pages, next, self->page)) {
    add_free(self, next);
    guint32 count = MIN(read32(self->page + 4), slots);
    for (guint32 i = 0; i < count; i++)
      add_free(self, read32(self->page + 8 + 4 * i));
    next = read32(self->page);
  }
}

guint salvage_each(image *pages, salvage_fn *each, void *data) {
  g_autoptr(GByteArray) payload = g_byte_array_new();
  g_autofree guint8 *page = g_malloc(image_page_size(pages));
  g_autofree guint8 *overflow = g_malloc(image_page_size(pages));
  g_autoptr(GHashTable) free = g_hash_table_new(g_direct_hash, g_direct_equal);
  struct salvage self = {.pages = pages,
                         .page = page,
                         .overflow = overflow,
                         .each = each,
                         .data = data,
                         .payload = payload,
                         .free = free,
                         .page_count = image_page_count(pages)};
  guint found = 0;

  read_free(&self);
  self.overflow_left = OVERFLOW_READS * (guint64)self.page_count;
  for (guint32 number = image_next(pages, 0); number != 0; number = image_next(pages, number))
    if (read_page(&self, number))
      found++;
  return found;
}
