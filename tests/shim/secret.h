/* No content of a message may be in a log, at info level or above. SECRET stands in the contents that all tests send; each log of a test
 * gives its lines to secret_check_line, which fails the running test and shows the line.
 *
 * A look that cannot find anything proves nothing: a program that had lines to look at, and no content with SECRET in it, fails as a
 * whole. So what makes contents tells secret_note_content. */
#ifndef TESTS_SECRET_H
#define TESTS_SECRET_H

#include <edgecore/plugin.h>
#include <glib.h>

G_BEGIN_DECLS

/* base64, so that it looks the same in JSON, in base64, and in the "data" of a Secret. */
#define SECRET "bWFya2VyLW9mLWEtc2VjcmV0"

/* A line that was logged; EDGECORE_LOG_DEBUG is exempt. Any thread may call it. */
void secret_check_line(int32_t level, const char *text);
/* All that `program` wrote on standard error; its lines of debug level are exempt. */
void secret_check_program(const char *program, const char *text);
/* A content that goes into what is tested, or comes out of it. NULL: none. */
void secret_note_content(const void *bytes, gsize size);
/* For helpers that put SECRET into all that a test says, and take it out of what comes back. It becomes the first field of a JSON object
 * that has fields, and the end of any other text. The caller owns it. */
char *secret_add(const char *content) G_GNUC_WARN_UNUSED_RESULT;
void secret_remove(GString *text);

/* How many lines were looked at, and how many contents had SECRET in them. */
void secret_count(guint *lines, guint *contents);

G_END_DECLS

#endif
