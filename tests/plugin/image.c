#include "image.h"

#include "fixture.h"

#include <string.h>

#define FRAME (4096 + 24)

static void create(const char *path) {
  fixture_run(path, "PRAGMA journal_mode = WAL");
  fixture_run(path, "INSERT INTO meta(key, type, value) VALUES('a/pod/1', 'pod', 'one')");
  fixture_run(path, "INSERT INTO meta(key, type, value) VALUES('a/pod/2', 'pod', 'two')");
}

/* Whether the bytes are on some page. */
static gboolean holds(const image *pages, const char *text) {
  for (guint32 number = 1; number <= image_page_count(pages); number++) {
    const guint8 *page = image_page(pages, number);
    if (page != NULL && memmem(page, image_page_size(pages), text, strlen(text)) != NULL)
      return TRUE;
  }
  return FALSE;
}

static void cut_wal(const char *path, gsize size) {
  g_autofree char *name = g_strconcat(path, "-wal", NULL);
  g_autofree char *bytes = NULL;
  gsize whole;

  if (!g_file_get_contents(name, &bytes, &whole, NULL) || whole < size ||
      !g_file_set_contents(name, bytes, (gssize)size, NULL))
    g_error("cannot cut %s", name);
}

TEST_CASE(Image, pages_are_as_the_last_commit_left_them) {
  g_autofree char *path = fixture_database();
  g_autoptr(image) with = NULL;
  g_autoptr(image) without = NULL;

  create(path);
  require_ok(image_open(path, TRUE, &with, &failure));
  check_true(image_has_header(with));
  check_int_eq(image_page_size(with), 4096);
  check_true(holds(with, "a/pod/1podone"));
  check_true(holds(with, "a/pod/2podtwo"));
  check_int_ge(image_wal_of(with)->frames, 2);
  require_ok(image_open(path, FALSE, &without, &failure));
  check_false(holds(without, "a/pod/1podone"));
  check_false(image_wal_of(without)->is_whole);
}

TEST_CASE(Image, a_wal_counts_as_far_as_it_is_whole) {
  g_autofree char *path = fixture_database();
  g_autoptr(image) pages = NULL;

  create(path);
  cut_wal(path, 32 + 4 * FRAME + 100);
  require_ok(image_open(path, TRUE, &pages, &failure));
  check_true(holds(pages, "a/pod/1podone"));
  check_false(holds(pages, "a/pod/2podtwo"));
}

TEST_CASE(Image, there_is_no_page_outside_the_file) {
  g_autofree char *path = fixture_database();
  g_autoptr(image) pages = NULL;

  require_ok(image_open(path, TRUE, &pages, &failure));
  check_null(image_page(pages, 0));
  check_null(image_page(pages, image_page_count(pages) + 1));
  check_null(image_page(pages, G_MAXUINT32));
}

TEST_CASE(Image, of_something_else) {
  g_autofree char *path = test_file("other", "no database", -1);
  g_autofree char *none = test_path("none");
  g_autoptr(image) pages = NULL;

  require_ok(image_open(path, TRUE, &pages, &failure));
  check_false(image_has_header(pages));
  check_int_eq(image_page_count(pages), 0);
  g_clear_pointer(&pages, image_close);
  check_fails(image_open(none, TRUE, &pages, &failure), EDGECORE_NOT_FOUND, "none");
}
