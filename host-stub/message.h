/* Messages on the bus: immutable, atomically reference counted, content shared between copies. The core's side of
 * struct edgecore_message. All functions may be called by any thread. */
#ifndef EDGEHOST_MESSAGE_H
#define EDGEHOST_MESSAGE_H

#include <edgecore/plugin.h>
#include <glib.h>

/* NULL and *error (which may be NULL) as the contract says for message_new. */
struct edgecore_message *message_new(const struct edgecore_message_fields *fields, struct edgecore_error *error);
struct edgecore_message *message_ref(struct edgecore_message *message);
void message_unref(struct edgecore_message *message);
const struct edgecore_message_fields *message_read(const struct edgecore_message *message);

/* How many messages exist in the process; for tests that look for leaks. */
guint message_count_live(void);

#endif
