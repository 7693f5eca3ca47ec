#include "object.h"

#include <elf.h>
#include <string.h>

struct file {
  const char *bytes;
  gsize size;
  const char *path;
};

/* The bytes at this place, or NULL when the file does not have them. */
static const void *at(const struct file *file, uint64_t offset, uint64_t size) {
  return offset <= file->size && size <= file->size - offset ? file->bytes + offset : NULL;
}

static gboolean broken(const struct file *file, const char *what, GError **error) {
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", file->path, what);
  return FALSE;
}

/* The text at this place of a string section, or NULL. */
static const char *text_of(const struct file *file, const Elf64_Shdr *strings, uint64_t offset) {
  const char *all = at(file, strings->sh_offset, strings->sh_size);
  if (all == NULL || offset >= strings->sh_size || memchr(all + offset, 0, strings->sh_size - offset) == NULL)
    return NULL;
  return all + offset;
}

static gboolean read_symbols(struct object *self, const struct file *file, const Elf64_Shdr *section,
                             const Elf64_Shdr *strings, GError **error) {
  const Elf64_Sym *symbols = at(file, section->sh_offset, section->sh_size);
  if (symbols == NULL)
    return broken(file, "the symbol section lies outside of the file", error);
  for (uint64_t i = 1; i < section->sh_size / sizeof *symbols; i++) {
    const char *name = text_of(file, strings, symbols[i].st_name);
    if (name == NULL)
      return broken(file, "a symbol's name lies outside of the file", error);
    if (ELF64_ST_BIND(symbols[i].st_info) == STB_GNU_UNIQUE)
      self->unique = TRUE;
    if (symbols[i].st_shndx == SHN_UNDEF)
      g_ptr_array_add(self->imports, g_strdup(name));
    else if (ELF64_ST_BIND(symbols[i].st_info) != STB_LOCAL && symbols[i].st_shndx != SHN_ABS)
      g_ptr_array_add(self->exports, g_strdup(name));
  }
  return TRUE;
}

static gboolean read_dynamic(struct object *self, const struct file *file, const Elf64_Shdr *section,
                             const Elf64_Shdr *strings, GError **error) {
  const Elf64_Dyn *entries = at(file, section->sh_offset, section->sh_size);
  if (entries == NULL)
    return broken(file, "the dynamic section lies outside of the file", error);
  for (uint64_t i = 0; i < section->sh_size / sizeof *entries && entries[i].d_tag != DT_NULL; i++) {
    if (entries[i].d_tag == DT_FLAGS_1 && (entries[i].d_un.d_val & DF_1_NODELETE) != 0)
      self->nodelete = TRUE;
    if (entries[i].d_tag != DT_NEEDED)
      continue;
    const char *name = text_of(file, strings, entries[i].d_un.d_val);
    if (name == NULL)
      return broken(file, "a library's name lies outside of the file", error);
    g_ptr_array_add(self->libraries, g_strdup(name));
  }
  return TRUE;
}

static gboolean read_object(struct object *self, const struct file *file, GError **error) {
  const Elf64_Ehdr *header = at(file, 0, sizeof *header);
  if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
    return broken(file, "not an ELF64 file", error);
  if (header->e_type != ET_DYN)
    return broken(file, "not a shared object", error);
  const Elf64_Phdr *segments = at(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);
  const Elf64_Shdr *sections = at(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
  if (segments == NULL || sections == NULL)
    return broken(file, "cut short", error);
  for (guint i = 0; i < header->e_phnum; i++) {
    if (segments[i].p_type == PT_TLS)
      self->thread_local_storage = TRUE;
    if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
      self->writable_code = TRUE;
  }
  gboolean found = FALSE;
  for (guint i = 0; i < header->e_shnum; i++) {
    const Elf64_Shdr *section = &sections[i];
    if (section->sh_type != SHT_DYNSYM && section->sh_type != SHT_DYNAMIC)
      continue;
    if (section->sh_link >= header->e_shnum)
      return broken(file, "a section without its strings", error);
    const Elf64_Shdr *strings = &sections[section->sh_link];
    found |= section->sh_type == SHT_DYNSYM;
    if (!(section->sh_type == SHT_DYNSYM ? read_symbols : read_dynamic)(self, file, section, strings, error))
      return FALSE;
  }
  return found || broken(file, "no dynamic symbols", error);
}

struct object *object_read(const char *path, GError **error) {
  g_autofree char *bytes = NULL;
  gsize size = 0;
  if (!g_file_get_contents(path, &bytes, &size, error))
    return NULL;
  g_autoptr(object) self = g_new0(struct object, 1);
  self->exports = g_ptr_array_new_with_free_func(g_free);
  self->imports = g_ptr_array_new_with_free_func(g_free);
  self->libraries = g_ptr_array_new_with_free_func(g_free);
  const struct file file = {bytes, size, path};
  return read_object(self, &file, error) ? g_steal_pointer(&self) : NULL;
}

void object_free(struct object *self) {
  g_ptr_array_unref(self->exports);
  g_ptr_array_unref(self->imports);
  g_ptr_array_unref(self->libraries);
  g_free(self);
}
