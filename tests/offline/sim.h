/* A node whose link comes and goes, whose process is killed, whose plugin is swapped and whose disk fills up, as one seed decides.
 *
 * The node says things (ledger.h): pod statuses, states of which the latest counts, and messages of which each one counts. It notes
 * what the plugin acknowledged. The cloud gets what the hub takes while the link is up, and checks order and repetition as it
 * comes. In the end the disk is well and the link is up, and the ledger is settled: whatever was acknowledged must have arrived,
 * unless the process died while it was on its way over a link that was up, which nobody promises.
 *
 * A kill happens inside a call of the core or of the disk: what the files hold at that moment is copied, what comes after is
 * discarded, and a new process starts from the copy. */
#ifndef TESTS_OFFLINE_SIM_H
#define TESTS_OFFLINE_SIM_H

#include "delivery.h"
#include "fake_core.h"
#include "ledger.h"

struct sim {
  guint seed;
  guint step;
  gboolean is_traced;
  gboolean has_failed;
  GRand *rand;
  ledger *ledger;
  struct cloud *cloud;

  fake_core *core;
  module *module;
  char *database;
  guint life; /* the process; each kill begins a new one */
  gboolean is_dead;
  guint kill_in;   /* calls of core or disk until the kill; 0: none is planned */
  char *survivors; /* the copy of the database, once dead */

  enum link told;        /* what the plugin was last told */
  gboolean is_connected; /* what is so */
  gboolean is_full;
  gint64 trouble; /* when the disk was last seen unwell */

  /* How this seed is, in percent of the steps. */
  guint hub_capacity;
  guint flaps;
  guint kills;
  guint swaps;
  guint fills;
  guint errors;
};

/* Runs one seed from beginning to end. FALSE: something is wrong, and a failure was recorded that says how to repeat it. */
gboolean sim_run(guint seed, gboolean is_traced);

/* ------------------------------------------------------------------------------------------------------ for its parts */

/* TRUE in `percent` of 100 cases. */
gboolean sim_chance(struct sim *self, guint percent);
/* From `low` to `high`, both included. */
guint sim_between(struct sim *self, guint low, guint high);
/* Records a failure of this seed; only the first one is shown. */
void sim_fail(struct sim *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void sim_trace(struct sim *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* sim_node.c: what happens on the node in one step, and what its modules do with what they get. */
void sim_node_begin(struct sim *self);
void sim_node_act(struct sim *self);
void sim_node_receive(struct sim *self);

/* sim_cloud.c: what the cloud does in one step, what it does with what the hub passes on, and what a hub that dies forgets. */
struct cloud *sim_cloud_new(void);
void sim_cloud_free(struct cloud *self);
void sim_cloud_act(struct sim *self);
void sim_cloud_receive(struct sim *self, guint count);
void sim_cloud_forget(struct sim *self);
/* The process died, or the link did: requests that were on their way are gone. */
void sim_cloud_drop_requests(struct sim *self);

#endif
