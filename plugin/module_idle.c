#include "module_private.h"

#include "error.h"
#include "wanted.h"

#include <malloc.h>

/* An idle module moves the WAL to the database file when it has this many pages. */
#define WAL_PAGES 64
/* Rows of one step. */
#define SUM_ROWS 128
#define VERIFY_ROWS 128
/* Between two checks of all rows, and before what failed is tried again. */
#define VERIFY_INTERVAL (G_GINT64_CONSTANT(24) * 3600 * G_USEC_PER_SEC)
#define RETRY_INTERVAL (60 * G_USEC_PER_SEC)
/* Keys that the cloud is asked for at once, and the time between. */
#define WANTED_KEYS 16
#define WANTED_INTERVAL G_USEC_PER_SEC
/* The outbox, which is bounded, is looked at as a whole up to this size of the file. */
#define OUTBOX_CHECK_BYTES (G_GINT64_CONSTANT(256) << 20)

/* A step, in a transaction of its own; `data` is where it leaves what is to be noted once that is committed. It may be
 * called twice. */
typedef int32_t step_fn(module *self, void *data, struct edgecore_error *error);

static int32_t run_once(module *self, step_fn *step, void *data, struct edgecore_error *error) {
  database *db = store_database(self->store);
  int32_t code = step(self, data, error);

  if (code == EDGECORE_OK)
    code = database_commit(db, error);
  if (code != EDGECORE_OK)
    database_rollback(db);
  return code;
}

/* FALSE, and a line in the log, when it failed. After a repair everything begins anew. */
static gboolean run(module *self, step_fn *step, void *data) {
  struct edgecore_error error = ERROR_INIT;
  int32_t code = run_once(self, step, data, &error);

  if (module_reopen(self, code, &error))
    code = run_once(self, step, data, &error);
  if (code == EDGECORE_OK)
    return TRUE;
  if (!module_is_damage(code, &error) || !module_mend(self, error.text))
    module_log(self, EDGECORE_LOG_WARNING, error.text);
  return FALSE;
}

static int32_t sum_some(module *self, void *data, struct edgecore_error *error) {
  gint64 *after = data;
  guint done;

  *after = self->sum_after;
  int32_t code = store_sum_rows(self->store, SUM_ROWS, after, &done, error);
  if (code == EDGECORE_OK && done == 0)
    *after = G_MAXINT64;
  return code;
}

static int32_t verify_some(module *self, void *data, struct edgecore_error *error) {
  gint64 *after = data;
  guint done;

  *after = self->verify_after;
  int32_t code = store_verify(self->store, VERIFY_ROWS, after, &done, error);
  if (code != EDGECORE_OK || done > 0)
    return code;
  *after = G_MAXINT64;
  return database_quick_check(store_database(self->store), "metamanager_outbox", OUTBOX_CHECK_BYTES, error);
}

static int32_t want_all(module *self, void *data, struct edgecore_error *error) {
  const GPtrArray *keys = data;
  int32_t code = EDGECORE_OK;

  for (guint i = 0; code == EDGECORE_OK && i < keys->len; i++)
    code = wanted_put(self->store, g_ptr_array_index(keys, i), error);
  return code;
}

/* The functions below return FALSE when they are to be called again some time later. */

static gboolean mend_damage(module *self) {
  g_autofree char *reason = g_strdup(self->damage);

  return reason == NULL || module_mend(self, reason);
}

static gboolean sum_rows(module *self) {
  gint64 after;

  if (!run(self, sum_some, &after))
    return FALSE;
  self->sum_after = after;
  return TRUE;
}

static gboolean verify_rows(module *self) {
  gint64 after;

  if (!run(self, verify_some, &after)) {
    self->verify_after = G_MININT64;
    return FALSE;
  }
  self->verify_after = after;
  if (after == G_MAXINT64) {
    self->verify_due = module_now(self) + VERIFY_INTERVAL;
    self->mend_wait = 0;
  }
  return TRUE;
}

