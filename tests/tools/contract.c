/* Everything of the contract that a host or a plugin can have compiled in, reachable from what an object exports: what abidiff compares. */
#include <edgecore/plugin.h>

enum edgecore_code contract_code;
enum edgecore_content_kind contract_content_kind;
enum edgecore_config_kind contract_config_kind;
enum edgecore_log_level contract_log_level;
const struct edgecore_core *contract_core;
const struct edgecore_clock *contract_clock;
const struct edgecore_plugin_descriptor *contract_descriptor;
const struct edgecore_state *contract_state;
edgecore_plugin_query_fn *contract_query;
edgecore_plugin_register_fn *contract_register;
edgecore_plugin_start_fn *contract_start;
edgecore_plugin_stop_fn *contract_stop;
edgecore_plugin_unregister_fn *contract_unregister;
