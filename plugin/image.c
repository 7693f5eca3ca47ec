#include "image.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "SQLite format 3"
#define HEADER_SIZE 100
#define DEFAULT_PAGE_SIZE 4096
#define WAL_HEADER_SIZE 32
#define FRAME_HEADER_SIZE 24
/* SQLite's highest page number. */
#define PAGE_MAX 0xfffffffeu
/* A sector of a flash that dies may be read at one attempt and not at another. */
#define READ_ATTEMPTS 3

/* A file open for reading; -1 when there is none. It is not mapped: a sector that cannot be read would end the process. */
struct source {
  int descriptor;
  guint64 size;
};

struct image {
  struct source file;
  struct source wal;
  struct image_wal about_wal;
  gboolean has_header;
  gboolean has_blank_header;
  guint32 page_size;
  guint32 in_file;        /* so many pages, from the first on, are in the main file and needed */
  guint32 last_page;      /* that the last commit knows */
  GTree *frames;          /* page number -> the number of its frame in the WAL; the first is 1 */
  GHashTable *unreadable; /* numbers of pages */
};

/* Where the reading of the WAL is: a frame, and the checksum up to it. */
struct walk {
  guint8 *bytes;
  guint8 header[WAL_HEADER_SIZE];
  guint32 sum[2];
};

/* A page that the WAL has, in which frame. */
struct frame {
  guint32 page;
  guint32 number;
};

