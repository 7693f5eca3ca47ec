/* The control socket: how a person asks a running host for a swap. DIR/control is a Unix socket in a directory that only its
 * owner can open, and both sides refuse any other directory. One request a connection: the line "swap FILE" with an absolute
 * name; the answer is "ok" or "failed", a space, and a line for people. */
#ifndef EDGEHOST_CONTROL_H
#define EDGEHOST_CONTROL_H

#include <glib.h>

typedef struct control control;

/* Swaps and sets *answer (owned by the caller of this function) to what happened or why not. Called on the control thread. */
typedef gboolean control_swap_fn(const char *file, char **answer, void *data);

/* $XDG_RUNTIME_DIR/edgehost, or /run/edgehost. Owned by the caller. */
char *control_default_directory(void);

/* Makes the directory (0700) when it is missing, and the socket; nobody is answered yet. A host holds the directory's lock for as long
 * as it lives, so a socket that a killed one left is taken over, and that of a living one is an error. */
control *control_new(const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Answers requests from now on, and those that have come meanwhile. */
gboolean control_serve(control *self, control_swap_fn *swap, void *data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits for a request in hand, removes the socket. */
void control_free(control *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(control, control_free)

/* The other end: asks for a swap and waits up to `seconds` for the answer, which the caller owns; *swapped says which it is. FALSE and
 * `error` when no host answers. */
gboolean control_ask(const char *directory, const char *file, guint seconds, gboolean *swapped, char **answer,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
