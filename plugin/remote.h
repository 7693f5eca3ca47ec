/* Queries that wait for the cloud. Identical ones, of the same source, group, resource and content, share one request.
 * It is tried again until its time or its attempts are used up: when no reply came in a share of the time, and sooner
 * after a failure, after a while that grows. Neither is the same for all nodes.
 *
 * Attempts overlap: an earlier one stays out when the next one is sent, and the first reply to any of them answers all
 * who wait. So a slow cloud is heard up to the end of the time. Each attempt stays out for the remote-query-timeout
 * beyond that end: a reply that comes then, or after another one, is stored and given to nobody.
 *
 * A request that nobody waits for any more (its callers were answered) has no entry here. */
#ifndef METAMANAGER_REMOTE_H
#define METAMANAGER_REMOTE_H

#include "settings.h"

typedef struct remote remote;

/* One request under way. */
struct remote_entry {
  struct edgecore_message *request; /* as it was sent last; also the context of its outcome */
  GPtrArray *waiters;               /* struct edgecore_message: the queries */
  GPtrArray *out;                   /* char: the ids of the attempts whose outcome has not come */
  gboolean others_out;              /* so may be attempts of the version before, whose ids are not known */
  gint64 attempts;                  /* begun */
  gint64 deadline;                  /* microseconds of the module's clock */
  gint64 retry_at;                  /* the same: the next attempt, at last `deadline`; G_MAXINT64: it failed already */
};

/* Gives an answer to the one who asked. Takes over both references. */
typedef void remote_answer_fn(struct edgecore_message *query, struct edgecore_message *answer, void *data);

remote *remote_new(const struct edgecore_core *core, const struct settings *settings);
void remote_free(remote *self);

/* Lets the query wait, and sends a request unless one like it is under way or the link is down; a request that finds no room now is
 * offered again. EDGECORE_NO_MEMORY: nothing was done. *failed, when the link is down, is the request whose failure is to be
 * handled; owned by the entry. */
int32_t remote_ask(remote *self, struct edgecore_message *query, gboolean linked, gint64 now,
                   struct edgecore_message **failed, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether a query like this one waits already. */
gboolean remote_has(const remote *self, struct edgecore_message *query);
/* Answers all who wait for the request with what `message` says. EDGECORE_NO_MEMORY: call it again, the others still wait. */
int32_t remote_answer(remote *self, struct edgecore_message *request, struct edgecore_message *message,
                      remote_answer_fn *answer, void *data, struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* The attempt got no reply: it will be tried again, or another one is still out, or all who wait are answered as by
 * remote_answer. */
int32_t remote_failed(remote *self, struct edgecore_message *request, struct edgecore_message *message, gboolean linked,
                      gint64 now, remote_answer_fn *answer, void *data,
                      struct edgecore_error *error) G_GNUC_WARN_UNUSED_RESULT;
/* When the next attempt is due, or the time of one is over, or G_MAXINT64. */
gint64 remote_due(const remote *self);
typedef void remote_entry_fn(struct remote_entry *entry, void *data);
/* Sends the requests that are due again. Calls `expired` for those whose time is over: their failure is to be handled. */
void remote_retry(remote *self, gint64 now, remote_entry_fn *expired, void *data);

/* How many requests are under way or to be tried again. */
guint remote_count(const remote *self);
/* How many of them wait for a reply or their next attempt; the others' failure is about to be handled. */
guint remote_pending(const remote *self);
void remote_each(remote *self, remote_entry_fn *each, void *data);
/* Adds an entry that another version handed over; takes references of its own. */
void remote_restore(remote *self, struct edgecore_message *request, struct edgecore_message *const *waiters,
                    guint waiter_count, gint64 attempts, gint64 deadline, gint64 retry_at);

#endif
