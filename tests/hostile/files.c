/* Databases that somebody has made or changed on purpose, and bits that no checksum covers. */
#include "hostile.h"

#include "salvage.h"
#include "test.h"
#include "text.h"

#include <glib/gstdio.h>
#include <string.h>

static char *fresh(void) {
  char *path = test_path("edge.db");

  fake_database(path);
  return path;
}

static char *ask(struct hostile *self, const char *resource) {
  return hostile_ask(self, fake_message(.source = "edged", .operation = "query", .resource = resource, .sync = TRUE));
}

static void connect(struct hostile *self, const char *state) {
  fake_core_push(self->core, fake_message(.source = "edgehub", .operation = "publish", .resource = "node/connection",
                                          .raw = state));
  fake_core_run_for(self->core, self->metamanager, 5 * G_USEC_PER_SEC);
}

static void count_record(const struct salvage_record *record, void *data) {
  (void)record;
  (*(guint *)data)++;
}

static void forget(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
    g_remove(file);
  }
}

/* Two messages in the outbox, as the module itself puts them there. */
static char *with_outbox(void) {
  struct hostile self;
  char *path = fresh();

  hostile_begin(&self, path);
  connect(&self, "cloud_disconnected");
  for (guint i = 0; i < 2; i++)
    fake_core_push(self.core, fake_message(.source = "edgefunction", .operation = "action_result",
                                           .resource = i == 0 ? "a/function/first" : "a/function/second", .raw = "{}"));
  fake_core_run(self.core, self.metamanager);
  hostile_end(&self);
  return path;
}

/* What the cloud gets of it, "first", "second" or both. */
static char *flushed(const char *path) {
  struct hostile self;
  GString *names = g_string_new(NULL);

  hostile_begin(&self, path);
  connect(&self, "cloud_connected");
  g_autoptr(GPtrArray) sent = fake_core_take(self.core, "websocket");
  for (guint i = 0; i < sent->len; i++)
    g_string_append(names, strrchr(message_read(fake_sent_at(sent, i)->message)->resource, '/'));
  g_ptr_array_set_size(sent, 0);
  check_int_eq(fake_core_held(self.core), 0);

  /* And it takes new ones. */
  connect(&self, "cloud_disconnected");
  fake_core_push(self.core, fake_message(.source = "edgefunction", .operation = "action_result",
                                         .resource = "a/function/third", .raw = "{}"));
  fake_core_run(self.core, self.metamanager);
  connect(&self, "cloud_connected");
  g_autoptr(GPtrArray) later = fake_core_take(self.core, "websocket");
  check_int_eq(later->len, 1);
  g_ptr_array_set_size(later, 0);
  hostile_end(&self);
  return g_string_free(names, FALSE);
}

TEST_CASE(HostileFile, triggers_and_views_do_nothing) {
  struct hostile self;
  g_autofree char *path = fresh();

  hostile_sql(path, "CREATE TABLE stolen(value);"
                    "CREATE TRIGGER steal AFTER INSERT ON meta BEGIN INSERT INTO stolen VALUES(new.value); END;"
                    "CREATE TRIGGER stop BEFORE UPDATE ON meta BEGIN SELECT raise(ABORT, 'no'); END;"
                    "CREATE VIEW mirror AS SELECT * FROM meta");
  hostile_begin(&self, path);
  hostile_check_alive(&self);
  hostile_check_alive(&self);
  hostile_end(&self);
  hostile_sql(
      path,
      "CREATE TABLE empty AS SELECT 1 / (SELECT count(*) = 0 FROM stolen) AS whole;"
      "CREATE UNIQUE INDEX one ON empty(whole); INSERT INTO empty SELECT 2 WHERE (SELECT count(*) FROM stolen) = 0");
}

TEST_CASE(HostileFile, whose_table_is_a_view_is_mended) {
  struct hostile self;
  g_autofree char *path = fresh();

  hostile_sql(path, "DROP TABLE meta;"
                    "CREATE VIEW meta AS SELECT 'a/pod/a' AS key, 'pod' AS type, 'x' AS value, NULL AS sum");
  hostile_begin(&self, path);
  g_autofree char *inserted = hostile_ask(
      &self, fake_message(.source = "edged", .operation = "insert", .sync = TRUE, .resource = "a/pod/a", .raw = "{}"));
  check_str_eq(inserted, "\"OK\"");
  g_autofree char *found = ask(&self, "a/pod/a");
  check_str_eq(found, "[\"{}\"]");
  check_contains(fake_core_log(self.core), "has been mended");
  hostile_end(&self);
}

TEST_CASE(HostileFile, that_is_empty_beside_a_wal_without_rows_is_mended) {
  struct hostile self;
  g_autofree char *path = with_outbox();
  g_autofree char *names = flushed(path);

  check_str_eq(names, "/first/second");
  require_true(g_file_set_contents(path, "", 0, NULL));
  fake_database(path);
  hostile_begin(&self, path);
  check_contains(fake_core_log(self.core), "has been mended");
  hostile_check_alive(&self);
  hostile_end(&self);
}

TEST_CASE(HostileFile, a_value_that_became_a_blob_is_served_with_its_type) {
  struct hostile self;
  g_autofree char *path = fresh();

  hostile_begin(&self, path);
  hostile_check_alive(&self);
  hostile_end(&self);
  hostile_sql(path, "UPDATE meta SET value = CAST(value AS BLOB)");
  hostile_begin(&self, path);
  g_autofree char *found = ask(&self, "alive/pod/a");
  check_str_eq(found, HOSTILE_ALIVE_FOUND);
  g_autofree char *all = ask(&self, "alive/pod");
  check_str_eq(all, found);
  hostile_end(&self);
}

