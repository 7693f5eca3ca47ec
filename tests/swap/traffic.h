/* Traffic for the swaps to happen under: several senders keep the queue full with a mix of all operations, and every delivery is checked
 * when it comes: each exactly once, and in order for each resource. */
#ifndef TESTS_SWAP_TRAFFIC_H
#define TESTS_SWAP_TRAFFIC_H

#include "host.h"

typedef struct traffic traffic;

/* Adds the modules around the plugin to the host. */
traffic *traffic_new(host *owner);
void traffic_free(traffic *self);

/* Says that the cloud is connected, and starts the senders; they go on where they were. */
void traffic_begin(traffic *self);
/* Ends the senders, and waits until all is answered. */
void traffic_end(traffic *self);

/* After traffic_end: checks that nothing is missing. */
void traffic_check(traffic *self);
/* Checks the table; the host has stopped. */
void traffic_check_table(traffic *self, const char *database);
/* How many messages were sent so far. */
guint64 traffic_sent(traffic *self);

#endif
