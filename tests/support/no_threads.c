#include "no_threads.h"

#include <dlfcn.h>
#include <stdatomic.h>

static atomic_bool is_limited;
static atomic_uint left;

void no_threads_after(guint count) {
  atomic_store(&left, count);
  atomic_store(&is_limited, TRUE);
}

void no_threads_end(void) {
  atomic_store(&is_limited, FALSE);
}

/* In place of GLib's, which it calls. */
GThread *g_thread_try_new(const char *name, GThreadFunc run, gpointer data, GError **error) {
  GThread *(*real)(const char *, GThreadFunc, gpointer, GError **);

  *(void **)&real = dlsym(RTLD_NEXT, "g_thread_try_new");
  if (!atomic_load(&is_limited))
    return real(name, run, data, error);
  if (atomic_load(&left) > 0) {
    atomic_fetch_sub(&left, 1);
    return real(name, run, data, error);
  }
  g_set_error_literal(error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN, "Resource temporarily unavailable");
  return NULL;
}
