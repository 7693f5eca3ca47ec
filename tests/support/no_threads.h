/* The kernel refuses another thread, as it does when a limit of the service is reached: g_thread_try_new fails in this process. */
#ifndef TESTS_NO_THREADS_H
#define TESTS_NO_THREADS_H

#include <glib.h>

/* After so many more. */
void no_threads_after(guint count);
void no_threads_end(void);

#endif
