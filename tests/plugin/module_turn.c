/* One turn: many messages in one transaction, and what happens when that cannot be committed. */
#include "fake_core.h"
#include "fault_vfs.h"
#include "file_vfs.h"
#include "fixture.h"
#include "scene.h"

#include <sqlite3.h>
#include <string.h>

/* Fails chosen commits: each write to the WAL belongs to the attempt that its sync ends. */
struct disk {
  guint attempt;
  guint64 failing; /* bits: attempts whose first write fails */
  guint syncs;
};

static int on_call(enum fault_op op, const char *path, void *data) {
  struct disk *disk = data;

  if (!g_str_has_suffix(path, "-wal"))
    return SQLITE_OK;
  if (op == FAULT_SYNC) {
    disk->syncs++;
    disk->attempt++;
  }
  if (op != FAULT_WRITE || (disk->failing >> disk->attempt & 1) == 0)
    return SQLITE_OK;
  disk->attempt++;
  return SQLITE_FULL;
}

/* A scene whose disk fails in the given attempts to commit, counted from now on. */
static struct scene begin(struct disk *disk, guint64 failing) {
  file_vfs_install();
  struct scene scene = scene_begin(NULL);

  /* The WAL's own header, with a sync of its own, comes before. */
  scene_say(&scene, "edgecontroller", "delete", "a/pod/none", NULL);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/0", "0");
  scene_run(&scene);
  g_ptr_array_unref(fake_core_take(scene.core, "edged"));
  g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  *disk = (struct disk){.failing = failing};
  fault_vfs_set_hook(on_call, disk);
  return scene;
}

static void end(struct scene *scene) {
  fault_vfs_set_hook(NULL, NULL);
  scene_end(scene);
  file_vfs_install();
}

static void say_inserts(struct scene *scene, guint count) {
  for (guint i = 1; i <= count; i++) {
    g_autofree char *resource = g_strdup_printf("a/pod/%u", i);
    g_autofree char *value = g_strdup_printf("%u", i);
    scene_say(scene, "edgecontroller", "insert", resource, value);
  }
}

static void check_heard(struct scene *scene, const char *name, const char *want) {
  g_autofree char *heard = scene_heard(scene, name);

  check_str_eq(heard, want);
}

#define OK(n) "response a/pod/" #n " \"OK\"\n"
#define KEYS "SELECT key FROM meta ORDER BY rowid"

TEST_CASE(ModuleTurn, many_messages_share_one_sync) {
  struct disk disk;
  struct scene scene = begin(&disk, 0);

  say_inserts(&scene, 100);
  scene_run(&scene);
  check_int_eq(disk.syncs, 1);
  check_int_eq(fake_core_queued(scene.core, "websocket"), 100);
  end(&scene);
}

TEST_CASE(ModuleTurn, a_turn_without_writes_syncs_nothing) {
  struct disk disk;
  struct scene scene = begin(&disk, 0);

  scene_say(&scene, "edged", "query", "a/pod/0", NULL);
  scene_say(&scene, "edgecontroller", "update", "a/pod/0", "0");
  check_heard(&scene, "edged", "response a/pod/0 [\"0\"]\nupdate a/pod/0 0\n");
  check_int_eq(disk.syncs, 0);
  end(&scene);
}

TEST_CASE(ModuleTurn, is_bounded_by_messages) {
  static const char *const settings[] = {"metamanager.turn-max-messages", "10", NULL};
  struct scene scene = scene_begin(settings);

  say_inserts(&scene, 25);
  for (guint left = 25; left > 0; left -= MIN(left, 10)) {
    check_int_eq(fake_core_inbox_length(scene.core), left);
    module_run_inbox(scene.module);
  }
  check_int_eq(fake_core_inbox_length(scene.core), 0);
  scene_end(&scene);
}

TEST_CASE(ModuleTurn, is_bounded_by_bytes) {
  static const char *const settings[] = {"metamanager.turn-max-bytes", "10000", NULL};
  struct scene scene = scene_begin(settings);
  g_autofree char *value = g_strnfill(4000, 'v');

  for (guint i = 0; i < 5; i++) {
    g_autofree char *resource = g_strdup_printf("a/pod/%u", i);
    scene_say(&scene, "edgecontroller", "insert", resource, value);
  }
  module_run_inbox(scene.module);
  check_int_eq(fake_core_inbox_length(scene.core), 2);
  scene_end(&scene);
}

