#include "outbox.h"

#include "file_vfs.h"
#include "fixture.h"

#include <string.h>

#define BOUND 1000000

G_DEFINE_AUTOPTR_CLEANUP_FUNC(outbox, outbox_close)

static outbox *opened(store *rows, gint64 max_bytes) {
  outbox *self = NULL;

  if (outbox_open(rows, max_bytes, fixture_log, NULL, &self, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
  return self;
}

static struct edgecore_message_fields message(const char *operation, const char *resource, const char *content) {
  return (struct edgecore_message_fields){.size = sizeof(struct edgecore_message_fields),
                                          .timestamp = 1700000000000,
                                          .id = "id",
                                          .parent_id = "parent",
                                          .source = "edged",
                                          .group = "resource",
                                          .operation = operation,
                                          .resource = resource,
                                          .content_kind = EDGECORE_CONTENT_RAW,
                                          .content = content,
                                          .content_size = strlen(content)};
}

/* Keeps an answer or the like: all of them count. */
static void put(outbox *self, const char *operation, const char *content) {
  const struct edgecore_message_fields fields = message(operation, "a/pod/1", content);

  if (outbox_put(self, &fields, FALSE, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

/* Keeps an update: the last one of its resource counts. */
static void put_latest(outbox *self, const char *resource, const char *content) {
  const struct edgecore_message_fields fields = message("update", resource, content);

  if (outbox_put(self, &fields, TRUE, &failure) != EDGECORE_OK)
    g_error("%s", failure.text);
}

static void commit(store *rows, outbox *self) {
  fixture_commit(rows);
  outbox_committed(self);
}

static void roll_back(store *rows, outbox *self) {
  database_rollback(store_database(rows));
  outbox_rolled_back(self);
}

struct taker {
  GString *contents;
  guint max;
};

static gboolean take(const struct edgecore_message_fields *fields, void *data) {
  struct taker *taker = data;

  if (taker->max == 0)
    return FALSE;
  taker->max--;
  g_string_append_printf(taker->contents, "%.*s ", (int)fields->content_size, (const char *)fields->content);
  return TRUE;
}

/* The contents of the next `max` messages; they are taken then. */
static char *taken(outbox *self, guint max) {
  struct taker taker = {.contents = g_string_new(NULL), .max = max};

  check_ok(outbox_each(self, take, &taker, &failure));
  return g_string_free(taker.contents, FALSE);
}

static void check_taken(outbox *self, guint max, const char *want) {
  g_autofree char *got = taken(self, max);

  check_str_eq(got, want);
}

#define ALL G_MAXUINT

/* -------------------------------------------------------------------------------------------------- what is in it */

TEST_CASE(Outbox, a_new_one_is_empty) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
  check_int_eq(outbox_evicted(self), 0);
  check_int_eq(outbox_taken(self), 0);
  check_taken(self, ALL, "");
}

TEST_CASE(Outbox, order_is_kept) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  put(self, "action_result", "2");
  put(self, "response", "3");
  put(self, "response", "3");
  check_false(outbox_is_empty(self));
  check_taken(self, ALL, "1 2 3 3 ");
}

TEST_CASE(Outbox, of_updates_of_one_resource_the_last_counts_in_the_last_place) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put_latest(self, "a/node/n", "node-1");
  put(self, "response", "r");
  put_latest(self, "a/node/m", "other");
  put_latest(self, "a/node/n", "node-2");
  put_latest(self, "a/node/n", "node-3");
  commit(rows, self);
  check_taken(self, ALL, "r other node-3 ");
  check_rows(path, "SELECT count(*) FROM metamanager_outbox", "3");
}

TEST_CASE(Outbox, what_only_has_the_same_resource_is_not_replaced) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "kept");
  put_latest(self, "a/pod/1", "old");
  put(self, "response", "kept-too");
  put_latest(self, "a/pod/1", "new");
  check_taken(self, ALL, "kept kept-too new ");
}

