#include "elffile.h"

#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The program's own header, put in place by the linker: what it says of class, byte order and machine is what a plugin must say. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static gboolean read_at(int descriptor, guint64 offset, void *to, size_t size) {
  return pread(descriptor, to, size, (off_t)offset) == (ssize_t)size;
}

static gboolean lies_within(guint64 file_size, guint64 offset, guint64 size) {
  return offset <= file_size && size <= file_size - offset;
}

static const char *check_segments(int descriptor, const ElfW(Ehdr) * header, guint64 file_size) {
  gboolean has_dynamic = FALSE;
  for (guint i = 0; i < header->e_phnum; i++) {
    ElfW(Phdr) segment;
    if (!read_at(descriptor, header->e_phoff + i * sizeof segment, &segment, sizeof segment))
      return "it cannot be read";
    has_dynamic |= segment.p_type == PT_DYNAMIC;
    if (!lies_within(file_size, segment.p_offset, segment.p_filesz))
      return "it is cut off: a segment lies behind its end";
  }
  return has_dynamic ? NULL : "it has no dynamic section";
}

const char *elffile_check(int descriptor) {
  struct stat status;
  ElfW(Ehdr) header;
  if (fstat(descriptor, &status) < 0)
    return "it cannot be read";
  guint64 size = (guint64)status.st_size;
  if (!read_at(descriptor, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return "it is no ELF file";
  if (header.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] || header.e_machine != __ehdr_start.e_machine)
    return "it is for another machine";
  if (header.e_type != ET_DYN)
    return "it is an ELF file of another type";
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(ElfW(Phdr)))
    return "its program headers are wrong";
  if (!lies_within(size, header.e_phoff, (guint64)header.e_phnum * sizeof(ElfW(Phdr))) ||
      (header.e_shoff != 0 && !lies_within(size, header.e_shoff, (guint64)header.e_shnum * header.e_shentsize)))
    return "it is cut off: a table of headers lies behind its end";
  return check_segments(descriptor, &header, size);
}
