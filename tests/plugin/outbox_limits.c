/* What the outbox does when there is too much, when it is damaged, and when a commit fails. */
#include "file_vfs.h"
#include "outbox_rig.h"

#include <string.h>

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
  box_put(self, operation, content);
}

/* The first letter of each content. */
static void check_left(outbox *self, const char *want) {
  g_autofree char *all = box_taken(self, ALL);
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
  g_autoptr(outbox) self = box_open(rows, 300);

  put_sized(self, "response", "a", 100);
  put_sized(self, "update", "b", 100);
  put_sized(self, "response", "c", 100);
  box_commit(rows, self);
  check_int_eq(outbox_bytes(self), 300);
  check_int_eq(outbox_evicted(self), 0);
  check_left(self, "abc");
}

/* In its place the one that is replaced most often would be the first to go. */
TEST_CASE(Outbox, where_room_is_short_the_latest_of_a_resource_outlives_older_ones) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, 300);
  static const char *const names[] = {"a/node/a", "a/node/b", "a/node/c", "a/node/a", "a/node/d"};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *content = g_strnfill(60, names[i][7]);
    box_put_latest(self, names[i], content);
  }
  box_commit(rows, self);
  check_int_eq(outbox_evicted(self), 1);
  check_left(self, "cad");
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
    g_autoptr(outbox) self = box_open(rows, 400);
    for (guint i = 0; i <= last; i++)
      put_sized(self, steps[i].operation, steps[i].name, 100);
    box_commit(rows, self);
    test_note("after %s", steps[last].name);
    check_int_eq(outbox_evicted(self), last < 4 ? 0 : last - 3);
    check_int_le(outbox_bytes(self), 400);
    check_left(self, steps[last].left);
  }
}

TEST_CASE(Outbox, one_large_message_takes_the_place_of_several) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, 400);

  put_sized(self, "update", "a", 100);
  put_sized(self, "response", "b", 100);
  put_sized(self, "update", "c", 100);
  put_sized(self, "update", "d", 300);
  box_commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_left(self, "cd");
}

/* In its place it would be the oldest, and go itself. */
TEST_CASE(Outbox, an_update_that_grows_over_the_bound_takes_the_place_of_what_is_older) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, 400);
  g_autofree char *large = g_strnfill(300, 'L');

  box_put_latest(self, "a/pod/1", "a");
  box_put_latest(self, "a/pod/2", "b");
  box_put_latest(self, "a/pod/3", "c");
  box_put_latest(self, "a/pod/1", large);
  box_commit(rows, self);
  check_int_le(outbox_bytes(self), 400);
  check_int_eq(outbox_evicted(self), 1);
  check_left(self, "cL");
}

/* It could only throw out all the others, and then itself. */
TEST_CASE(Outbox, a_message_greater_than_the_bound_is_itself_what_goes) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, 400);

  put_sized(self, "update", "a", 100);
  box_put_latest(self, "a/pod/1", "latest");
  g_autofree char *content = g_strnfill(400, '.');
  box_put_latest(self, "a/pod/1", content);
  put_sized(self, "response", "b", 401);
  box_commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_left(self, "al");
}

TEST_CASE(Outbox, what_goes_is_counted_and_logged_once_it_is_gone_for_good) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, 300);

  for (guint i = 0; i < 5; i++)
    put_sized(self, "response", "a", 100);
  check_int_eq(outbox_evicted(self), 0);
  box_roll_back(rows, self);
  check_int_eq(outbox_evicted(self), 0);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "outbox"), 0);

  for (guint i = 0; i < 5; i++)
    put_sized(self, "response", "a", 100);
  box_commit(rows, self);
  check_int_eq(outbox_evicted(self), 2);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "dropped 2 messages, 2 since the start"), 1);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "metamanager.outbox-max-bytes"), 1);

  put_sized(self, "update", "b", 100);
  box_commit(rows, self);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "dropped 1 messages, 3 since the start"), 1);
  box_commit(rows, self);
  check_int_eq(fixture_logged(EDGECORE_LOG_WARNING, "outbox"), 2);
}