static gboolean check_same(const struct edgecore_message_fields *got, void *data) {
  const struct edgecore_message_fields *want = data;

  check_int_eq(got->size, sizeof *got);
  check_int_eq(got->flags, 0);
  check_int_eq(got->timestamp, want->timestamp);
  check_str_eq(got->id, want->id);
  check_str_eq(got->parent_id, want->parent_id);
  check_str_eq(got->source, want->source);
  check_str_eq(got->group, want->group);
  check_str_eq(got->operation, want->operation);
  check_str_eq(got->resource, want->resource);
  check_int_eq(got->content_kind, want->content_kind);
  check_mem_eq(got->content, got->content_size, want->content, want->content_size);
  return TRUE;
}

TEST_CASE(Outbox, a_message_comes_back_as_it_was) {
  g_autofree char *large = g_strnfill(400000, '\xff');
  struct edgecore_message_fields messages[] = {
      message("response", "a/secret/n\xc3\xa4me", "a\0b"),
      message("error", "", ""),
      message("action_result", "a/function/f", large),
      {.size = sizeof messages[0],
       .id = "",
       .parent_id = "",
       .source = "",
       .group = "",
       .operation = "",
       .resource = ""},
  };
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  messages[0].content_size = 3;
  messages[1].content_kind = EDGECORE_CONTENT_JSON;
  messages[1].timestamp = G_MININT64;
  for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
    test_note("message %u", i);
    require_ok(outbox_put(self, &messages[i], FALSE, &failure));
    commit(rows, self);
    check_ok(outbox_each(self, check_same, &messages[i], &failure));
    check_ok(outbox_delete_taken(self, &failure));
    commit(rows, self);
    check_true(outbox_is_empty(self));
    check_int_eq(outbox_bytes(self), 0);
  }
}

TEST_CASE(Outbox, it_is_there_after_a_restart) {
  g_autofree char *path = fixture_database();
  store *rows = fixture_store(path);
  outbox *self = opened(rows, BOUND);

  put(self, "response", "1");
  put_latest(self, "a/node/n", "old");
  commit(rows, self);
  const gint64 bytes = outbox_bytes(self);
  put(self, "response", "not committed");
  outbox_close(self);
  store_close(rows);

  g_autoptr(store) again = fixture_store(path);
  g_autoptr(outbox) reopened = opened(again, BOUND);
  check_false(outbox_is_empty(reopened));
  check_int_eq(outbox_bytes(reopened), bytes);
  put_latest(reopened, "a/node/n", "new");
  check_taken(reopened, ALL, "1 new ");
}

TEST_CASE(Outbox, a_roll_back_restores_what_it_held) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  roll_back(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);

  put(self, "response", "2");
  put_latest(self, "a/node/n", "old");
  commit(rows, self);
  const gint64 bytes = outbox_bytes(self);
  put_latest(self, "a/node/n", "new, and longer");
  put(self, "response", "3");
  roll_back(rows, self);
  check_int_eq(outbox_bytes(self), bytes);
  check_taken(self, ALL, "2 old ");
}

/* --------------------------------------------------------------------------------------------------------- the bound */

/* Each message counts 50 bytes and what is added to them. */
#define HEAD                                                                                                           \
  ((gint64)strlen("id"                                                                                                 \
                  "parent"                                                                                             \
                  "edged"                                                                                              \
                  "resource"                                                                                           \
                  "a/pod/1"))

static void put_sized(outbox *self, const char *operation, const char *name, gint64 size) {
  g_autofree char *content = g_strnfill((gsize)(size - HEAD - (gint64)strlen(operation)), '.');

  memcpy(content, name, strlen(name));
  put(self, operation, content);
}

/* The first letter of each content. */
static void check_left(outbox *self, const char *want) {
  g_autofree char *all = taken(self, ALL);
  g_auto(GStrv) words = g_strsplit(all, " ", -1);
  GString *letters = g_string_new(NULL);

  for (guint i = 0; words[i] != NULL; i++)
    g_string_append_len(letters, words[i], MIN(strlen(words[i]), 1));
  check_str_eq(letters->str, want);
  g_string_free(letters, TRUE);
}