/* Rows that failed their checksum since the last time: what the cloud has is asked for again. */
static gboolean want_damaged(module *self) {
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);

  for (char *key; (key = store_take_damaged(self->store)) != NULL;)
    if (resource_is_remote(resource_parse(key).kind))
      g_ptr_array_add(keys, key);
    else
      g_free(key);
  if (keys->len == 0)
    return TRUE;
  if (!run(self, want_all, keys)) {
    for (guint i = 0; i < keys->len; i++)
      store_return_damaged(self->store, g_ptr_array_index(keys, i));
    return FALSE;
  }
  self->has_wanted = TRUE;
  if (self->link == LINK_CONNECTED)
    self->wanted_due = module_now(self);
  return TRUE;
}

void module_idle(module *self) {
  gint64 now = module_now(self);
  gboolean is_done = TRUE;

  self->idle_due = G_MAXINT64;
  self->idle_by = now + MODULE_IDLE_BY;
  if (self->verify_due <= now) {
    self->verify_due = G_MAXINT64;
    self->verify_after = G_MININT64;
  }
  if (database_wal_pages(store_database(self->store)) >= WAL_PAGES)
    database_checkpoint(store_database(self->store));
  if (self->sum_after != G_MAXINT64)
    is_done = sum_rows(self);
  else if (self->verify_after != G_MAXINT64)
    is_done = verify_rows(self);
  is_done = want_damaged(self) && is_done;
  is_done = mend_damage(self) && is_done;
  if (!is_done) {
    self->idle_due = now + RETRY_INTERVAL;
  } else if (self->sum_after != G_MAXINT64 || self->verify_after != G_MAXINT64) {
    self->idle_due = now;
    return;
  }
  /* What work has left behind is most of what the process has: the pages of the database and free memory between what is in use. */
  database_release_memory(store_database(self->store));
  malloc_trim(0);
}

/* Asks for one key. An error is one that calls for another try. */
static int32_t fetch(module *self, const char *key, struct edgecore_error *error) {
  const struct edgecore_core *core = self->core;
  const struct edgecore_message_fields fields = {
      .size = sizeof fields, .source = MODULE_NAME, .group = "meta", .operation = "query", .resource = key};
  struct edgecore_message *failed;
  gboolean has;
  int32_t code = store_has(self->store, key, &has, error);

  if (code != EDGECORE_OK)
    return code;
  if (has)
    return wanted_drop(self->store, key, error);
  struct edgecore_message *query = core->message_new(core, &fields, error);
  if (query == NULL)
    /* Nobody can be asked for a key that damage has made no text. */
    return error->code == EDGECORE_INVALID ? wanted_drop(self->store, key, error) : EDGECORE_NO_MEMORY;
  if (!remote_has(self->remote, query))
    code = remote_ask(self->remote, query, TRUE, module_now(self), &failed, error);
  core->message_unref(query);
  return code == EDGECORE_AGAIN ? EDGECORE_OK : code;
}

/* The next keys; after the last one it begins with the first. */
static int32_t read_wanted(module *self, GPtrArray **keys, struct edgecore_error *error) {
  const char *after = self->wanted_after != NULL ? self->wanted_after : "";
  int32_t code = wanted_read(self->store, after, WANTED_KEYS, keys, error);

  if (code == EDGECORE_OK && (*keys)->len == 0 && *after != '\0') {
    g_clear_pointer(keys, g_ptr_array_unref);
    code = wanted_read(self->store, "", WANTED_KEYS, keys, error);
  }
  if (code != EDGECORE_OK)
    return code;
  g_free(self->wanted_after);
  self->wanted_after = (*keys)->len == WANTED_KEYS ? g_strdup(g_ptr_array_index(*keys, WANTED_KEYS - 1)) : NULL;
  return code;
}

static int32_t fetch_some(module *self, void *data, struct edgecore_error *error) {
  g_autoptr(GPtrArray) keys = NULL;
  int32_t code = read_wanted(self, &keys, error);

  for (guint i = 0; code == EDGECORE_OK && i < keys->len; i++)
    code = fetch(self, g_ptr_array_index(keys, i), error);
  *(gboolean *)data = code != EDGECORE_OK || keys->len > 0;
  return code;
}

void module_fetch_wanted(module *self) {
  gboolean is_left = TRUE;

  self->wanted_due = G_MAXINT64;
  if (self->link != LINK_CONNECTED || !self->has_wanted)
    return;
  (void)run(self, fetch_some, &is_left);
  self->has_wanted = is_left;
  if (is_left)
    self->wanted_due = module_now(self) + WANTED_INTERVAL;
}
