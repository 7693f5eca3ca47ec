/* What a shared object of this machine says about itself: exported and imported names, libraries, flags. Reads the file only. */
#ifndef TESTS_OBJECT_H
#define TESTS_OBJECT_H

#include <glib.h>

struct object {
  GPtrArray *exports;   /* char *, defined global symbols */
  GPtrArray *imports;   /* char *, undefined symbols without their versions */
  GPtrArray *libraries; /* char *, DT_NEEDED */
  gboolean nodelete;    /* linked with -z nodelete */
  gboolean unique;      /* has a symbol that keeps the object in memory (STB_GNU_UNIQUE) */
  gboolean writable_code;
  gboolean thread_local_storage;
};

/* NULL and *error for anything but a whole ELF64 shared object. */
struct object *object_read(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void object_free(struct object *self);
typedef struct object object;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(object, object_free)

#endif