TEST_CASE(Outbox, at_the_bound_everything_stays) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, 300);

  put_sized(self, "response", "a", 100);
  put_sized(self, "update", "b", 100);
  put_sized(self, "response", "c", 100);
  commit(rows, self);
  check_int_eq(outbox_bytes(self), 300);
  check_int_eq(outbox_evicted(self), 0);
  check_left(self, "abc");
}

TEST_CASE(Outbox, over_the_bound_the_oldest_answers_go_first_then_the_oldest_others) {
  static const struct {
    const char *operation;
    const char *name;
    const char *left;
  } steps[] = {
      {"action_result", "a", "a"}, {"response", "b", "ab"},        {"error", "c", "abc"},
      {"response", "d", "abcd"},   {"action_result", "e", "acde"}, /* b */
      {"response", "f", "adef"},                                   /* c */
      {"update", "g", "aefg"},                                     /* d */
      {"update", "h", "aegh"},                                     /* f */
      {"update", "i", "eghi"},                                     /* a: no answer is left */
      {"response", "j", "eghi"},                                   /* j itself is the oldest answer */
      {"update", "k", "ghik"},
  };

  for (guint last = 0; last < G_N_ELEMENTS(steps); last++) {
    g_autofree char *path = fixture_database();
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(outbox) self = opened(rows, 400);
    for (guint i = 0; i <= last; i++)
      put_sized(self, steps[i].operation, steps[i].name, 100);
    commit(rows, self);
    test_note("after %s", steps[last].name);
    check_int_eq(outbox_evicted(self), last < 4 ? 0 : last - 3);
    check_int_le(outbox_bytes(self), 400);
    check_left(self, steps[last].left);
  }
}

TEST_CASE(Outbox, one_large_message_takes_the_place_of_several) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, 400);

  put_sized(self, "update", "a", 100);
  put_sized(self, "response", "b", 100);
  put_sized(self, "update", "c", 100);
  put_sized(self, "update", "d", 300);
  commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_left(self, "cd");
}

/* It could only throw out all the others, and then itself. */
TEST_CASE(Outbox, a_message_greater_than_the_bound_is_itself_what_goes) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, 400);

  put_sized(self, "update", "a", 100);
  put_latest(self, "a/pod/1", "latest");
  g_autofree char *content = g_strnfill(400, '.');
  put_latest(self, "a/pod/1", content);
  put_sized(self, "response", "b", 401);
  commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_left(self, "al");
}

TEST_CASE(Outbox, what_goes_is_counted_and_logged_once_it_is_gone_for_good) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, 300);

  for (guint i = 0; i < 5; i++)
    put_sized(self, "response", "a", 100);
  check_int_eq(outbox_evicted(self), 0);
  roll_back(rows, self);
  check_int_eq(outbox_evicted(self), 0);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "outbox"), 0);

  for (guint i = 0; i < 5; i++)
    put_sized(self, "response", "a", 100);
  commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "dropped 2 messages, 2 since the start"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "metamanager.outbox-max-bytes"), 1);

  put_sized(self, "update", "b", 100);
  commit(rows, self);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "dropped 1 messages, 3 since the start"), 1);
  commit(rows, self);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "outbox"), 2);
}

/* ------------------------------------------------------------------------------------------------- taken and deleted */

TEST_CASE(Outbox, what_was_taken_is_not_shown_again_and_can_be_deleted) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  put(self, "response", "2");
  put(self, "response", "3");
  commit(rows, self);
  check_taken(self, 2, "1 2 ");
  check_false(outbox_is_empty(self));
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_false(outbox_is_empty(self));
  check_rows(path, "SELECT content FROM metamanager_outbox", "3");
  check_taken(self, ALL, "3 ");
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
  check_rows(path, "SELECT count(*) FROM metamanager_outbox", "0");
}

TEST_CASE(Outbox, a_deletion_that_is_rolled_back_sends_nothing_twice) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  put(self, "response", "2");
  commit(rows, self);
  check_taken(self, 1, "1 ");
  check_ok(outbox_delete_taken(self, &failure));
  roll_back(rows, self);
  check_taken(self, ALL, "2 ");
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_true(outbox_is_empty(self));
}

