/* The tables that the plugin registers with the host: upstream's `meta`, grown, and the durable outbox. Tables only grow, so that
 * an older version can read what a newer one leaves. */
#ifndef METAMANAGER_SCHEMA_H
#define METAMANAGER_SCHEMA_H

#include <edgecore/plugin.h>

/* "KEmm" */
#define SCHEMA_APPLICATION_ID 0x4b456d6d

extern const struct edgecore_model schema_model;

#endif
