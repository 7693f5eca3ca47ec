/* Loads a plugin's shared object from a private copy, so that the installed file may be replaced, overwritten or truncated while
 * the copy runs. All functions may be called by any thread, but for one object by one at a time. */
#ifndef EDGEHOST_LOADER_H
#define EDGEHOST_LOADER_H

#include <edgecore/plugin.h>
#include <glib.h>

/* The five functions; the descriptor's strings as copies, because they are needed after it is unloaded. */
struct image {
  edgecore_plugin_query_fn *query;
  edgecore_plugin_register_fn *register_plugin;
  edgecore_plugin_start_fn *start;
  edgecore_plugin_stop_fn *stop;
  edgecore_plugin_unregister_fn *unregister;
  char *module;
  char *group;
  char *version;
  char *description;
  guint16 abi_major;
  guint16 abi_minor;
  guint32 state_format_written;
  guint32 state_format_oldest;
  guint32 state_format_newest;
  /* private */
  void *handle;
  char *copy;
  int descriptor;
};

/* Copies the file under a name with `generation` in it, checks and opens the copy, and deletes it again. NULL and one line that
 * says why: others may write the file or its directory, no complete shared object, symbol missing, wrong magic, wrong ABI. */
struct image *loader_open(const char *file, guint generation, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Unloads it and frees the struct. FALSE when something still holds the object: it stays mapped. */
gboolean loader_close(struct image *self);
/* Frees nothing, and keeps the object mapped until the process ends. */
void loader_leave(struct image *self);
/* Whether the file has the bytes that the object was loaded from. */
gboolean loader_is_same(const struct image *self, const char *file);

#endif
