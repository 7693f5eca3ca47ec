#include "power_cut.h"

#include "memory_disk_private.h"

#include <string.h>

#define SECTOR 512

/* A part of a write that lies within one sector, or a change of the size. */
struct piece {
  gboolean is_truncate;
  gboolean is_doubtful; /* a sync failed after it: no later one makes it safe, unless its sector is written again */
  gint64 offset;        /* or the new size */
  const guint8 *data;   /* the log's */
  gsize size;
};

struct file {
  const char *name;
  GByteArray *safe;
  GArray *pending; /* struct piece */
};

struct entry {
  guint file;
  gboolean is_delete;
};

struct cutter {
  const disk *recorded;
  guint at;
  GPtrArray *files;  /* struct file, by number */
  GHashTable *names; /* name -> number + 1, of the entries that are safe */
  GArray *entries;   /* struct entry, that are not */
};

static void file_free(gpointer data) {
  struct file *file = data;

  g_byte_array_unref(file->safe);
  g_array_unref(file->pending);
  g_free(file);
}

static struct file *file_at(const cutter *self, guint number) {
  while (self->files->len <= number) {
    const struct disk_named *named = disk_named_at(self->recorded, self->files->len);
    struct file *file = g_new0(struct file, 1);
    gsize size = 0;
    const void *start = named->start != NULL ? g_bytes_get_data(named->start, &size) : NULL;
    file->name = named->name;
    file->safe = g_byte_array_new();
    if (size > 0)
      g_byte_array_append(file->safe, start, (guint)size);
    file->pending = g_array_new(FALSE, FALSE, sizeof(struct piece));
    g_ptr_array_add(self->files, file);
  }
  return g_ptr_array_index(self->files, number);
}

cutter *cutter_new(const disk *recorded) {
  cutter *self = g_new0(cutter, 1);

  self->recorded = recorded;
  self->files = g_ptr_array_new_with_free_func(file_free);
  self->names = g_hash_table_new(g_str_hash, g_str_equal);
  self->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
  for (guint i = 0; i < disk_named_count(recorded); i++)
    if (disk_named_at(recorded, i)->from_start)
      g_hash_table_insert(self->names, (gpointer)file_at(self, i)->name, GUINT_TO_POINTER(i + 1));
  return self;
}

void cutter_free(cutter *self) {
  g_ptr_array_unref(self->files);
  g_hash_table_unref(self->names);
  g_array_unref(self->entries);
  g_free(self);
}

/* ------------------------------------------------------------------------------------------------------- following the log */

static void apply(GByteArray *bytes, const struct piece *piece, gsize size) {
  guint before = bytes->len;

  if (piece->is_truncate) {
    g_byte_array_set_size(bytes, MIN(before, (guint)piece->offset));
    return;
  }
  if ((guint)piece->offset + size > before) {
    g_byte_array_set_size(bytes, (guint)piece->offset + (guint)size);
    memset(bytes->data + before, 0, bytes->len - before);
  }
  memcpy(bytes->data + piece->offset, piece->data, size);
}

static void add_write(struct file *file, const struct disk_op *op) {
  gsize left;
  const guint8 *data = g_bytes_get_data(op->data, &left);
  gint64 offset = op->offset;

  while (left > 0) {
    gsize size = MIN(left, (gsize)(SECTOR - offset % SECTOR));
    const struct piece piece = {.offset = offset, .data = data, .size = size};
    g_array_append_val(file->pending, piece);
    offset += (gint64)size;
    data += size;
    left -= size;
  }
}

static gboolean is_rewritten(const struct file *file, const struct piece *piece) {
  for (guint i = 0; i < file->pending->len; i++) {
    const struct piece *other = &g_array_index(file->pending, struct piece, i);
    if (!other->is_doubtful && !other->is_truncate && other->offset / SECTOR == piece->offset / SECTOR)
      return TRUE;
  }
  return FALSE;
}

static void sync_file(struct file *file) {
  g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(struct piece));

  for (guint i = 0; i < file->pending->len; i++) {
    const struct piece *piece = &g_array_index(file->pending, struct piece, i);
    if (piece->is_doubtful && !piece->is_truncate && !is_rewritten(file, piece))
      g_array_append_val(left, *piece);
    else
      apply(file->safe, piece, piece->size);
  }
  g_array_unref(file->pending);
  file->pending = g_steal_pointer(&left);
}

