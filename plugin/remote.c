#include "remote.h"

#include "text.h"

#include <string.h>

/* Before the second attempt, in microseconds; doubled for each further one. */
#define BACK_OFF 250000
/* Before a request is offered again to a queue that was full. */
#define ROOM_WAIT 10000

/* No setting gives a query more time than a day; a damaged state may. */
#define TIME_MAX (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)

struct remote {
  const struct edgecore_core *core;
  const struct settings *settings;
  GHashTable *entries; /* key_of -> struct remote_entry */
};

static char *key_of(const remote *self, struct edgecore_message *query) {
  const struct edgecore_message_fields *fields = self->core->message_read(query);

  /* With their lengths, because any character may be in them. */
  return g_strdup_printf("%zu %zu %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s%s%s", strlen(fields->resource),
                         strlen(fields->source), fields->content_size,
                         text_sum("", 0, "", 0, fields->content, fields->content_size), fields->resource,
                         fields->source, fields->group);
}

static struct remote_entry *find(const remote *self, struct edgecore_message *query) {
  g_autofree char *key = key_of(self, query);

  return g_hash_table_lookup(self->entries, key);
}

static void entry_free(gpointer data) {
  struct remote_entry *entry = data;

  g_ptr_array_unref(entry->waiters);
  g_ptr_array_unref(entry->out);
  g_free(entry);
}

remote *remote_new(const struct edgecore_core *core, const struct settings *settings) {
  remote *self = g_new0(remote, 1);

  self->core = core;
  self->settings = settings;
  self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
  return self;
}

void remote_free(remote *self) {
  GHashTableIter iter;
  gpointer entry;

  if (self == NULL)
    return;
  g_hash_table_iter_init(&iter, self->entries);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    self->core->message_unref(((struct remote_entry *)entry)->request);
  g_hash_table_unref(self->entries);
  g_free(self);
}

/* The query as the cloud gets it: a new id, and asking for an answer. */
static struct edgecore_message *request_new(const remote *self, struct edgecore_message *query,
                                            struct edgecore_error *error) {
  struct edgecore_message_fields fields = *self->core->message_read(query);

  fields.size = sizeof fields;
  fields.flags = EDGECORE_MESSAGE_SYNC;
  fields.timestamp = 0;
  fields.id = NULL;
  fields.parent_id = NULL;
  fields.content_of = query;
  return self->core->message_new(self->core, &fields, error);
}

static const char *id_of(const remote *self, struct edgecore_message *request) {
  return self->core->message_read(request)->id;
}

/* What is left of the callers' time, and all of it once more: a reply that is too late for them is still stored. */
static guint64 time_out(const remote *self, const struct remote_entry *entry, gint64 now) {
  gint64 left = CLAMP(entry->deadline - now, 0, TIME_MAX);

  return (guint64)(left / 1000 + self->settings->remote_query_timeout * 1000);
}

static gint64 back_off(const struct remote_entry *entry) {
  gint64 wait = BACK_OFF << CLAMP(entry->attempts - 1, 0, 10);

  return wait / 2 + g_random_int_range(0, (gint32)wait);
}

/* When the attempt after this one follows, if no outcome comes: after its share of the time, or up to a quarter
 * earlier, so that nodes which asked together do not ask again together; but never sooner than after a failure. The
 * last attempt has all the time that is left. */
static gint64 next_attempt(const remote *self, const struct remote_entry *entry, gint64 now) {
  gint64 left = self->settings->remote_query_attempts - entry->attempts;
  gint64 share = MAX(entry->deadline - now, 0) / (MAX(left, 0) + 1);
  gint64 wait = MAX(share - (gint64)(g_random_double() * (double)share / 4), back_off(entry));

  return left > 0 ? MIN(now + wait, entry->deadline) : entry->deadline;
}