/* A query is small and its answer is not. */
TEST_CASE(ModuleTurn, is_bounded_by_the_bytes_of_its_answers) {
  static const char *const settings[] = {"metamanager.turn-max-bytes", "10000", NULL};
  struct scene scene = scene_begin(settings);
  g_autofree char *value = g_strnfill(6000, 'v');

  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", value);
  scene_run(&scene);
  g_ptr_array_unref(fake_core_take(scene.core, "edged"));
  for (guint i = 0; i < 10; i++)
    scene_say(&scene, "edged", "query", "a/pod/1", NULL);
  module_run_inbox(scene.module);
  check_int_eq(fake_core_queued(scene.core, "edged"), 2);
  scene_run(&scene);
  check_int_eq(fake_core_queued(scene.core, "edged"), 10);
  scene_end(&scene);
}

/* ------------------------------------------------------------------------------------------------- commits that fail */

TEST_CASE(ModuleTurn, a_commit_that_fails_is_repeated_message_by_message) {
  struct disk disk;
  struct scene scene = begin(&disk, 1u << 0);

  say_inserts(&scene, 3);
  check_heard(&scene, "websocket", OK(1) OK(2) OK(3));
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/2 2\ninsert a/pod/3 3\n");
  check_int_eq(disk.syncs, 3);
  check_rows(fake_core_database(scene.core), KEYS, "a/pod/0\na/pod/1\na/pod/2\na/pod/3");
  end(&scene);
}

TEST_CASE(ModuleTurn, just_the_message_that_cannot_be_stored_is_answered_with_the_error) {
  struct disk disk;
  /* The batch, and then the second of the three. */
  struct scene scene = begin(&disk, 1u << 0 | 1u << 2);

  say_inserts(&scene, 3);
  g_autofree char *cloud = scene_heard(&scene, "websocket");
  g_autofree char *want =
      g_strdup_printf(OK(1) "error a/pod/2 \"Error to save meta to DB: cannot commit: database or disk is full (13), "
                            "database %s\"\n" OK(3),
                      fake_core_database(scene.core));
  check_str_eq(cloud, want);
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/3 3\n");
  check_rows(fake_core_database(scene.core), KEYS, "a/pod/0\na/pod/1\na/pod/3");
  end(&scene);
}

TEST_CASE(ModuleTurn, on_a_full_disk_everything_is_answered_with_the_error_and_queries_go_on) {
  struct disk disk;
  struct scene scene = begin(&disk, G_MAXUINT64);

  say_inserts(&scene, 2);
  scene_say(&scene, "edged", "query", "a/pod/0", NULL);
  scene_say(&scene, "edged", "update", "a/node/n", "1");
  g_autofree char *cloud = scene_heard(&scene, "websocket");
  g_autofree char *edged = scene_heard(&scene, "edged");
  check_contains(cloud, "error a/pod/1 \"Error to save meta to DB: cannot commit: ");
  check_contains(cloud, "error a/pod/2 \"Error to save meta to DB: cannot commit: ");
  check_lacks(cloud, "OK");
  check_lacks(cloud, "update");
  check_true(g_str_has_prefix(edged, "response a/pod/0 [\"0\"]\nerror a/node/n \"Error to update meta to DB: "));
  check_lacks(edged, "insert");
  check_rows(fake_core_database(scene.core), KEYS, "a/pod/0");

  /* Without a restart. */
  disk.failing = 0;
  say_inserts(&scene, 1);
  check_heard(&scene, "websocket", OK(1));
  end(&scene);
}

static int fail_one_sync(enum fault_op op, const char *path, void *data) {
  guint *left = data;

  if (op != FAULT_SYNC || !g_str_has_suffix(path, "-wal") || *left == 0)
    return SQLITE_OK;
  (*left)--;
  return SQLITE_IOERR_FSYNC;
}

