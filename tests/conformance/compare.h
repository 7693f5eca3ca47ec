/* Whether what a plugin did in a scenario is what KubeEdge's own metaManager did (or what we want where we differ on purpose).
 *
 * scenarios.jsonl holds one scenario a line: { name, config, deviations, steps }. A step has what is done (send, rules, wait_ms)
 * and what comes of it: deliveries by module, reply or reply_error, and the table by key. `edgehost replay` writes the same
 * form. Order counts for each module, not between modules; contents and values that are JSON are compared as JSON; an answer's
 * null equals []; the id "*" stands for any; content_prefix is the beginning of a text. */
#ifndef TESTS_COMPARE_H
#define TESTS_COMPARE_H

#include <json-glib/json-glib.h>

/* NULL when the result is as the scenario says, else the first difference, in words. The caller owns it. */
char *compare_scenario(JsonObject *scenario, JsonObject *result) G_GNUC_WARN_UNUSED_RESULT;

/* The objects of a file of JSON lines, in order. NULL and *error. */
GPtrArray *compare_read_lines(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
