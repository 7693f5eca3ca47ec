/* A plugin that does what a plugin may not: test_symbols.c wants each thing flagged. Never loaded. */
#include <edgecore/plugin.h>

#include <gio/gio.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void helper(void);

static _Thread_local int calls;

static void *work(void *data) {
  return data;
}

void helper(void) {
  char *const arguments[] = {NULL};
  pthread_t thread;
  calls++;
  pthread_create(&thread, NULL, work, (void *)g_intern_static_string("left behind"));
  sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
  setenv("HOME", "/", 1);
  sigaction(SIGTERM, NULL, NULL);
  puts("on the host's standard output");
  g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
  execv("/bin/false", arguments);
}

const struct edgecore_plugin_descriptor *edgecore_plugin_query(void) {
  return NULL;
}

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  (void)core, (void)plugin, (void)error;
  return EDGECORE_FAILED;
}

int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  (void)plugin, (void)state, (void)error;
  return EDGECORE_FAILED;
}

int32_t edgecore_plugin_stop(struct edgecore_plugin *plugin, struct edgecore_state *state,
                             struct edgecore_error *error) {
  (void)plugin, (void)state, (void)error;
  return EDGECORE_FAILED;
}
