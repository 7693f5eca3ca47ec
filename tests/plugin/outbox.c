#include "outbox.h"

#include "outbox_rig.h"

#include <string.h>

/* -------------------------------------------------------------------------------------------------- what is in it */

TEST_CASE(Outbox, a_new_one_is_empty) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
  check_int_eq(outbox_evicted(self), 0);
  check_int_eq(outbox_taken(self), 0);
  check_taken(self, ALL, "");
}

TEST_CASE(Outbox, order_is_kept) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_put(self, "action_result", "2");
  box_put(self, "response", "3");
  box_put(self, "response", "3");
  check_false(outbox_is_empty(self));
  check_taken(self, ALL, "1 2 3 3 ");
}

/* One page is written then, not three: a node's status comes every 10 s, for as long as the cloud is away. */
TEST_CASE(Outbox, of_updates_of_one_resource_the_last_counts_where_the_first_stood) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "r");
  box_put_latest(self, "a/node/n", "node-1");
  box_put_latest(self, "a/node/m", "other");
  box_put_latest(self, "a/node/n", "node-2");
  box_put_latest(self, "a/node/n", "node-3, and longer");
  const gint64 bytes = outbox_bytes(self);
  box_commit(rows, self);
  check_rows(path, "SELECT count(*) FROM metamanager_outbox", "3");
  check_taken(self, ALL, "r node-3, and longer other ");
  check_ok(outbox_reload(self, &failure));
  check_int_eq(outbox_bytes(self), bytes);
}

TEST_CASE(Outbox, an_update_never_overtakes_what_replaces_nothing) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put_latest(self, "a/node/n", "node-1");
  box_put_latest(self, "a/node/m", "other");
  box_put(self, "response", "r");
  box_put_latest(self, "a/node/n", "node-2");
  box_put_latest(self, "a/node/n", "node-3");
  box_commit(rows, self);
  check_rows(path, "SELECT count(*) FROM metamanager_outbox", "3");
  check_taken(self, ALL, "other r node-3 ");
}

/* The message that it must not overtake was never kept in the end. */
TEST_CASE(Outbox, a_roll_back_also_forgets_what_was_not_to_be_overtaken) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put_latest(self, "a/node/n", "node-1");
  box_put_latest(self, "a/node/m", "other");
  box_commit(rows, self);
  box_put(self, "response", "r");
  box_roll_back(rows, self);
  box_put_latest(self, "a/node/n", "node-2");
  check_taken(self, ALL, "node-2 other ");
}

/* It does not know any more which of them may be overtaken. */
TEST_CASE(Outbox, after_a_restart_an_update_goes_behind_all_that_was_kept_before) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  outbox *first = box_open(rows, BOUND);

  box_put_latest(first, "a/node/n", "node-1");
  box_put(first, "response", "r");
  box_commit(rows, first);
  outbox_close(first);

  g_autoptr(outbox) self = box_open(rows, BOUND);
  box_put_latest(self, "a/node/n", "node-2");
  check_taken(self, ALL, "r node-2 ");
}

TEST_CASE(Outbox, what_only_has_the_same_resource_is_not_replaced) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "kept");
  box_put_latest(self, "a/pod/1", "old");
  box_put(self, "response", "kept-too");
  box_put_latest(self, "a/pod/1", "new");
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
      box_message("response", "a/secret/n\xc3\xa4me", "a\0b"),
      box_message("error", "", ""),
      box_message("action_result", "a/function/f", large),
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
  g_autoptr(outbox) self = box_open(rows, BOUND);

  messages[0].content_size = 3;
  messages[1].content_kind = EDGECORE_CONTENT_JSON;
  messages[1].timestamp = G_MININT64;
  for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
    test_note("message %u", i);
    require_ok(outbox_put(self, &messages[i], FALSE, &failure));
    box_commit(rows, self);
    check_ok(outbox_each(self, check_same, &messages[i], &failure));
    check_ok(outbox_delete_taken(self, &failure));
    box_commit(rows, self);
    check_true(outbox_is_empty(self));
    check_int_eq(outbox_bytes(self), 0);
  }
}

