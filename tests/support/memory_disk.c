#include "memory_disk_private.h"

static const char *const fault_names[DISK_FAULT_COUNT] = {
    [DISK_FAULT_NONE] = "none",
    [DISK_FAULT_READ] = "read EIO",
    [DISK_FAULT_WRITE] = "write EIO",
    [DISK_FAULT_FULL] = "write ENOSPC",
    [DISK_FAULT_SHORT_WRITE] = "short write",
    [DISK_FAULT_SYNC] = "sync",
    [DISK_FAULT_TRUNCATE] = "truncate",
    [DISK_FAULT_LOCK] = "lock",
    [DISK_FAULT_OPEN] = "open",
    [DISK_FAULT_DELETE] = "delete",
    [DISK_FAULT_LOOK] = "look",
    [DISK_FAULT_SHARED] = "shared memory",
};

const char *disk_fault_name(enum disk_fault fault) {
  return fault_names[fault];
}

static void file_free(struct disk_file *file) {
  g_byte_array_unref(file->bytes);
  g_clear_pointer(&file->regions, g_ptr_array_unref);
  g_free(file);
}

void disk_file_settle(struct disk_file *file) {
  if (!file->linked && file->open == 0)
    file_free(file);
}

static void unlink_file(gpointer data) {
  struct disk_file *file = data;

  file->linked = FALSE;
  disk_file_settle(file);
}

static void op_clear(gpointer data) {
  g_clear_pointer(&((struct disk_op *)data)->data, g_bytes_unref);
}

static void named_clear(gpointer data) {
  struct disk_named *named = data;

  g_clear_pointer(&named->name, g_free);
  g_clear_pointer(&named->start, g_bytes_unref);
}

disk *disk_new(void) {
  disk *self = g_new0(disk, 1);

  self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unlink_file);
  self->ops = g_array_new(FALSE, FALSE, sizeof(struct disk_op));
  self->naming = g_array_new(FALSE, FALSE, sizeof(struct disk_named));
  g_array_set_clear_func(self->ops, op_clear);
  g_array_set_clear_func(self->naming, named_clear);
  return self;
}

void disk_free(disk *self) {
  if (self->open > 0)
    g_error("memory disk: %u files are open still", self->open);
  g_hash_table_unref(self->files);
  g_array_unref(self->ops);
  g_array_unref(self->naming);
  g_free(self->ignored_sync);
  g_free(self);
}

void disk_use(disk *self) {
  disk_vfs_use(self);
}

struct disk_file *disk_file_of(const disk *self, const char *name) {
  return g_hash_table_lookup(self->files, name);
}

static guint name_file(disk *self, const char *name) {
  const struct disk_named named = {.name = g_strdup(name)};

  g_array_append_val(self->naming, named);
  return self->naming->len - 1;
}

struct disk_file *disk_file_add(disk *self, const char *name) {
  struct disk_file *file = g_new0(struct disk_file, 1);

  file->bytes = g_byte_array_new();
  file->number = G_MAXUINT;
  if (name != NULL) {
    file->linked = TRUE;
    file->number = name_file(self, name);
    g_hash_table_insert(self->files, g_strdup(name), file);
  }
  return file;
}

void disk_put(disk *self, const char *name, const void *bytes, gsize size) {
  struct disk_file *file = disk_file_add(self, name);

  g_byte_array_append(file->bytes, bytes, (guint)size);
}

void disk_each(const disk *self, disk_file_fn *each, void *data) {
  GHashTableIter iter;
  gpointer name;
  gpointer file;

  g_hash_table_iter_init(&iter, self->files);
  while (g_hash_table_iter_next(&iter, &name, &file))
    each(name, ((const struct disk_file *)file)->bytes, data);
}

static void put_copy(const char *name, const GByteArray *bytes, void *data) {
  disk_put(data, name, bytes->data, bytes->len);
}

disk *disk_copy(const disk *self) {
  disk *copy = disk_new();

  disk_each(self, put_copy, copy);
  return copy;
}

void disk_touch(disk *self, const char *name) {
  if (disk_file_of(self, name) == NULL)
    disk_note(self, DISK_CREATE, disk_file_add(self, name), 0, NULL, 0);
}

const GByteArray *disk_get(const disk *self, const char *name) {
  const struct disk_file *file = disk_file_of(self, name);

  return file != NULL ? file->bytes : NULL;
}

guint disk_open_count(const disk *self) {
  return self->open;
}

void disk_note(disk *self, enum disk_op_kind kind, const struct disk_file *file, gint64 offset, const void *data,
               gsize size) {
  struct disk_op op = {.kind = kind, .file = file != NULL ? file->number : G_MAXUINT, .offset = offset};

  if (!self->recording || (file != NULL && file->number == G_MAXUINT))
    return;
  if (kind == DISK_WRITE)
    op.data = g_bytes_new(data, size);
  g_array_append_val(self->ops, op);
}

void disk_record(disk *self) {
  GHashTableIter iter;
  gpointer name;
  gpointer value;

  g_array_set_size(self->ops, 0);
  g_array_set_size(self->naming, 0);
  g_hash_table_iter_init(&iter, self->files);
  while (g_hash_table_iter_next(&iter, &name, &value)) {
    struct disk_file *file = value;
    file->number = name_file(self, name);
    struct disk_named *named = &g_array_index(self->naming, struct disk_named, file->number);
    named->from_start = TRUE;
    named->start = g_bytes_new(file->bytes->data, file->bytes->len);
  }
  self->recording = TRUE;
}

guint disk_position(const disk *self) {
  return self->ops->len;
}

const struct disk_op *disk_op_at(const disk *self, guint number) {
  return &g_array_index(self->ops, struct disk_op, number);
}

const struct disk_named *disk_named_at(const disk *self, guint file) {
  return &g_array_index(self->naming, struct disk_named, file);
}

guint disk_named_count(const disk *self) {
  return self->naming->len;
}

void disk_ignore_sync(disk *self, const char *suffix) {
  g_free(self->ignored_sync);
  self->ignored_sync = g_strdup(suffix);
}

gboolean disk_lies(const disk *self, const struct disk_file *file) {
  if (self->ignored_sync == NULL || file->number == G_MAXUINT)
    return FALSE;
  return g_str_has_suffix(disk_named_at(self, file->number)->name, self->ignored_sync);
}

void disk_fail(disk *self, enum disk_fault fault, guint first, guint count) {
  self->fault = fault;
  self->fault_first = first;
  self->fault_count = count;
  self->fault_calls = 0;
  self->faults_seen = 0;
}

guint disk_fault_calls(const disk *self) {
  return self->fault_calls;
}

guint disk_faults_seen(const disk *self) {
  return self->faults_seen;
}

enum disk_fault disk_strike(disk *self, guint faults) {
  if (self->fault == DISK_FAULT_NONE || (faults & 1u << self->fault) == 0)
    return DISK_FAULT_NONE;
  self->fault_calls++;
  if (self->fault_calls < self->fault_first || self->fault_calls - self->fault_first >= self->fault_count)
    return DISK_FAULT_NONE;
  self->faults_seen++;
  return self->fault;
}