static guint32 read32(const guint8 *bytes) {
  return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static int32_t open_source(const char *path, struct source *source, struct edgecore_error *error) {
  struct stat status;

  source->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (source->descriptor < 0)
    return error_set(error, errno == ENOENT ? EDGECORE_NOT_FOUND : EDGECORE_IO, "cannot open %s: %s", path,
                     g_strerror(errno));
  /* Not taken for an empty file: what is in it would be given up. */
  if (fstat(source->descriptor, &status) != 0)
    return error_set(error, EDGECORE_IO, "cannot look at %s: %s", path, g_strerror(errno));
  source->size = (guint64)status.st_size;
  return EDGECORE_OK;
}

static void close_source(struct source *source) {
  if (source->descriptor >= 0)
    close(source->descriptor);
}

/* FALSE when not all of it is there, or can be read. */
static gboolean read_at(const struct source *source, guint64 at, guint8 *bytes, gsize size) {
  guint failures = 0;

  if (at + size > source->size)
    return FALSE;
  while (size > 0) {
    gssize count = pread(source->descriptor, bytes, size, (off_t)at);
    /* At the end of a file that was longer a moment ago. */
    if (count == 0)
      return FALSE;
    if (count > 0) {
      bytes += count;
      at += (guint64)count;
      size -= (gsize)count;
    } else if (errno != EINTR && ++failures == READ_ATTEMPTS) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean is_page_size(guint32 size) {
  return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

/* The checksum of the WAL, over pairs of words in the byte order that its magic number tells. */
static void wal_sum(const guint8 *bytes, gsize size, gboolean big_endian, guint32 sum[2]) {
  for (gsize i = 0; i + 8 <= size; i += 8) {
    guint32 words[2];
    memcpy(words, bytes + i, sizeof words);
    for (int j = 0; j < 2; j++)
      words[j] = big_endian ? GUINT32_FROM_BE(words[j]) : GUINT32_FROM_LE(words[j]);
    sum[0] += words[0] + sum[1];
    sum[1] += words[1] + sum[0];
  }
}

/* The page size that a whole WAL header tells; 0 for another. */
static guint32 read_wal_header(const struct source *wal, struct walk *self) {
  const guint8 *header = self->header;

  if (!read_at(wal, 0, self->header, WAL_HEADER_SIZE) || (read32(header) & ~1u) != 0x377f0682u)
    return 0;
  wal_sum(header, 24, (read32(header) & 1) != 0, self->sum);
  guint32 page_size = read32(header + 8);
  return self->sum[0] == read32(header + 24) && self->sum[1] == read32(header + 28) && is_page_size(page_size)
             ? page_size
             : 0;
}

static gboolean frame_is_whole(struct walk *self, guint32 page_size) {
  gboolean big_endian = (read32(self->header) & 1) != 0;
  const guint8 *frame = self->bytes;

  if (memcmp(frame + 8, self->header + 16, 8) != 0)
    return FALSE;
  wal_sum(frame, 8, big_endian, self->sum);
  wal_sum(frame + FRAME_HEADER_SIZE, page_size, big_endian, self->sum);
  return self->sum[0] == read32(frame + 16) && self->sum[1] == read32(frame + 20) && read32(frame) != 0 &&
         read32(frame) <= PAGE_MAX;
}

static int compare_numbers(gconstpointer a, gconstpointer b) {
  return (GPOINTER_TO_UINT(a) > GPOINTER_TO_UINT(b)) - (GPOINTER_TO_UINT(a) < GPOINTER_TO_UINT(b));
}

static gsize frame_size(const image *self) {
  return FRAME_HEADER_SIZE + (gsize)self->page_size;
}

static guint64 frame_offset(const image *self, guint32 number) {
  return WAL_HEADER_SIZE + (guint64)(number - 1) * frame_size(self);
}

/* Notes the frames up to the last one that ends a transaction. The checksum of each goes on from the one before, so
 * with one that cannot be read the WAL ends. */
static void read_frames(image *self, struct walk *walk) {
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(struct frame));

  for (guint32 number = 1; read_at(&self->wal, frame_offset(self, number), walk->bytes, frame_size(self)); number++) {
    if (!frame_is_whole(walk, self->page_size))
      return;
    const struct frame frame = {.page = read32(walk->bytes), .number = number};
    g_array_append_val(open, frame);
    guint32 page_count = read32(walk->bytes + 4);
    if (page_count == 0)
      continue;
    for (guint i = 0; i < open->len; i++) {
      const struct frame *committed = &g_array_index(open, struct frame, i);
      g_tree_insert(self->frames, GUINT_TO_POINTER(committed->page), GUINT_TO_POINTER(committed->number));
    }
    g_array_set_size(open, 0);
    self->last_page = page_count;
    self->about_wal.frames = number;
  }
}

static void read_wal(image *self, struct walk *walk) {
  g_autofree guint8 *bytes = g_malloc(frame_size(self));

  walk->bytes = bytes;
  self->about_wal.is_whole = TRUE;
  self->about_wal.sequence = read32(walk->header + 12);
  self->about_wal.salts[0] = read32(walk->header + 16);
  self->about_wal.salts[1] = read32(walk->header + 20);
  read_frames(self, walk);
}

static void read_header(image *self, guint8 header[HEADER_SIZE]) {
  static const guint8 blank[HEADER_SIZE] = {0};

  if (!read_at(&self->file, 0, header, HEADER_SIZE))
    return;
  self->has_header = memcmp(header, HEADER, sizeof HEADER) == 0;
  self->has_blank_header = memcmp(header, blank, HEADER_SIZE) == 0;
}

int32_t image_open(const char *path, gboolean with_wal, image **out, struct edgecore_error *error) {
  g_autofree char *wal_path = g_strconcat(path, "-wal", NULL);
  g_autoptr(image) self = g_new0(image, 1);
  struct walk walk = {.sum = {0, 0}};
  guint8 header[HEADER_SIZE];

  self->file.descriptor = self->wal.descriptor = -1;
  self->frames = g_tree_new(compare_numbers);
  self->unreadable = g_hash_table_new(g_direct_hash, g_direct_equal);
  int32_t code = open_source(path, &self->file, error);
  if (code != EDGECORE_OK)
    return code;
  if (with_wal)
    code = open_source(wal_path, &self->wal, error);
  if (code != EDGECORE_OK && code != EDGECORE_NOT_FOUND)
    return code;

  guint32 wal_page_size = read_wal_header(&self->wal, &walk);
  self->page_size = wal_page_size != 0 ? wal_page_size : DEFAULT_PAGE_SIZE;
  read_header(self, header);
  if (self->has_header) {
    guint32 size = (guint32)header[16] << 8 | header[17];
    size = size == 1 ? 65536 : size;
    self->page_size = is_page_size(size) ? size : self->page_size;
  }
  self->in_file = self->last_page = (guint32)MIN(self->file.size / self->page_size, PAGE_MAX);
  if (wal_page_size == self->page_size)
    read_wal(self, &walk);
  self->in_file = MIN(self->in_file, self->last_page);
  *out = g_steal_pointer(&self);
  return EDGECORE_OK;
}

void image_close(image *self) {
  if (self == NULL)
    return;
  close_source(&self->file);
  close_source(&self->wal);
  g_tree_unref(self->frames);
  g_hash_table_unref(self->unreadable);
  g_free(self);
}

gboolean image_has_header(const image *self) {
  return self->has_header;
}

gboolean image_has_blank_header(const image *self) {
  return self->has_blank_header;
}

const struct image_wal *image_wal_of(const image *self) {
  return &self->about_wal;
}

guint32 image_page_size(const image *self) {
  return self->page_size;
}

guint32 image_next(const image *self, guint32 number) {
  if (number < self->in_file)
    return number + 1;
  GTreeNode *node = g_tree_upper_bound(self->frames, GUINT_TO_POINTER(number));
  guint32 next = node != NULL ? GPOINTER_TO_UINT(g_tree_node_key(node)) : 0;
  return next <= self->last_page ? next : 0;
}

guint32 image_page_count(const image *self) {
  guint32 count = self->in_file;

  for (guint32 number = image_next(self, count); number != 0; number = image_next(self, number))
    count++;
  return count;
}

static gboolean read_page(const image *self, guint32 number, guint8 *page) {
  guint32 frame = GPOINTER_TO_UINT(g_tree_lookup(self->frames, GUINT_TO_POINTER(number)));

  if (frame != 0)
    return read_at(&self->wal, frame_offset(self, frame) + FRAME_HEADER_SIZE, page, self->page_size);
  return read_at(&self->file, (guint64)(number - 1) * self->page_size, page, self->page_size);
}

gboolean image_read(image *self, guint32 number, guint8 *page) {
  if (number == 0 || image_next(self, number - 1) != number ||
      g_hash_table_contains(self->unreadable, GUINT_TO_POINTER(number)))
    return FALSE;
  gboolean is_read = read_page(self, number, page);
  if (!is_read)
    g_hash_table_add(self->unreadable, GUINT_TO_POINTER(number));
  return is_read;
}

guint image_unreadable(const image *self) {
  return g_hash_table_size(self->unreadable);
}

gboolean image_recover(image *self) {
  g_autofree guint8 *page = g_malloc(self->page_size);
  guint before = image_unreadable(self);
  GHashTableIter iter;
  gpointer number;

  g_hash_table_iter_init(&iter, self->unreadable);
  while (g_hash_table_iter_next(&iter, &number, NULL))
    if (read_page(self, GPOINTER_TO_UINT(number), page))
      g_hash_table_iter_remove(&iter);
  return image_unreadable(self) < before;
}