TEST_CASE(Outbox, it_is_there_after_a_restart) {
  g_autofree char *path = fixture_database();
  store *rows = fixture_store(path);
  outbox *self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_put_latest(self, "a/node/n", "old");
  box_commit(rows, self);
  const gint64 bytes = outbox_bytes(self);
  box_put(self, "response", "not committed");
  outbox_close(self);
  store_close(rows);

  g_autoptr(store) again = fixture_store(path);
  g_autoptr(outbox) reopened = box_open(again, BOUND);
  check_false(outbox_is_empty(reopened));
  check_int_eq(outbox_bytes(reopened), bytes);
  box_put_latest(reopened, "a/node/n", "new");
  check_taken(reopened, ALL, "1 new ");
}

TEST_CASE(Outbox, a_roll_back_restores_what_it_held) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_roll_back(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);

  box_put(self, "response", "2");
  box_put_latest(self, "a/node/n", "old");
  box_commit(rows, self);
  const gint64 bytes = outbox_bytes(self);
  box_put_latest(self, "a/node/n", "new, and longer");
  box_put(self, "response", "3");
  box_roll_back(rows, self);
  check_int_eq(outbox_bytes(self), bytes);
  check_taken(self, ALL, "2 old ");
}

/* ------------------------------------------------------------------------------------------------- taken and deleted */

TEST_CASE(Outbox, what_was_taken_is_not_shown_again_and_can_be_deleted) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_put(self, "response", "2");
  box_put(self, "response", "3");
  box_commit(rows, self);
  check_taken(self, 2, "1 2 ");
  check_false(outbox_is_empty(self));
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_false(outbox_is_empty(self));
  check_rows(path, "SELECT content FROM metamanager_outbox", "3");
  check_taken(self, ALL, "3 ");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_true(outbox_is_empty(self));
  check_int_eq(outbox_bytes(self), 0);
  check_rows(path, "SELECT count(*) FROM metamanager_outbox", "0");
}

TEST_CASE(Outbox, a_deletion_that_is_rolled_back_sends_nothing_twice) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put(self, "response", "1");
  box_put(self, "response", "2");
  box_commit(rows, self);
  check_taken(self, 1, "1 ");
  check_ok(outbox_delete_taken(self, &failure));
  box_roll_back(rows, self);
  check_taken(self, ALL, "2 ");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_true(outbox_is_empty(self));
}

TEST_CASE(Outbox, an_update_that_replaces_a_taken_one_is_sent_too) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  g_autoptr(outbox) self = box_open(rows, BOUND);

  box_put_latest(self, "a/node/n", "old");
  box_commit(rows, self);
  check_taken(self, ALL, "old ");
  box_put_latest(self, "a/node/n", "new");
  check_ok(outbox_delete_taken(self, &failure));
  box_commit(rows, self);
  check_false(outbox_is_empty(self));
  check_taken(self, ALL, "new ");
}

/* The next version continues where this one stopped, also when the rows are all gone and SQLite would count from 1 again. */
TEST_CASE(Outbox, the_place_up_to_which_it_was_taken_can_be_handed_over) {
  g_autofree char *path = fixture_database();
  g_autoptr(store) rows = fixture_store(path);
  outbox *first = box_open(rows, BOUND);

  box_put(first, "response", "1");
  box_put(first, "response", "2");
  box_commit(rows, first);
  check_taken(first, 1, "1 ");
  const gint64 place = outbox_taken(first);
  outbox_close(first);

  outbox *second = box_open(rows, BOUND);
  outbox_set_taken(second, place);
  check_taken(second, ALL, "2 ");
  check_ok(outbox_delete_taken(second, &failure));
  box_commit(rows, second);
  const gint64 end = outbox_taken(second);
  outbox_close(second);

  g_autoptr(outbox) third = box_open(rows, BOUND);
  outbox_set_taken(third, end);
  box_put(third, "response", "3");
  box_commit(rows, third);
  check_taken(third, ALL, "3 ");
}
