#include "loader.h"

#include "elffile.h"
#include "failure.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK 65536
#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)
#define DESCRIPTOR_SIZE_1_0 (offsetof(struct edgecore_plugin_descriptor, reserved) + sizeof(uint32_t))

struct symbol {
  const char *name;
  size_t offset;
};

static const struct symbol symbols[] = {
    {"edgecore_plugin_query", offsetof(struct image, query)},
    {"edgecore_plugin_register", offsetof(struct image, register_plugin)},
    {"edgecore_plugin_start", offsetof(struct image, start)},
    {"edgecore_plugin_stop", offsetof(struct image, stop)},
    {"edgecore_plugin_unregister", offsetof(struct image, unregister)},
};

/* What is loaded, and what could not be unloaded; in the whole process, as dlopen's names are. */
static GMutex live_lock;
static GSList *live;
static GSList *left;

static gboolean refuse(GError **error, const char *file, const char *format, ...) G_GNUC_PRINTF(3, 4);
static gboolean refuse(GError **error, const char *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *why = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, HOST_ERROR, EDGECORE_INVALID, "plugin \"%s\": %s", file, why);
  return FALSE;
}

static gboolean check_owner(const char *file, const char *what, const struct stat *status, GError **error) {
  if (status->st_mode & OTHERS_MAY_WRITE)
    return refuse(error, file, "others may write to %s (mode %04o): chmod go-w", what, status->st_mode & 07777);
  if (status->st_uid != 0 && status->st_uid != geteuid())
    return refuse(error, file, "%s belongs to user %u, not to root or the host's user", what, status->st_uid);
  return TRUE;
}

static gboolean check_directory(const char *file, const char *path, GError **error) {
  struct stat status;
  g_autofree char *directory = g_path_get_dirname(path);
  g_autofree char *what = g_strdup_printf("its directory \"%s\"", directory);
  if (stat(directory, &status) < 0)
    return refuse(error, file, "%s: %s", what, g_strerror(errno));
  return check_owner(file, what, &status, error);
}

/* The directory of the name that was given, and, when that is a link, the one that it leads to. Returns the file's descriptor. */
static int open_trusted(const char *file, GError **error) {
  struct stat status;
  g_autofree char *real = realpath(file, NULL);
  int descriptor = real == NULL ? -1 : open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0 || fstat(descriptor, &status) < 0) {
    refuse(error, file, "%s", g_strerror(errno));
  } else if (!S_ISREG(status.st_mode)) {
    refuse(error, file, "not a shared object: it is no regular file");
  } else if (check_directory(file, file, error) && check_directory(file, real, error) &&
             check_owner(file, "it", &status, error)) {
    return descriptor;
  }
  if (descriptor >= 0)
    close(descriptor);
  return -1;
}

/* Directories that are mounted noexec, as /run is on some systems, are of no use. */
static char *make_private_directory(void) {
  const char *const places[] = {g_getenv("XDG_RUNTIME_DIR"), "/run", g_getenv("TMPDIR"), "/tmp"};
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    struct statvfs system;
    if (places[i] == NULL || !g_path_is_absolute(places[i]) || statvfs(places[i], &system) < 0 ||
        (system.f_flag & (ST_NOEXEC | ST_RDONLY)))
      continue;
    char *directory = g_build_filename(places[i], "edgehost-XXXXXX", NULL);
    if (g_mkdtemp_full(directory, 0700) != NULL)
      return directory;
    g_free(directory);
  }
  return NULL;
}

static gboolean copy_bytes(int from, int to) {
  g_autofree char *chunk = g_malloc(CHUNK);
  for (;;) {
    ssize_t got = read(from, chunk, CHUNK);
    if (got == 0)
      return TRUE;
    if (got < 0 && errno != EINTR)
      return FALSE;
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(to, chunk + done, (size_t)(got - done));
      if (put < 0 && errno != EINTR)
        return FALSE;
      done += MAX(put, 0);
    }
  }
}

