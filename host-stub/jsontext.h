/* JSON as text: what has to be known about a line before it is read as a tree, and what a line is made of on the way out.
 *
 * A tree has numbers where content has text (1e400, 2^63 and 1.10 would come out as something else), both of two members with one name, and
 * strings that end at \u0000. So a line is checked here first, in one pass without recursion, and each `content`, whose text has
 * to arrive as it was written, is taken out of it. */
#ifndef EDGEHOST_JSONTEXT_H
#define EDGEHOST_JSONTEXT_H

#include <glib.h>

#define JSON_TEXT_MAX_DEPTH 512
#define JSON_TEXT_MAX_NAMES 256     /* in one object of a skeleton */
#define JSON_TEXT_MAX_VALUES 200000 /* in a skeleton */

struct json_span {
  const char *text; /* in the text that was given */
  gsize size;       /* bytes */
};

/* A text in which each value of a member named "content" is replaced by its index in `contents`. */
struct json_skeleton {
  GString *text;
  GArray *contents; /* of struct json_span */
};

/* Whether `text` is one JSON value as RFC 8259 has it, in UTF-8, at most 512 deep, without half surrogate pairs. The error says
 * "byte N: ...", counted from 1, and never quotes the text. */
gboolean json_text_check(const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Checks, and takes the contents out. Outside of them more is an error: a name twice in one object, a name with an escape in it,
 * \u0000 in a string, an integer beyond int64, more names or values than the bounds above. Clear it also after an error. */
gboolean json_skeleton_read(struct json_skeleton *skeleton, const char *text, gsize size,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void json_skeleton_clear(struct json_skeleton *skeleton);
typedef struct json_skeleton json_skeleton;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(json_skeleton, json_skeleton_clear)

/* Appends a string, quoted and escaped. It must be UTF-8. */
void json_text_append_string(GString *out, const char *text, gsize size);

/* Appends checked JSON text so that it takes no more than one line. */
void json_text_append_value(GString *out, const char *text, gsize size);

#endif