static void doubt_file(struct file *file) {
  for (guint i = 0; i < file->pending->len; i++)
    g_array_index(file->pending, struct piece, i).is_doubtful = TRUE;
}

static void set_entry(const cutter *self, GHashTable *names, const struct entry *entry) {
  const char *name = file_at(self, entry->file)->name;

  if (!entry->is_delete)
    g_hash_table_insert(names, (gpointer)name, GUINT_TO_POINTER(entry->file + 1));
  else if (GPOINTER_TO_UINT(g_hash_table_lookup(names, name)) == entry->file + 1)
    g_hash_table_remove(names, name);
}

static void follow(cutter *self, const struct disk_op *op) {
  const struct entry entry = {.file = op->file, .is_delete = op->kind == DISK_DELETE};
  const struct piece truncation = {.is_truncate = TRUE, .offset = op->offset};

  switch (op->kind) {
  case DISK_WRITE:
    add_write(file_at(self, op->file), op);
    break;
  case DISK_TRUNCATE:
    g_array_append_val(file_at(self, op->file)->pending, truncation);
    break;
  case DISK_SYNC:
    sync_file(file_at(self, op->file));
    break;
  case DISK_SYNC_FAILED:
    doubt_file(file_at(self, op->file));
    break;
  case DISK_CREATE:
  case DISK_DELETE:
    g_array_append_val(self->entries, entry);
    break;
  case DISK_SYNC_DIRECTORY:
    for (guint i = 0; i < self->entries->len; i++)
      set_entry(self, self->names, &g_array_index(self->entries, struct entry, i));
    g_array_set_size(self->entries, 0);
    break;
  case DISK_OPEN:
    break;
  }
}

void cutter_go(cutter *self, guint position) {
  for (; self->at < position; self->at++)
    follow(self, disk_op_at(self->recorded, self->at));
}

gboolean cutter_is_safe(const cutter *self) {
  for (guint i = 0; i < self->files->len; i++)
    if (((const struct file *)g_ptr_array_index(self->files, i))->pending->len > 0)
      return FALSE;
  return self->entries->len == 0;
}

/* ------------------------------------------------------------------------------------------------------------- the cut */

/* How many eighths of the pieces are kept. */
static gint32 draw_share(GRand *random) {
  static const gint32 shares[] = {1, 4, 7};

  return shares[g_rand_int_range(random, 0, G_N_ELEMENTS(shares))];
}

static void keep_in_order(GByteArray *bytes, const GArray *pending, GRand *random) {
  guint kept = (guint)g_rand_int_range(random, 0, (gint32)pending->len + 1);

  for (guint i = 0; i < kept; i++) {
    const struct piece *piece = &g_array_index(pending, struct piece, i);
    gsize size = i + 1 < kept ? piece->size : (gsize)g_rand_int_range(random, 0, (gint32)piece->size + 1);
    apply(bytes, piece, size);
  }
}

static void keep_sectors(GByteArray *bytes, const GArray *pending, GRand *random) {
  guint torn = (guint)g_rand_int_range(random, 0, (gint32)pending->len);
  gint32 share = draw_share(random);
  guint8 garbage = g_rand_boolean(random) ? 0xa5 : 0;
  guint before = bytes->len;

  for (guint i = 0; i < pending->len; i++) {
    const struct piece *piece = &g_array_index(pending, struct piece, i);
    if (g_rand_int_range(random, 0, 8) >= share)
      continue;
    guint end = MAX(bytes->len, before);
    apply(bytes, piece, i == torn ? piece->size / 2 : piece->size);
    /* Where it grew over a gap there may be what was on the disk earlier. */
    if (!piece->is_truncate && piece->offset > end)
      memset(bytes->data + end, garbage, (gsize)piece->offset - end);
  }
}

static void keep_pieces(GByteArray *bytes, const GArray *pending, enum cut kind, GRand *random) {
  if (kind == CUT_NONE || pending->len == 0)
    return;
  if (kind == CUT_IN_ORDER) {
    keep_in_order(bytes, pending, random);
    return;
  }
  if (kind == CUT_SECTORS) {
    keep_sectors(bytes, pending, random);
    return;
  }
  for (guint i = 0; i < pending->len; i++) {
    const struct piece *piece = &g_array_index(pending, struct piece, i);
    apply(bytes, piece, piece->size);
  }
}

