/* The lines that `run` and `replay` read and write: a step, a scenario, a message; to and from JSON text.
 *
 * A step is an object with at least one of these fields:
 *   "send"     a message, or a list of them that is not empty
 *   "rules"    a list of what the other modules answer when a sync message reaches them
 *   "swap"     the plugin file that takes over
 *   "wait_ms"  how long to wait at most until all has settled, 0 to 3600000
 * They are done in the order rules, swap, send, wait, and a step with an error in it is not done at all.
 *
 * A message has "source", "operation" and "resource"; it may have "id" (else a new one), "parent_id", "group", "timestamp"
 * (milliseconds since 1970, else now), "sync" and at most one of
 *   "content"              a JSON value; its text arrives as it is written, whatever its size, names and numbers are
 *   "content_raw"          text, whose UTF-8 bytes are the content
 *   "content_raw_base64"   bytes that are no text; on output, for bytes that are not UTF-8 or have a NUL among them
 *   "content_unencodable"  true: a JSON value whose text is not JSON
 * Output has no timestamp, and "parent_id" and "sync" only when they say something.
 *
 * A rule has "on" (a module), and may have "operation" and "resource" (absent: any), "source" (absent: the request's),
 * "resp_operation" (absent: "response"), "after_ms" (0 to 3600000, absent: 30) and a content.
 *
 * A scenario has "name" and "steps", and may have "config" (an object of texts, integers, truth values and lists of texts); it and its steps
 * may also have what conformance data says besides: "deviations", "deliveries", "table", "reply", "reply_error", which are
 * not looked at.
 *
 * Decided: strict JSON in UTF-8, one value a line, at most 512 deep; outside of a content a name twice, an escape in a name, \u0000 and an
 * integer beyond 64 bits are errors (jsontext.h); numbers are not taken for texts nor texts for numbers, 1.0 is no
 * integer, null is no value; an unknown field is an error. Errors name byte or field and never quote a value, for it may be
 * a Secret's. */
#ifndef EDGEHOST_STEP_H
#define EDGEHOST_STEP_H

#include "jsontree.h"

#include <edgecore/plugin.h>

struct rule {
  char *on;
  char *operation; /* NULL: any */
  char *resource;  /* NULL: any */
  char *source;    /* NULL: the request's */
  char *resp_operation;
  guint after_ms;
  struct edgecore_message *content; /* a message of which only the content counts */
};

struct step {
  GPtrArray *send;  /* of struct edgecore_message; NULL: absent */
  GPtrArray *rules; /* of struct rule; NULL: absent */
  char *swap;       /* NULL: absent */
  gint64 wait_ms;   /* -1: absent */
};

struct scenario {
  char *name;
  GHashTable *config; /* key -> value as text, lists with commas */
  GPtrArray *steps;   /* of struct step */
};

typedef struct step step;
typedef struct scenario scenario;

/* NULL and `error` for a text that is none. */
step *step_parse(json_reader *reader, const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void step_free(step *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(step, step_free)

scenario *scenario_parse(json_reader *reader, const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void scenario_free(scenario *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(scenario, scenario_free)

/* Appends a message as an object in the fields of a "send", without a line end. */
void step_append_message(GString *out, struct edgecore_message *message);

/* Appends `"NAME":"TEXT"`; the text must be UTF-8. */
void step_append_text(GString *out, const char *name, const char *text);

/* The same for any bytes, or `"NAME_base64":"..."` for bytes that are no text. */
void step_append_bytes(GString *out, const char *name, const void *bytes, gsize size);

#endif