TEST_CASE(Outbox, an_update_that_replaces_a_taken_one_is_sent_too) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put_latest(self, "a/node/n", "old");
  commit(rows, self);
  check_taken(self, ALL, "old ");
  put_latest(self, "a/node/n", "new");
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_false(outbox_is_empty(self));
  check_taken(self, ALL, "new ");
}

/* The next version continues where this one stopped, also when the rows are all gone and SQLite would count from 1 again. */
TEST_CASE(Outbox, the_place_up_to_which_it_was_taken_can_be_handed_over) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  outbox *first = opened(rows, BOUND);

  put(first, "response", "1");
  put(first, "response", "2");
  commit(rows, first);
  check_taken(first, 1, "1 ");
  const gint64 place = outbox_taken(first);
  outbox_close(first);

  outbox *second = opened(rows, BOUND);
  outbox_set_taken(second, place);
  check_taken(second, ALL, "2 ");
  check_ok(outbox_delete_taken(second, &failure));
  commit(rows, second);
  const gint64 end = outbox_taken(second);
  outbox_close(second);

  g_autoptr(outbox) third = opened(rows, BOUND);
  outbox_set_taken(third, end);
  put(third, "response", "3");
  commit(rows, third);
  check_taken(third, ALL, "3 ");
}

/* ---------------------------------------------------------------------------------------------- damage and lost syncs */

TEST_CASE(Outbox, a_damaged_message_is_not_sent_and_is_logged) {
  static const char *const columns[] = {"msg_id",  "parent_id", "timestamp", "source",      "route_group",
                                        "content", "operation", "resource",  "content_kind"};

  for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
    g_autofree char *path = fixture_database();
    g_autofree char *sql = g_strdup_printf("UPDATE metamanager_outbox SET %s = 7 WHERE id = 2", columns[i]);
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(outbox) self = opened(rows, BOUND);
    test_note("%s", columns[i]);
    put(self, "response", "1");
    put(self, "response", "2");
    put(self, "response", "3");
    commit(rows, self);
    fixture_run(path, sql);
    check_taken(self, ALL, "1 3 ");
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "message 2 of the outbox is damaged"), 1);
    check_ok(outbox_delete_taken(self, &failure));
    commit(rows, self);
    check_true(outbox_is_empty(self));
  }
}

static void lose_the_sync(store *rows, outbox *self) {
  file_vfs_fail(FILE_SYNC, "-wal", 0, 1, SQLITE_IOERR_FSYNC);
  check_fails(database_commit(store_database(rows), &failure), EDGECORE_IO, NULL);
  check_int_eq(file_vfs_failed(), 1);
  file_vfs_heal();
  outbox_rolled_back(self);
}

/* The commit was in the file already, and could be found there when it is opened anew. */
TEST_CASE(Outbox, what_was_in_a_commit_whose_sync_failed_is_not_sent_beside_its_repetition) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  commit(rows, self);
  put(self, "response", "2");
  lose_the_sync(rows, self);
  check_rows(path, "SELECT content FROM metamanager_outbox", "1");
  put(self, "response", "2-again");
  commit(rows, self);
  check_taken(self, ALL, "1 2-again ");
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
}

TEST_CASE(Outbox, an_update_whose_sync_failed_has_not_replaced_the_older_one) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put_latest(self, "a/node/n", "old");
  commit(rows, self);
  put_latest(self, "a/node/n", "new");
  lose_the_sync(rows, self);
  put(self, "response", "after");
  commit(rows, self);
  check_taken(self, ALL, "old after ");
}

TEST_CASE(Outbox, a_deletion_whose_sync_failed_leaves_the_totals_right) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = opened(rows, BOUND);

  put(self, "response", "1");
  put(self, "response", "2");
  commit(rows, self);
  check_taken(self, 1, "1 ");
  check_ok(outbox_delete_taken(self, &failure));
  lose_the_sync(rows, self);
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_taken(self, ALL, "2 ");
  check_ok(outbox_delete_taken(self, &failure));
  commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
}
