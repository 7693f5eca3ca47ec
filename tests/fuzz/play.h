/* The plugin's module on a fake core, and an input that plays its neighbours. What it sends is held against what must be true
 * whatever comes in:
 *
 *   - all that the plugin says itself is UTF-8 and JSON, and what it logs is UTF-8;
 *   - no request is answered twice at one place, and nobody gets an answer who did not ask;
 *   - a sync request whose operation promises an answer has got one when everything has settled;
 *   - in the end nothing is held and no message is left.
 *
 * A command is a line, a letter and words with a space between them:
 *
 *   m FLAGS OPERATION SOURCE RESOURCE CONTENT   a message with an id of its own; flags: s sync, r raw content, j JSON content, x
 *                  content four times over (again for each x), l resource 16 times over (32 for two), p the message before is its
 *                  parent, d the same id as that
 *   c OUTCOME NUMBER OPERATION CONTENT  ends the NUMBERth request that is open; OUTCOME 0 and 3 are a reply of this operation, raw or JSON
 *   r              runs the module
 *   t SECONDS      lets time pass
 *   g MODULE N     takes N messages from a queue: e edged, m edgemesh, f edgefunction, w websocket
 *   k MODULE N     its capacity; s: the module's own inbox
 *   p MODULE N     0: there is no such module; 1: there is
 *   f N CODE       the Nth call of the core from here on fails
 *   w              a swap: stops the module with a state, and starts it again with it
 */
#ifndef TESTS_FUZZ_PLAY_H
#define TESTS_FUZZ_PLAY_H

#include "fake_core.h"
#include "fuzz.h"

typedef struct edgecore_message any_message;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(any_message, message_unref)

typedef struct play play;

/* On the file `path`, which is there. `checks_answers`: every sync request must be answered; it cannot be when the database is bad. */
play *play_new(const char *path, gboolean checks_answers);
/* Starts the module. FALSE: refused, with an error that is as it should be. */
gboolean play_start(play *self, const struct edgecore_state *state) G_GNUC_WARN_UNUSED_RESULT;
/* Does what a line says; one that says nothing is ignored. */
void play_command(play *self, struct fuzz_text line);
/* The message of a line from behind its `m`, which is not sent; NULL when the core refuses it. */
struct edgecore_message *play_message(play *self, struct fuzz_text *line) G_GNUC_WARN_UNUSED_RESULT;
/* Makes room everywhere, answers nobody, and waits until all is settled. */
void play_settle(play *self);
/* Stops the module, if it is started, checks all that was seen, and frees everything. */
void play_end(play *self);

/* Puts a fresh database, which the plugin knows, at fuzz_directory()/edge.db, and returns its path; owned by play_database.c. */
const char *play_database(void);

#endif