static enum cut draw(enum cut kind, GRand *random) {
  return kind == CUT_MIXED ? (enum cut)g_rand_int_range(random, CUT_NONE, CUT_MIXED) : kind;
}

static GHashTable *cut_entries(const cutter *self, enum cut kind, GRand *random) {
  GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer name;
  gpointer number;

  g_hash_table_iter_init(&iter, self->names);
  while (g_hash_table_iter_next(&iter, &name, &number))
    g_hash_table_insert(names, name, number);
  guint count = self->entries->len;
  if (kind == CUT_IN_ORDER)
    count = (guint)g_rand_int_range(random, 0, (gint32)count + 1);
  for (guint i = 0; kind != CUT_NONE && i < count; i++)
    if (kind != CUT_SECTORS || g_rand_boolean(random))
      set_entry(self, names, &g_array_index(self->entries, struct entry, i));
  return names;
}

disk *cutter_disk(cutter *self, enum cut kind, GRand *random) {
  g_autoptr(GHashTable) names = cut_entries(self, draw(kind, random), random);
  disk *left = disk_new();

  for (guint i = 0; i < self->files->len; i++) {
    const struct file *file = g_ptr_array_index(self->files, i);
    g_autoptr(GByteArray) bytes = g_byte_array_sized_new(file->safe->len);
    if (GPOINTER_TO_UINT(g_hash_table_lookup(names, file->name)) != i + 1)
      continue;
    g_byte_array_append(bytes, file->safe->data, file->safe->len);
    keep_pieces(bytes, file->pending, draw(kind, random), random);
    disk_put(left, file->name, bytes->data, bytes->len);
  }
  return left;
}

/* The file of the log, under its number, with what of it is not safe as operations. */
static void note_file(disk *left, const struct file *file, gboolean is_safe, gboolean is_there) {
  struct disk_named named = {.name = g_strdup(file->name), .from_start = is_safe};
  struct disk_file same = {.number = left->naming->len};

  if (is_safe)
    named.start = g_bytes_new(file->safe->data, file->safe->len);
  g_array_append_val(left->naming, named);
  if (is_there)
    disk_file_of(left, file->name)->number = same.number;
  if (!is_safe) {
    disk_note(left, DISK_CREATE, &same, 0, NULL, 0);
    disk_note(left, DISK_WRITE, &same, 0, file->safe->data, file->safe->len);
  }
  for (guint i = 0; i < file->pending->len; i++) {
    const struct piece *piece = &g_array_index(file->pending, struct piece, i);
    disk_note(left, piece->is_truncate ? DISK_TRUNCATE : DISK_WRITE, &same, piece->offset, piece->data, piece->size);
  }
  if (!is_there)
    disk_note(left, DISK_DELETE, &same, 0, NULL, 0);
}

disk *cutter_killed(cutter *self) {
  g_autoptr(GHashTable) names = cut_entries(self, CUT_ALL, NULL);
  disk *left = cutter_disk(self, CUT_ALL, NULL);

  disk_record(left);
  g_array_set_size(left->naming, 0);
  for (guint i = 0; i < self->files->len; i++) {
    const struct file *file = g_ptr_array_index(self->files, i);
    gboolean is_safe = GPOINTER_TO_UINT(g_hash_table_lookup(self->names, file->name)) == i + 1;
    gboolean is_there = GPOINTER_TO_UINT(g_hash_table_lookup(names, file->name)) == i + 1;
    if (is_safe || is_there)
      note_file(left, file, is_safe, is_there);
  }
  return left;
}

static void add_fingerprint(const char *name, const GByteArray *bytes, void *data) {
  guint64 *sum = data;
  guint64 hash = g_str_hash(name);
  guint i = 0;

  for (guint64 word; i + sizeof word <= bytes->len; i += sizeof word) {
    memcpy(&word, bytes->data + i, sizeof word);
    hash = (hash ^ word) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  for (; i < bytes->len; i++)
    hash = (hash ^ bytes->data[i]) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  *sum += hash ^ bytes->len;
}

guint64 disk_fingerprint(const disk *self) {
  guint64 sum = 0;

  disk_each(self, add_fingerprint, &sum);
  return sum;
}