TEST_CASE(HostileFile, a_namespace_that_is_no_text_does_not_stop_the_status_sync) {
  struct hostile self;
  g_autofree char *path = fresh();

  hostile_sql(path, "INSERT INTO meta(key, type, value) VALUES"
                    "(CAST(X'ff2f706f642f61' AS TEXT), 'pod', '{}'),"
                    "(CAST(X'ff2f706f647374617475732f61' AS TEXT), 'podstatus', '{}'),"
                    "('good/pod/a', 'pod', '{}'), ('good/podstatus/a', 'podstatus', '{}')");
  hostile_begin(&self, path);
  fake_core_push(self.core,
                 fake_message(.source = "metaManager", .operation = "meta-internal-sync", .resource = "podstatus"));
  fake_core_run(self.core, self.metamanager);
  g_autoptr(GPtrArray) sent = fake_core_take(self.core, "websocket");
  if (check_int_eq(sent->len, 1))
    check_str_eq(message_read(fake_sent_at(sent, 0)->message)->resource, "good/podstatus");
  g_ptr_array_set_size(sent, 0);
  check_contains(fake_core_log(self.core), "not UTF-8");
  hostile_end(&self);
}

/* Half a million records that all claim to go on in one page, over and over: half a terabyte. */
TEST_CASE(HostileFile, whose_records_share_their_pages_is_looked_through_once) {
  enum { PAGE = 4096, PAGES = 300, CELLS = 1700, CELL = 3500, LOCAL = 489, SIZE = LOCAL + 4092 * (PAGES - 2) + 4000 };
  static guint8 file[PAGES * PAGE];
  static const guint8 header[] = "SQLite format 3\0\x10";
  struct edgecore_error error = {.size = sizeof error};
  g_autoptr(image) pages = NULL;
  guint found = 0;

  memcpy(file, header, sizeof header);
  for (guint i = 1; i < PAGES - 1; i++) {
    guint8 *page = file + (gsize)i * PAGE;
    page[0] = 0x0d;
    page[3] = CELLS >> 8;
    page[4] = CELLS & 0xff;
    for (guint cell = 0; cell < CELLS; cell++) {
      page[8 + 2 * cell] = CELL >> 8;
      page[9 + 2 * cell] = CELL & 0xff;
    }
    const guint8 start[] = {0x80 | SIZE >> 14, 0x80 | (SIZE >> 7 & 0x7f), SIZE & 0x7f, 1};
    memcpy(page + CELL, start, sizeof start);
    page[CELL + sizeof start + LOCAL + 2] = PAGES >> 8;
    page[CELL + sizeof start + LOCAL + 3] = PAGES & 0xff;
  }
  file[(PAGES - 1) * PAGE + 2] = PAGES >> 8;
  file[(PAGES - 1) * PAGE + 3] = PAGES & 0xff;
  g_autofree char *path = test_file("edge.db", file, sizeof file);
  require_int_eq(image_open(path, TRUE, &pages, &error), EDGECORE_OK);
  check_int_eq(image_page_count(pages), PAGES);
  salvage_each(pages, count_record, &found);
  check_int_eq(found, 0);
}

TEST_CASE(HostileOutbox, a_size_that_is_wrong_drops_nothing) {
  static const char *const sizes[] = {"9223372036854775807", "-9223372036854775808", "'text'", "1099511627776"};

  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *path = with_outbox();
    g_autofree char *sql = g_strdup_printf("UPDATE metamanager_outbox SET bytes = %s", sizes[i]);
    test_note("%s", sizes[i]);
    hostile_sql(path, sql);
    g_autofree char *names = flushed(path);
    check_str_eq(names, "/first/second");
    forget(path);
  }
}

TEST_CASE(HostileOutbox, an_id_that_leaves_no_more_is_dropped_and_told) {
  static const char *const ids[] = {"9223372036854775807", "9223372036854775806", "4611686018427387904"};

  for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
    g_autofree char *path = with_outbox();
    g_autofree char *sql = g_strdup_printf("UPDATE metamanager_outbox SET id = %s WHERE id = (SELECT max(id) FROM"
                                           " metamanager_outbox)",
                                           ids[i]);
    test_note("%s", ids[i]);
    hostile_sql(path, sql);
    g_autofree char *names = flushed(path);
    check_str_eq(names, "/first");
    forget(path);
  }
}

TEST_CASE(HostileOutbox, a_message_that_cannot_be_one_does_not_hold_up_the_others) {
  g_autofree char *path = with_outbox();
  gint64 texts[2];
  guint8 head[32];

  /* With a right checksum: a kind of content that there is not. */
  texts[0] = text_sum("i", 1, "", 0, "s", 1);
  texts[1] = text_sum("resource", 8, "action_result", 13, "a/function/bad", 14);
  const gint64 rest[2] = {GINT64_TO_LE(1), GINT64_TO_LE(9)};
  for (guint i = 0; i < 2; i++)
    texts[i] = GINT64_TO_LE(texts[i]);
  memcpy(head, texts, sizeof texts);
  memcpy(head + sizeof texts, rest, sizeof rest);
  gint64 sum = text_sum((const char *)head, sizeof head, "", 0, "{}", 2);
  g_autofree char *sql =
      g_strdup_printf("INSERT INTO metamanager_outbox VALUES(0, NULL, 0, 20, 'i', '', 1, 's', 'resource',"
                      " 'action_result', 'a/function/bad', 9, %" G_GINT64_FORMAT ", X'7b7d')",
                      sum);
  hostile_sql(path, sql);
  g_autofree char *names = flushed(path);
  check_str_eq(names, "/first/second");
}
