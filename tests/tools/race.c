/* Whether the thread sanitizer sees what it should: `race bare` is a race, `race locked` is the same work without one, by what GLib has for
 * that. A GLib that the sanitizer does not know makes it see races there too. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define TIMES 1000

static struct {
  gboolean is_locked;
  GMutex mutex;
  GCond cond;
  int count;
  int waiting;
} shared;

static gpointer count(gpointer data) {
  GAsyncQueue *queue = data;
  for (int i = 0; i < TIMES; i++) {
    int *number = g_async_queue_pop(queue);
    if (shared.is_locked)
      g_mutex_lock(&shared.mutex);
    shared.count += *number;
    if (shared.is_locked)
      g_mutex_unlock(&shared.mutex);
    g_free(number);
  }
  g_mutex_lock(&shared.mutex);
  shared.waiting--;
  g_cond_signal(&shared.cond);
  g_mutex_unlock(&shared.mutex);
  return NULL;
}

int main(int argc, char **argv) {
  g_autoptr(GAsyncQueue) queue = g_async_queue_new();
  if (argc != 2 || (strcmp(argv[1], "bare") != 0 && strcmp(argv[1], "locked") != 0)) {
    fprintf(stderr, "usage: %s bare|locked\n", argv[0]);
    return 2;
  }
  shared.is_locked = strcmp(argv[1], "locked") == 0;
  shared.waiting = 2;
  GThread *threads[] = {g_thread_new("first", count, queue), g_thread_new("second", count, queue)};
  for (int i = 0; i < 2 * TIMES; i++) {
    int *number = g_new(int, 1);
    *number = 1;
    g_async_queue_push(queue, number);
  }
  g_mutex_lock(&shared.mutex);
  while (shared.waiting > 0)
    g_cond_wait(&shared.cond, &shared.mutex);
  g_mutex_unlock(&shared.mutex);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
  printf("%d\n", shared.count);
  return 0;
}