static int32_t send_request(const remote *self, struct remote_entry *entry, struct edgecore_message *request,
                            gint64 now, struct edgecore_error *error) {
  int32_t code = self->core->send_sync(self->core, self->settings->send_module, request, request,
                                       time_out(self, entry, now), error);

  if (code != EDGECORE_OK) {
    entry->retry_at = now + ROOM_WAIT;
    return code;
  }
  entry->attempts++;
  entry->retry_at = next_attempt(self, entry, now);
  g_ptr_array_add(entry->out, g_strdup(id_of(self, request)));
  return EDGECORE_OK;
}

static struct remote_entry *entry_new(const remote *self, struct edgecore_message *request, gint64 now) {
  struct remote_entry *entry = g_new0(struct remote_entry, 1);

  entry->request = request;
  entry->waiters = g_ptr_array_new_with_free_func((GDestroyNotify)self->core->message_unref);
  entry->out = g_ptr_array_new_with_free_func(g_free);
  entry->deadline = now + self->settings->remote_query_timeout * G_USEC_PER_SEC;
  entry->retry_at = G_MAXINT64;
  return entry;
}

static void drop(remote *self, struct remote_entry *entry) {
  struct edgecore_message *request = entry->request;
  g_autofree char *key = key_of(self, request);

  g_hash_table_remove(self->entries, key);
  self->core->message_unref(request);
}

int32_t remote_ask(remote *self, struct edgecore_message *query, gboolean linked, gint64 now,
                   struct edgecore_message **failed, struct edgecore_error *error) {
  struct remote_entry *entry = find(self, query);

  *failed = NULL;
  if (entry == NULL) {
    struct edgecore_message *request = request_new(self, query, error);
    if (request == NULL)
      return EDGECORE_NO_MEMORY;
    entry = entry_new(self, request, now);
    g_hash_table_insert(self->entries, key_of(self, request), entry);
    /* Without room it is tried again, and the time runs all the same: whoever asked gets an answer in time. */
    if (linked) {
      (void)send_request(self, entry, request, now, error);
    } else {
      entry->attempts = 1;
      *failed = request;
    }
  }
  g_ptr_array_add(entry->waiters, self->core->message_ref(query));
  return EDGECORE_OK;
}

gboolean remote_has(const remote *self, struct edgecore_message *query) {
  return find(self, query) != NULL;
}

static struct edgecore_message *answer_new(const remote *self, struct edgecore_message *message,
                                           struct edgecore_message *query, struct edgecore_error *error) {
  struct edgecore_message_fields fields = *self->core->message_read(message);

  fields.size = sizeof fields;
  fields.flags = 0;
  fields.id = NULL;
  fields.parent_id = self->core->message_read(query)->id;
  fields.content_of = message;
  return self->core->message_new(self->core, &fields, error);
}

static int32_t answer_entry(remote *self, struct remote_entry *entry, struct edgecore_message *message,
                            remote_answer_fn *answer, void *data, struct edgecore_error *error) {
  while (entry->waiters->len > 0) {
    struct edgecore_message *made = answer_new(self, message, g_ptr_array_index(entry->waiters, 0), error);
    if (made == NULL)
      return EDGECORE_NO_MEMORY;
    answer(g_ptr_array_steal_index(entry->waiters, 0), made, data);
  }
  drop(self, entry);
  return EDGECORE_OK;
}

int32_t remote_answer(remote *self, struct edgecore_message *request, struct edgecore_message *message,
                      remote_answer_fn *answer, void *data, struct edgecore_error *error) {
  struct remote_entry *entry = find(self, request);

  return entry != NULL ? answer_entry(self, entry, message, answer, data, error) : EDGECORE_OK;
}

/* FALSE: it is not one of this entry, or its outcome came before. */
static gboolean forget_out(struct remote_entry *entry, const char *id) {
  guint i;

  if (!g_ptr_array_find_with_equal_func(entry->out, id, g_str_equal, &i))
    return FALSE;
  g_ptr_array_remove_index(entry->out, i);
  return TRUE;
}

