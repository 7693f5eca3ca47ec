/* Leaves something behind: a source in the context, or a connection to the database. */
#include "variant.h"

#include <sqlite3.h>

#ifdef LEAVES_FILE

static const struct edgecore_core *host;
static sqlite3 *connection;

int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  host = core;
  return real_register(core, plugin, error);
}

static int32_t leave(struct edgecore_error *error) {
  struct edgecore_config_value file = {.size = sizeof file};
  if (host->config_get(host, "database.source", &file) != EDGECORE_OK ||
      sqlite3_open(file.text, &connection) != SQLITE_OK ||
      sqlite3_exec(connection, "SELECT count(*) FROM meta", NULL, NULL, NULL) != SQLITE_OK)
    return variant_fail(error, EDGECORE_IO, "cannot open what is to be left");
  return EDGECORE_OK;
}

#else

static gboolean never(gpointer data) {
  (void)data;
  return G_SOURCE_CONTINUE;
}

static int32_t leave(struct edgecore_error *error) {
  (void)error;
  g_autoptr(GSource) source = g_timeout_source_new_seconds(3600);
  g_source_set_callback(source, never, NULL, NULL);
  g_source_attach(source, g_main_context_get_thread_default());
  return EDGECORE_OK;
}

#endif

int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  int32_t code = real_start(plugin, state, error);
  return code == EDGECORE_OK ? leave(error) : code;
}
