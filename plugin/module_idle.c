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

/* Ends the transaction of a step that went well so far. FALSE, and a line in the log, when it did not, or does not now. After a repair
 * everything begins anew, so what a caller notes of its progress it notes before. */
static gboolean finish(module *self, int32_t code, struct edgecore_error *error) {
  database *db = store_database(self->store);

  if (code == EDGECORE_OK)
    code = database_commit(db, error);
  if (code == EDGECORE_OK)
    return TRUE;
  database_rollback(db);
  if (!module_is_damage(code, error) || !module_mend(self, error->text))
    module_log(self, EDGECORE_LOG_WARNING, error->text);
  return FALSE;
}

/* The steps below return FALSE when they are to be tried again some time later. */

static gboolean sum_rows(module *self) {
  struct edgecore_error error = ERROR_INIT;
  gint64 before = self->sum_after;
  guint done;
  int32_t code = store_sum_rows(self->store, SUM_ROWS, &self->sum_after, &done, &error);

  if (code == EDGECORE_OK && done == 0)
    self->sum_after = G_MAXINT64;
  if (finish(self, code, &error))
    return TRUE;
  self->sum_after = MIN(self->sum_after, before);
  return FALSE;
}

static gboolean verify_rows(module *self) {
  struct edgecore_error error = ERROR_INIT;
  guint done;
  int32_t code = store_verify(self->store, VERIFY_ROWS, &self->verify_after, &done, &error);

  if (code == EDGECORE_OK && done == 0) {
    self->verify_after = G_MAXINT64;
    code = database_quick_check(store_database(self->store), "metamanager_outbox", OUTBOX_CHECK_BYTES, &error);
  }
  if (!finish(self, code, &error)) {
    self->verify_after = G_MININT64;
    return FALSE;
  }
  if (self->verify_after == G_MAXINT64) {
    self->verify_due = module_now(self) + VERIFY_INTERVAL;
    self->mend_wait = 0;
  }
  return TRUE;
}

/* Rows that failed their checksum since the last time: what the cloud has is asked for again. */
static gboolean want_damaged(module *self) {
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
  struct edgecore_error error = ERROR_INIT;
  int32_t code = EDGECORE_OK;

  for (char *key; (key = store_take_damaged(self->store)) != NULL;)
    if (resource_is_remote(resource_parse(key).kind))
      g_ptr_array_add(keys, key);
    else
      g_free(key);
  if (keys->len == 0)
    return TRUE;
  for (guint i = 0; code == EDGECORE_OK && i < keys->len; i++)
    code = wanted_put(self->store, g_ptr_array_index(keys, i), &error);
  if (!finish(self, code, &error)) {
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
    return EDGECORE_NO_MEMORY;
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

void module_fetch_wanted(module *self) {
  struct edgecore_error error = ERROR_INIT;
  g_autoptr(GPtrArray) keys = NULL;

  self->wanted_due = G_MAXINT64;
  if (self->link != LINK_CONNECTED || !self->has_wanted)
    return;
  int32_t code = read_wanted(self, &keys, &error);
  for (guint i = 0; code == EDGECORE_OK && i < keys->len; i++)
    code = fetch(self, g_ptr_array_index(keys, i), &error);
  self->has_wanted = code != EDGECORE_OK || keys->len > 0;
  if (self->has_wanted)
    self->wanted_due = module_now(self) + WANTED_INTERVAL;
  finish(self, code, &error);
}