/* Plans what follows the failure of the attempt that was sent last. FALSE: no time or no attempt is left. */
static gboolean plan_attempt(const remote *self, struct remote_entry *entry, gint64 now) {
  gint64 wait = back_off(entry);

  if (entry->attempts >= self->settings->remote_query_attempts || now + wait >= entry->deadline)
    return FALSE;
  entry->retry_at = now + wait;
  return TRUE;
}

int32_t remote_failed(remote *self, struct edgecore_message *request, struct edgecore_message *message, gboolean linked,
                      gint64 now, remote_answer_fn *answer, void *data, struct edgecore_error *error) {
  struct remote_entry *entry = find(self, request);

  if (entry == NULL)
    return EDGECORE_OK;
  gboolean is_last = strcmp(id_of(self, entry->request), id_of(self, request)) == 0;
  gboolean was_out = forget_out(entry, id_of(self, request));
  if (is_last && linked && plan_attempt(self, entry, now))
    return EDGECORE_OK;
  /* Another attempt may still bring the reply: the callers wait for it as long as they have time. */
  if (linked && now < entry->deadline && (entry->out->len > 0 || entry->others_out)) {
    if (is_last)
      entry->retry_at = entry->deadline;
    return EDGECORE_OK;
  }
  /* The failure of an earlier attempt says nothing while one is to come, and that of a request whose callers were
   * answered long ago says nothing about this one. */
  if (!is_last && (!was_out || entry->retry_at < entry->deadline))
    return EDGECORE_OK;
  return answer_entry(self, entry, message, answer, data, error);
}

gint64 remote_due(const remote *self) {
  GHashTableIter iter;
  gpointer entry;
  gint64 due = G_MAXINT64;

  g_hash_table_iter_init(&iter, self->entries);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    due = MIN(due, ((struct remote_entry *)entry)->retry_at);
  return due;
}

static void retry_entry(remote *self, struct remote_entry *entry, gint64 now) {
  struct edgecore_message *request = request_new(self, entry->request, NULL);

  if (request == NULL) {
    entry->retry_at = now + ROOM_WAIT;
    return;
  }
  if (send_request(self, entry, request, now, NULL) != EDGECORE_OK) {
    self->core->message_unref(request);
    return;
  }
  self->core->message_unref(entry->request);
  entry->request = request;
}

void remote_retry(remote *self, gint64 now, remote_entry_fn *expired, void *data) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, self->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    struct remote_entry *entry = value;
    if (entry->retry_at > now)
      continue;
    if (now < entry->deadline) {
      retry_entry(self, entry, now);
    } else {
      entry->retry_at = G_MAXINT64;
      expired(entry, data);
    }
  }
}

guint remote_count(const remote *self) {
  return g_hash_table_size(self->entries);
}

guint remote_pending(const remote *self) {
  GHashTableIter iter;
  gpointer entry;
  guint pending = 0;

  g_hash_table_iter_init(&iter, self->entries);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    pending += ((struct remote_entry *)entry)->retry_at != G_MAXINT64;
  return pending;
}

void remote_each(remote *self, remote_entry_fn *each, void *data) {
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init(&iter, self->entries);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    each(entry, data);
}

void remote_restore(remote *self, struct edgecore_message *request, struct edgecore_message *const *waiters,
                    guint waiter_count, gint64 attempts, gint64 deadline, gint64 retry_at) {
  struct remote_entry *entry = find(self, request);

  if (entry != NULL)
    drop(self, entry);
  entry = entry_new(self, self->core->message_ref(request), 0);
  for (guint i = 0; i < waiter_count; i++)
    g_ptr_array_add(entry->waiters, self->core->message_ref(waiters[i]));
  /* Which of them are out the state does not say: all, so that no reply is given up that may still come. */
  if (attempts > 0)
    g_ptr_array_add(entry->out, g_strdup(id_of(self, request)));
  entry->others_out = attempts > 1;
  entry->attempts = attempts;
  entry->deadline = deadline;
  /* A version that gave each attempt a time-out of its own waited for that, and not for a time. */
  entry->retry_at = MIN(retry_at, deadline);
  g_hash_table_insert(self->entries, key_of(self, request), entry);
}
