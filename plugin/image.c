#include "image.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "SQLite format 3"
#define DEFAULT_PAGE_SIZE 4096
#define WAL_HEADER_SIZE 32
#define FRAME_HEADER_SIZE 24
/* SQLite's highest page number. */
#define PAGE_MAX 0xfffffffeu

/* A file mapped for reading; size 0 when there is none. */
struct mapping {
  const guint8 *data;
  gsize size;
};

struct image {
  struct mapping file;
  struct mapping wal;
  struct image_wal about_wal;
  guint32 page_size;
  guint32 page_count;
  GHashTable *frames; /* page number -> its data in the WAL */
};

static guint32 read32(const guint8 *bytes) {
  return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static int32_t map(const char *path, struct mapping *mapping, struct edgecore_error *error) {
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);

  *mapping = (struct mapping){0};
  if (descriptor < 0)
    return error_set(error, errno == ENOENT ? EDGECORE_NOT_FOUND : EDGECORE_IO, "cannot open %s: %s", path,
                     g_strerror(errno));
  void *data = MAP_FAILED;
  if (fstat(descriptor, &status) == 0 && status.st_size > 0)
    data = mmap(NULL, (gsize)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  close(descriptor);
  if (data != MAP_FAILED)
    *mapping = (struct mapping){.data = data, .size = (gsize)status.st_size};
  return EDGECORE_OK;
}

static void unmap(struct mapping *mapping) {
  if (mapping->size > 0)
    munmap((void *)mapping->data, mapping->size);
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

/* The page size of a whole WAL header, and the checksum that the first frame goes on from; 0 for another. */
static guint32 read_wal_header(const struct mapping *wal, guint32 sum[2]) {
  if (wal->size < WAL_HEADER_SIZE || (read32(wal->data) & ~1u) != 0x377f0682u)
    return 0;
  sum[0] = sum[1] = 0;
  wal_sum(wal->data, 24, (read32(wal->data) & 1) != 0, sum);
  guint32 page_size = read32(wal->data + 8);
  return sum[0] == read32(wal->data + 24) && sum[1] == read32(wal->data + 28) && is_page_size(page_size) ? page_size
                                                                                                         : 0;
}

static gboolean frame_is_whole(const image *self, const guint8 *frame, guint32 sum[2]) {
  gboolean big_endian = (read32(self->wal.data) & 1) != 0;

  if (memcmp(frame + 8, self->wal.data + 16, 8) != 0)
    return FALSE;
  wal_sum(frame, 8, big_endian, sum);
  wal_sum(frame + FRAME_HEADER_SIZE, self->page_size, big_endian, sum);
  return sum[0] == read32(frame + 16) && sum[1] == read32(frame + 20) && read32(frame) != 0 &&
         read32(frame) <= PAGE_MAX;
}

/* Notes the frames up to the last one that ends a transaction. */
static void read_frames(image *self, guint32 sum[2]) {
  g_autoptr(GPtrArray) open = g_ptr_array_new();
  gsize step = FRAME_HEADER_SIZE + (gsize)self->page_size;
  guint32 last_page = self->page_count;

  for (gsize at = WAL_HEADER_SIZE; at + step <= self->wal.size; at += step) {
    const guint8 *frame = self->wal.data + at;
    if (!frame_is_whole(self, frame, sum))
      return;
    g_ptr_array_add(open, (gpointer)frame);
    guint32 page_count = read32(frame + 4);
    if (page_count == 0)
      continue;
    for (guint i = 0; i < open->len; i++) {
      const guint8 *committed = g_ptr_array_index(open, i);
      guint32 number = read32(committed);
      g_hash_table_insert(self->frames, GUINT_TO_POINTER(number), (gpointer)(committed + FRAME_HEADER_SIZE));
      last_page = MAX(last_page, number);
    }
    g_ptr_array_set_size(open, 0);
    /* It may say anything, but a page that is nowhere needs no looking for. */
    self->page_count = MIN(page_count, last_page);
    self->about_wal.frames = (guint32)((at - WAL_HEADER_SIZE) / step) + 1;
  }
}

int32_t image_open(const char *path, gboolean with_wal, image **out, struct edgecore_error *error) {
  g_autofree char *wal_path = g_strconcat(path, "-wal", NULL);
  g_autoptr(image) self = g_new0(image, 1);
  guint32 sum[2];

  self->frames = g_hash_table_new(g_direct_hash, g_direct_equal);
  int32_t code = map(path, &self->file, error);
  if (code != EDGECORE_OK)
    return code;
  if (with_wal)
    code = map(wal_path, &self->wal, error);
  if (code != EDGECORE_OK && code != EDGECORE_NOT_FOUND)
    return code;

  guint32 wal_page_size = read_wal_header(&self->wal, sum);
  self->page_size = wal_page_size != 0 ? wal_page_size : DEFAULT_PAGE_SIZE;
  if (image_has_header(self)) {
    guint32 size = (guint32)self->file.data[16] << 8 | self->file.data[17];
    size = size == 1 ? 65536 : size;
    self->page_size = is_page_size(size) ? size : self->page_size;
  }
  self->page_count = (guint32)MIN(self->file.size / self->page_size, G_MAXUINT32 - 1);
  if (wal_page_size == self->page_size) {
    self->about_wal.is_whole = TRUE;
    self->about_wal.sequence = read32(self->wal.data + 12);
    self->about_wal.salts[0] = read32(self->wal.data + 16);
    self->about_wal.salts[1] = read32(self->wal.data + 20);
    read_frames(self, sum);
  }
  *out = g_steal_pointer(&self);
  return EDGECORE_OK;
}

void image_close(image *self) {
  if (self == NULL)
    return;
  unmap(&self->file);
  unmap(&self->wal);
  g_hash_table_unref(self->frames);
  g_free(self);
}

gboolean image_has_header(const image *self) {
  return self->file.size >= 100 && memcmp(self->file.data, HEADER, sizeof HEADER) == 0;
}

const struct image_wal *image_wal_of(const image *self) {
  return &self->about_wal;
}

guint32 image_page_size(const image *self) {
  return self->page_size;
}

guint32 image_page_count(const image *self) {
  return self->page_count;
}

const guint8 *image_page(const image *self, guint32 number) {
  const guint8 *page = g_hash_table_lookup(self->frames, GUINT_TO_POINTER(number));

  if (page != NULL || number == 0)
    return page;
  gsize at = (gsize)(number - 1) * self->page_size;
  return at + self->page_size <= self->file.size ? self->file.data + at : NULL;
}