static gboolean copy_file(struct image *self, const char *file, GError **error) {
  int from = open_trusted(file, error);
  if (from < 0)
    return FALSE;
  int to = open(self->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
  gboolean is_done = to >= 0 && copy_bytes(from, to);
  if (!is_done)
    refuse(error, file, "cannot be copied to \"%s\": %s", self->copy, g_strerror(errno));
  if (to >= 0)
    close(to);
  close(from);
  if (!is_done)
    return FALSE;

  self->descriptor = open(self->copy, O_RDONLY | O_CLOEXEC);
  const char *why = self->descriptor < 0 ? g_strerror(errno) : elffile_check(self->descriptor);
  return why == NULL || refuse(error, file, "not a shared object: %s", why);
}

/* dlerror begins with the name of the copy, which says nothing to anyone. */
static const char *open_error(const struct image *self) {
  const char *text = dlerror();
  if (text != NULL && g_str_has_prefix(text, self->copy))
    text += strlen(self->copy) + strspn(text + strlen(self->copy), ": ");
  return text == NULL ? "unknown error" : text;
}

static gboolean find_symbol(struct image *self, const char *file, const struct symbol *symbol, GError **error) {
  void *address = dlsym(self->handle, symbol->name);
  if (address == NULL)
    return refuse(error, file, "symbol missing: %s", symbol->name);
  memcpy((char *)self + symbol->offset, &address, sizeof address);
  return TRUE;
}

/* The parts that are the same in every ABI major. */
static gboolean check_abi(const struct edgecore_plugin_descriptor *descriptor, const char *file, GError **error) {
  if (descriptor == NULL)
    return refuse(error, file, "it has no descriptor");
  if (descriptor->magic != EDGECORE_PLUGIN_MAGIC)
    return refuse(error, file, "wrong magic: 0x%08x, not 0x%08x", descriptor->magic, EDGECORE_PLUGIN_MAGIC);
  if (descriptor->abi_major != EDGECORE_ABI_MAJOR)
    return refuse(error, file, "wrong ABI major: it has %u, the host has %u", descriptor->abi_major,
                  EDGECORE_ABI_MAJOR);
  if (descriptor->abi_minor > EDGECORE_ABI_MINOR)
    return refuse(error, file, "its ABI %u.%u is newer than the host's %u.%u", descriptor->abi_major,
                  descriptor->abi_minor, EDGECORE_ABI_MAJOR, EDGECORE_ABI_MINOR);
  return TRUE;
}

static gboolean check_descriptor(const struct edgecore_plugin_descriptor *descriptor, const char *file,
                                 GError **error) {
  if (descriptor->size < DESCRIPTOR_SIZE_1_0)
    return refuse(error, file, "its descriptor is too short: %u bytes, not %zu", descriptor->size, DESCRIPTOR_SIZE_1_0);
  if (descriptor->flags != 0 || descriptor->reserved != 0)
    return refuse(error, file, "its descriptor has unknown flags (0x%x) or a reserved field (%u)", descriptor->flags,
                  descriptor->reserved);
  if (descriptor->state_format_oldest > descriptor->state_format_newest)
    return refuse(error, file, "its descriptor's state formats are no range: %u to %u", descriptor->state_format_oldest,
                  descriptor->state_format_newest);

  const char *const texts[] = {descriptor->module, descriptor->group, descriptor->version, descriptor->description};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (texts[i] == NULL || texts[i][0] == '\0' || !g_utf8_validate(texts[i], -1, NULL))
      return refuse(error, file, "its descriptor has an empty text or one that is not UTF-8");
  return TRUE;
}

static void copy_descriptor(struct image *self, const struct edgecore_plugin_descriptor *descriptor) {
  self->module = g_strdup(descriptor->module);
  self->group = g_strdup(descriptor->group);
  self->version = g_strdup(descriptor->version);
  self->description = g_strdup(descriptor->description);
  self->abi_major = descriptor->abi_major;
  self->abi_minor = descriptor->abi_minor;
  self->state_format_written = descriptor->state_format_written;
  self->state_format_oldest = descriptor->state_format_oldest;
  self->state_format_newest = descriptor->state_format_newest;
}

/* The dynamic linker gives out an object that it has already when it takes a file for the same one. */
static gboolean check_fresh(const struct image *self, const char *file, GError **error) {
  for (const GSList *at = live; at != NULL; at = at->next) {
    const struct image *other = at->data;
    if (other->query == self->query || other->handle == self->handle)
      return refuse(error, file, "the dynamic linker gave the code of version %s, which is loaded already",
                    other->version);
  }
  return TRUE;
}

static gboolean open_copy(struct image *self, const char *file, GError **error) {
  self->handle = dlopen(self->copy, RTLD_NOW | RTLD_LOCAL);
  if (self->handle == NULL)
    return refuse(error, file, "not a shared object that can be loaded: %s", open_error(self));
  if (!find_symbol(self, file, &symbols[0], error) || !check_fresh(self, file, error))
    return FALSE;

  const struct edgecore_plugin_descriptor *descriptor = self->query();
  if (!check_abi(descriptor, file, error))
    return FALSE;
  for (guint i = 1; i < G_N_ELEMENTS(symbols); i++)
    if (!find_symbol(self, file, &symbols[i], error))
      return FALSE;
  if (!check_descriptor(descriptor, file, error))
    return FALSE;
  copy_descriptor(self, descriptor);
  return TRUE;
}

static gboolean load(struct image *self, const char *file, guint generation, GError **error) {
  g_autofree char *directory = make_private_directory();
  if (directory == NULL)
    return refuse(error, file,
                  "no place for a private copy: set XDG_RUNTIME_DIR or TMPDIR to a directory that is "
                  "writable and not mounted noexec");
  g_autofree char *base = g_path_get_basename(file);
  g_autofree char *name = g_strdup_printf("generation-%u-%s", generation, base);
  self->copy = g_build_filename(directory, name, NULL);

  gboolean is_loaded = copy_file(self, file, error) && open_copy(self, file, error);
  unlink(self->copy);
  rmdir(directory);
  return is_loaded;
}

static void image_free(struct image *self) {
  if (self->descriptor >= 0)
    close(self->descriptor);
  g_free(self->copy);
  g_free(self->description);
  g_free(self->version);
  g_free(self->group);
  g_free(self->module);
  g_free(self);
}

static int is_copy(struct dl_phdr_info *info, size_t size, void *copy) {
  (void)size;
  return info->dlpi_name != NULL && strcmp(info->dlpi_name, copy) == 0;
}

struct image *loader_open(const char *file, guint generation, GError **error) {
  struct image *self = g_new0(struct image, 1);
  self->descriptor = -1;

  g_mutex_lock(&live_lock);
  gboolean is_loaded = load(self, file, generation, error);
  if (is_loaded)
    live = g_slist_prepend(live, self);
  g_mutex_unlock(&live_lock);
  if (is_loaded)
    return self;
  if (self->handle != NULL)
    dlclose(self->handle);
  image_free(self);
  return NULL;
}

gboolean loader_close(struct image *self) {
  g_mutex_lock(&live_lock);
  dlclose(self->handle);
  gboolean is_gone = dl_iterate_phdr(is_copy, self->copy) == 0;
  live = g_slist_remove(live, self);
  g_mutex_unlock(&live_lock);
  image_free(self);
  return is_gone;
}

void loader_leave(struct image *self) {
  g_mutex_lock(&live_lock);
  live = g_slist_remove(live, self);
  left = g_slist_prepend(left, self);
  g_mutex_unlock(&live_lock);
}

static gboolean bytes_are_equal(int first, int second) {
  g_autofree char *chunk = g_malloc(2 * CHUNK);
  for (off_t offset = 0;; offset += CHUNK) {
    ssize_t got = pread(first, chunk, CHUNK, offset);
    if (got < 0 || pread(second, chunk + CHUNK, CHUNK, offset) != got || memcmp(chunk, chunk + CHUNK, (size_t)got) != 0)
      return FALSE;
    if (got < CHUNK)
      return TRUE;
  }
}

gboolean loader_is_same(const struct image *self, const char *file) {
  int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return FALSE;
  gboolean is_same = bytes_are_equal(self->descriptor, descriptor);
  close(descriptor);
  return is_same;
}