/* ---------------------------------------------------------------------------------------------- damage and lost syncs */

/* Damage of an id: a rowid is in no checksum. */
TEST_CASE(Outbox, ids_that_it_never_gave_are_dropped_with_a_line_in_the_log) {
  static const char *const damages[] = {"UPDATE metamanager_outbox SET id = -5 WHERE id = 1",
                                        "UPDATE metamanager_outbox SET id = 0 WHERE id = 1",
                                        "UPDATE metamanager_outbox SET id = 9000000000000000000 WHERE id = 1"};

  for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
    g_autofree char *path = fixture_database();
    g_autoptr(store) rows = fixture_store(path);
    outbox *first = box_open(rows, BOUND);
    box_put(first, "response", "1");
    box_put(first, "response", "2");
    box_commit(rows, first);
    outbox_close(first);
    fixture_run(path, damages[i]);
    test_note("%s", damages[i]);
    const guint logged = fixture_logged(EDGECORE_LOG_ERROR, "ids that it never gave");
    g_autoptr(outbox) self = box_open(rows, BOUND);
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "ids that it never gave"), logged + 1);
    check_taken(self, ALL, "2 ");
  }
}

TEST_CASE(Outbox, after_that_new_messages_do_not_look_as_if_they_had_been_passed_on) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  for (guint i = 0; i < 5; i++)
    box_put(self, "response", "sent");
  box_commit(rows, self);
  check_taken(self, ALL, "sent sent sent sent sent ");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  fixture_run(path, "INSERT INTO metamanager_outbox"
                    " VALUES(9000000000000000000, NULL, 1, 1, '', '', 1, '', '', 'response', '', 1, 1, '')");
  check_ok(outbox_reload(self, &failure));
  box_put(self, "response", "new");
  box_commit(rows, self);
  check_taken(self, ALL, "new ");
}

TEST_CASE(Outbox, a_damaged_message_is_not_sent_and_is_logged) {
  static const char *const columns[] = {"msg_id",  "parent_id", "timestamp", "source",      "route_group",
                                        "content", "operation", "resource",  "content_kind"};

  for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
    g_autofree char *path = fixture_database();
    g_autofree char *sql = g_strdup_printf("UPDATE metamanager_outbox SET %s = 7 WHERE id = 2", columns[i]);
    g_autoptr(store) rows = fixture_store(path);
    g_autoptr(outbox) self = box_open(rows, BOUND);
    test_note("%s", columns[i]);
    box_put(self, "response", "1");
    box_put(self, "response", "2");
    box_put(self, "response", "3");
    box_commit(rows, self);
    fixture_run(path, sql);
    check_taken(self, ALL, "1 3 ");
    check_int_eq(fixture_logged(EDGECORE_LOG_ERROR, "message 2 of the outbox is damaged"), 1);
    check_ok(outbox_delete_taken(self, &failure));
    box_commit(rows, self);
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
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_commit(rows, self);
  box_put(self, "response", "2");
  lose_the_sync(rows, self);
  check_rows(path, "SELECT content FROM metamanager_outbox", "1");
  box_put(self, "response", "2-again");
  box_commit(rows, self);
  check_taken(self, ALL, "1 2-again ");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
}

TEST_CASE(Outbox, an_update_whose_sync_failed_has_not_replaced_the_older_one) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put_latest(self, "a/node/n", "old");
  box_commit(rows, self);
  box_put_latest(self, "a/node/n", "new");
  lose_the_sync(rows, self);
  box_put(self, "response", "after");
  box_commit(rows, self);
  check_taken(self, ALL, "old after ");
}

TEST_CASE(Outbox, a_deletion_whose_sync_failed_leaves_the_totals_right) {
  file_vfs_install();
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_put(self, "response", "2");
  box_commit(rows, self);
  check_taken(self, 1, "1 ");
  check_ok(outbox_delete_taken(self, &failure));
  lose_the_sync(rows, self);
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_taken(self, ALL, "2 ");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
}
