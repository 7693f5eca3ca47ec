#include "wal_mark.h"

#include "image.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x4b454d31 /* "KEM1" */
#define WAL_HEADER_SIZE 32

/* As it is in the file; the machine's own byte order, for it never leaves the machine. */
struct mark {
  guint32 magic;
  guint32 sequence; /* of the WAL: it grows by one with each beginning from the start, and so does the first salt */
  guint32 salts[2];
  guint32 frames;
  guint32 moved;
  gint64 file_size; /* of the database, which never shrinks */
  gint64 sum;
};

struct wal_mark {
  char *path;
  int descriptor; /* -1: not open */
  struct mark mark;
  gboolean is_known; /* `mark` is about the WAL as it is now */
};

static gint64 sum_of(const struct mark *mark) {
  return text_sum("", 0, "", 0, (const char *)mark, G_STRUCT_OFFSET(struct mark, sum));
}

static guint32 read32(const guint8 *bytes) {
  return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static gboolean read_start(const char *path, const char *suffix, void *bytes, gsize size) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  int descriptor = open(name, O_RDONLY | O_CLOEXEC);

  if (descriptor < 0)
    return FALSE;
  gboolean is_read = pread(descriptor, bytes, size, 0) == (gssize)size;
  close(descriptor);
  return is_read;
}

static gboolean read_mark(const char *path, struct mark *mark) {
  return read_start(path, "-mark", mark, sizeof *mark) && mark->magic == MAGIC && mark->sum == sum_of(mark);
}

static gint64 file_size(const char *path) {
  struct stat status;

  return stat(path, &status) == 0 ? (gint64)status.st_size : 0;
}

void wal_mark_remove(const char *path) {
  g_autofree char *name = g_strconcat(path, "-mark", NULL);
  g_autofree char *directory = g_path_get_dirname(path);

  if (unlink(name) != 0)
    return;
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  close(descriptor);
}

wal_mark *wal_mark_new(const char *path) {
  wal_mark *self = g_new0(wal_mark, 1);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);

  /* SQLite counts on from the WAL that it finds. Without one it begins with random salts: to an older mark, which a power cut may bring
   * back, that would be another database's WAL. */
  if (file_size(wal) <= WAL_HEADER_SIZE)
    wal_mark_remove(path);

  self->path = g_strdup(path);
  self->descriptor = -1;
  return self;
}

void wal_mark_free(wal_mark *self) {
  if (self == NULL)
    return;
  if (self->descriptor >= 0)
    close(self->descriptor);
  g_free(self->path);
  g_free(self);
}

static void open_mark(wal_mark *self) {
  g_autofree char *name = g_strconcat(self->path, "-mark", NULL);

  self->descriptor = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->descriptor >= 0)
    (void)fchmod(self->descriptor, 0600);
}

/* What the WAL says of itself, and what the mark said of it so far. */
static void look(wal_mark *self) {
  struct mark now = {.magic = MAGIC};
  guint8 header[WAL_HEADER_SIZE];
  struct mark before;

  self->is_known = FALSE;
  /* A file system that is not the system's, as tests have it, has nothing here. */
  now.file_size = file_size(self->path);
  if (now.file_size == 0 || !read_start(self->path, "-wal", header, sizeof header))
    return;
  now.sequence = read32(header + 12);
  now.salts[0] = read32(header + 16);
  now.salts[1] = read32(header + 20);
  if (read_mark(self->path, &before) && before.sequence == now.sequence && before.salts[0] == now.salts[0] &&
      before.salts[1] == now.salts[1]) {
    now.frames = before.frames;
    now.moved = before.moved;
  }
  self->mark = now;
  self->is_known = TRUE;
}

static void write_mark(wal_mark *self) {
  if (self->descriptor < 0)
    open_mark(self);
  self->mark.sum = sum_of(&self->mark);
  /* One that is written in part has the wrong sum, and is none. */
  if (self->descriptor >= 0 && pwrite(self->descriptor, &self->mark, sizeof self->mark, 0) < 0)
    self->is_known = FALSE;
}

void wal_mark_commit(wal_mark *self, guint32 frames) {
  if (!self->is_known || frames <= self->mark.frames)
    look(self);
  if (!self->is_known)
    return;
  self->mark.frames = MAX(self->mark.frames, frames);
  write_mark(self);
}

void wal_mark_checkpoint(wal_mark *self, guint32 frames, guint32 moved) {
  look(self);
  if (!self->is_known)
    return;
  self->mark.frames = MAX(self->mark.frames, frames);
  self->mark.moved = MAX(self->mark.moved, moved);
  write_mark(self);
  /* The next commit may begin the WAL anew. */
  self->is_known = FALSE;
}

static enum wal_state check_frames(const struct mark *mark, const struct image_wal *wal, char **text) {
  guint32 steps = wal->sequence - mark->sequence;

  if (wal->salts[0] - mark->salts[0] != steps || steps > G_MAXINT32 ||
      (steps == 0 && wal->salts[1] != mark->salts[1])) {
    *text = g_strdup("its WAL is of another database or of an earlier time");
    return WAL_IS_STRANGE;
  }
  if (steps > 0 || wal->frames >= mark->frames)
    return WAL_FITS;
  *text = g_strdup_printf("its WAL has only %u of at least %u pages", wal->frames, mark->frames);
  return wal->frames >= mark->moved ? WAL_IS_SHORT : WAL_IS_STRANGE;
}

/* The beginning of the WAL cannot be read. */
static enum wal_state check_missing(const struct mark *mark, gboolean is_empty, char **text) {
  guint32 lost = mark->frames - MIN(mark->moved, mark->frames);

  if (lost == 0 && is_empty)
    return WAL_FITS;
  if (!is_empty) {
    *text = g_strdup("its WAL does not begin as one");
    return WAL_IS_STRANGE;
  }
  *text = g_strdup_printf("its WAL of at least %u pages is gone, and %u of them were not in the database yet: what was "
                          "written last is lost, unless another program has closed the database since",
                          mark->frames, lost);
  return WAL_GONE;
}

enum wal_state wal_mark_check(const char *path, char **text) {
  g_autofree char *wal_path = g_strconcat(path, "-wal", NULL);
  g_autoptr(image) pages = NULL;
  struct mark mark;

  *text = NULL;
  if (!read_mark(path, &mark) || image_open(path, TRUE, &pages, NULL) != EDGECORE_OK)
    return WAL_FITS;
  const struct image_wal *wal = image_wal_of(pages);
  enum wal_state state =
      wal->is_whole ? check_frames(&mark, wal, text) : check_missing(&mark, file_size(wal_path) == 0, text);
  if (state == WAL_FITS && file_size(path) < mark.file_size) {
    *text = g_strdup_printf("it has only %" G_GINT64_FORMAT " of its %" G_GINT64_FORMAT " bytes", file_size(path),
                            mark.file_size);
    return WAL_IS_SHORT;
  }
  return state;
}
