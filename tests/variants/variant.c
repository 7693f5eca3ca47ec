/* A plugin of the least kind, built many times: each time with one thing wrong, or in another state of health, as the macros of meson.build
 * say. It registers the module and does nothing. */
#include <edgecore/plugin.h>

#include <stdlib.h>

#ifndef MODULE
#define MODULE "metaManager"
#endif
#ifndef REGISTERED_MODULE
#define REGISTERED_MODULE MODULE
#endif
#ifndef VERSION
#define VERSION "0.1-variant"
#endif
#ifndef MAGIC
#define MAGIC EDGECORE_PLUGIN_MAGIC
#endif
#ifndef MAJOR
#define MAJOR EDGECORE_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR EDGECORE_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(struct edgecore_plugin_descriptor)
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef RESERVED
#define RESERVED 0
#endif
#ifndef STATE_OLDEST
#define STATE_OLDEST 1
#endif
#ifndef STATE_NEWEST
#define STATE_NEWEST 1
#endif
#ifndef SQL
#define SQL "CREATE TABLE IF NOT EXISTS meta (key TEXT NOT NULL PRIMARY KEY, type TEXT, value TEXT)"
#endif
#ifndef REGISTER_CODE
#define REGISTER_CODE EDGECORE_OK
#endif
#ifndef START_CODE
#define START_CODE EDGECORE_OK
#endif

struct edgecore_plugin {
  const struct edgecore_core *core;
};

static const struct edgecore_plugin_descriptor descriptor = {
    .size = SIZE,
    .magic = MAGIC,
    .abi_major = MAJOR,
    .abi_minor = MINOR,
    .flags = FLAGS,
    .module = MODULE,
    .group = "meta",
    .version = VERSION,
    .description = "registers and does nothing",
    .state_format_written = 1,
    .state_format_oldest = STATE_OLDEST,
    .state_format_newest = STATE_NEWEST,
    .reserved = RESERVED,
};

static int32_t say(struct edgecore_error *error, int32_t code, const char *text) {
  if (error == NULL || code == EDGECORE_OK)
    return code;
  error->code = code;
  size_t i = 0;
  for (; text[i] != '\0' && i + 1 < sizeof error->text; i++)
    error->text[i] = text[i];
  error->text[i] = '\0';
  return code;
}

#ifndef NO_QUERY
const struct edgecore_plugin_descriptor *edgecore_plugin_query(void) {
#ifdef UNDEFINED
  void a_function_that_nobody_has(void);
  a_function_that_nobody_has();
#endif
#ifdef NO_DESCRIPTOR
  (void)descriptor;
  return NULL;
#else
  return &descriptor;
#endif
}
#endif

#ifndef NO_REGISTER
int32_t edgecore_plugin_register(const struct edgecore_core *core, struct edgecore_plugin **plugin,
                                 struct edgecore_error *error) {
  *plugin = NULL;
  if (REGISTER_CODE != EDGECORE_OK)
    return say(error, REGISTER_CODE, "register fails on purpose");
  const struct edgecore_module module = {.size = sizeof module, .name = REGISTERED_MODULE, .group = "meta"};
  int32_t code = core->register_module(core, &module, error);
  if (code != EDGECORE_OK)
    return code;
  const struct edgecore_model_step step = {.size = sizeof step, .version = 1, .sql = SQL};
  /* The plugin's own: it may come after this one, on the same database. */
  const struct edgecore_model model = {
      .size = sizeof model, .table = "meta", .application_id = 0x4b456d6d, .step_count = 1, .steps = &step};
  code = core->register_model(core, &model, error);
  if (code != EDGECORE_OK)
    return code;
  *plugin = malloc(sizeof **plugin);
  if (*plugin == NULL)
    return say(error, EDGECORE_NO_MEMORY, "no memory");
  (*plugin)->core = core;
  return EDGECORE_OK;
}
#endif

#ifndef NO_START
int32_t edgecore_plugin_start(struct edgecore_plugin *plugin, const struct edgecore_state *state,
                              struct edgecore_error *error) {
  (void)plugin, (void)state;
  return say(error, START_CODE, "start fails on purpose");
}
#endif

#ifndef NO_STOP
int32_t edgecore_plugin_stop(struct edgecore_plugin *plugin, struct edgecore_state *state,
                             struct edgecore_error *error) {
  (void)plugin, (void)error;
  if (state != NULL)
    *state = (struct edgecore_state){.size = state->size, .format = 1};
  return EDGECORE_OK;
}
#endif

#ifndef NO_UNREGISTER
void edgecore_plugin_unregister(struct edgecore_plugin *plugin) {
  free(plugin);
}
#endif