TEST_CASE(ModuleTurn, a_sync_that_fails_is_not_taken_for_one_that_went_well) {
  struct disk disk;
  struct scene scene = begin(&disk, 0);
  guint left = 1;

  fault_vfs_set_hook(fail_one_sync, &left);
  say_inserts(&scene, 2);
  module_run_inbox(scene.module);
  check_int_eq(left, 0);
  /* Both were written and synced again before they were acknowledged. */
  check_heard(&scene, "websocket", OK(1) OK(2));
  check_rows(fake_core_database(scene.core), KEYS, "a/pod/0\na/pod/1\na/pod/2");
  end(&scene);
}

TEST_CASE(ModuleTurn, no_message_is_answered_twice_when_the_batch_is_repeated) {
  struct disk disk;
  struct scene scene = begin(&disk, 1u << 0);

  scene_link(&scene, TRUE);
  g_ptr_array_unref(fake_core_take(scene.core, "websocket"));
  disk.attempt = 0;
  scene_say(&scene, "edged", "query", "a/secret/s", NULL);
  scene_say(&scene, "edgecontroller", "insert", "a/pod/1", "1");
  scene_say(&scene, "edged", "query", "a/pod/0", NULL);
  scene_say(&scene, "edgecontroller", "createvolume", "a/volume/v", "{}");
  check_heard(&scene, "websocket", "query a/secret/s \n" OK(1));
  check_heard(&scene, "edged", "insert a/pod/1 1\nresponse a/pod/0 [\"0\"]\ncreatevolume a/volume/v {}\n");
  end(&scene);
}

/* ---------------------------------------------------------------------------------------------------- short of memory */

static int32_t no_messages(const char *call, void *data) {
  return *(const gboolean *)data && strcmp(call, "message_new") == 0 ? EDGECORE_NO_MEMORY : EDGECORE_OK;
}

TEST_CASE(ModuleTurn, what_cannot_even_be_answered_waits_and_keeps_its_place) {
  const guint before = message_count_live();
  struct scene scene = scene_begin(NULL);
  gboolean is_short = TRUE;

  fake_core_set_fault(scene.core, no_messages, &is_short);
  say_inserts(&scene, 2);
  module_run_inbox(scene.module);
  check_int_eq(fake_core_held(scene.core), 2);
  check_rows(fake_core_database(scene.core), KEYS, "");
  scene_say(&scene, "edgecontroller", "insert", "a/pod/3", "3");
  scene_run_for(&scene, G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 2);
  check_int_eq(fake_core_inbox_length(scene.core), 1);

  is_short = FALSE;
  scene_run_for(&scene, 2 * G_USEC_PER_SEC);
  check_int_eq(fake_core_held(scene.core), 0);
  check_heard(&scene, "websocket", OK(1) OK(2) OK(3));
  check_heard(&scene, "edged", "insert a/pod/1 1\ninsert a/pod/2 2\ninsert a/pod/3 3\n");
  scene_end(&scene);
  check_int_eq(message_count_live(), before);
}

TEST_CASE(ModuleTurn, what_cannot_even_be_answered_crosses_a_swap) {
  struct scene scene = scene_begin(NULL);
  gboolean is_short = TRUE;

  fake_core_set_fault(scene.core, no_messages, &is_short);
  say_inserts(&scene, 2);
  module_run_inbox(scene.module);
  is_short = FALSE;
  scene_swap(&scene);
  check_heard(&scene, "websocket", OK(1) OK(2));
  scene_end(&scene);
}

TEST_CASE(ModuleTurn, attempts_without_memory_come_ever_less_often) {
  struct scene scene = scene_begin(NULL);
  gboolean is_short = TRUE;

  fake_core_set_fault(scene.core, no_messages, &is_short);
  say_inserts(&scene, 1);
  scene_run_for(&scene, 30 * G_USEC_PER_SEC);
  const guint calls = fake_core_calls(scene.core);
  scene_run_for(&scene, 20 * G_USEC_PER_SEC);
  /* Every 5 s, the message and its error answer. */
  check_int_le(fake_core_calls(scene.core) - calls, 10);
  check_int_ge(fake_core_calls(scene.core) - calls, 6);
  scene_end(&scene);
}
