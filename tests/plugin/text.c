#include "text.h"

#include "test.h"

#include <string.h>

TEST_CASE(Text, ascii_is_utf8) {
  check_true(text_is_utf8("", 0));
  check_true(text_is_utf8(NULL, 0));
  check_true(text_is_utf8("{\"a\": 1}\t\r\n\x7f\x01", 12));
}

/* Around each border of the eight bytes that are looked at together. */
TEST_CASE(Text, a_nul_is_found_at_every_place) {
  for (gsize size = 1; size <= 40; size++)
    for (gsize at = 0; at < size; at++) {
      char bytes[40];
      memset(bytes, 'a', sizeof bytes);
      check_true(text_is_utf8(bytes, size));
      bytes[at] = '\0';
      test_note("size %zu, at %zu", size, at);
      check_false(text_is_utf8(bytes, size));
    }
}

TEST_CASE(Text, a_stray_byte_is_found_at_every_place) {
  for (gsize size = 1; size <= 40; size++)
    for (gsize at = 0; at < size; at++) {
      char bytes[40];
      memset(bytes, 'a', sizeof bytes);
      bytes[at] = '\x80';
      test_note("size %zu, at %zu", size, at);
      check_false(text_is_utf8(bytes, size));
      bytes[at] = '\xff';
      check_false(text_is_utf8(bytes, size));
    }
}

TEST_CASE(Text, characters_of_two_to_four_bytes_are_utf8_at_every_place) {
  static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

  for (guint i = 0; i < G_N_ELEMENTS(characters); i++)
    for (gsize at = 0; at < 20; at++) {
      char bytes[40];
      gsize length = strlen(characters[i]);
      memset(bytes, 'a', sizeof bytes);
      memcpy(bytes + at, characters[i], length);
      test_note("character %u, at %zu", i, at);
      check_true(text_is_utf8(bytes, sizeof bytes));
      check_true(text_is_utf8(bytes, at + length));
      check_false(text_is_utf8(bytes, at + length - 1));
    }
}

/* A byte at a time. */
static GString *quote_slowly(const char *data, gsize size) {
  GString *json = g_string_new("\"");

  for (gsize i = 0; i < size; i++) {
    const char *names = "\"\\\b\t\n\f\r";
    const char *name = data[i] != '\0' ? strchr(names, data[i]) : NULL;
    if (name != NULL)
      g_string_append_printf(json, "\\%c", "\"\\btnfr"[name - names]);
    else if ((guchar)data[i] < 0x20)
      g_string_append_printf(json, "\\u%04x", (guint)data[i]);
    else
      g_string_append_c(json, data[i]);
  }
  return g_string_append_c(json, '"');
}

static void check_quoted(const char *data, gsize size) {
  g_autoptr(GString) want = quote_slowly(data, size);
  g_autoptr(GString) json = g_string_new("[");

  text_append_quoted(json, data, size);
  check_mem_eq(json->str + 1, json->len - 1, want->str, want->len);
  check_int_eq(json->str[json->len], '\0');
}

TEST_CASE(Text, every_byte_is_quoted_at_every_place) {
  for (gsize size = 0; size <= 40; size++)
    for (gsize at = 0; at < size; at++)
      for (guint byte = 0; byte < 0x80; byte++) {
        char bytes[40];
        memset(bytes, 'a', sizeof bytes);
        bytes[at] = (char)byte;
        test_note("size %zu, at %zu, byte %u", size, at, byte);
        check_quoted(bytes, size);
      }
}

TEST_CASE(Text, what_is_all_escapes_is_quoted) {
  char bytes[3000];

  for (guint byte = 0; byte < 0x80; byte++) {
    memset(bytes, (int)byte, sizeof bytes);
    test_note("byte %u", byte);
    check_quoted(bytes, sizeof bytes);
  }
  check_quoted("caf\xc3\xa9 \"\xe2\x82\xac\" \\\xf0\x9f\x98\x80\\", 18);
}

TEST_CASE(Text, what_is_not_utf8_is_replaced_in_json) {
  static const char *const texts[] = {"\xff", "a\xc3", "\xed\xa0\x80", "0123456789\xf0\x9f\x98",
                                      "\x80\"0123456789abcdef"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GString) json = g_string_new(NULL);
    g_autoptr(GString) plain = g_string_new(NULL);
    test_note("text %u", i);
    text_append_quoted(json, texts[i], strlen(texts[i]));
    text_append_valid(plain, texts[i], strlen(texts[i]));
    check_true(text_is_utf8(json->str, json->len));
    check_true(text_is_utf8(plain->str, plain->len));
    check_not_null(strstr(json->str, "\xef\xbf\xbd"));
    check_not_null(strstr(plain->str, "\xef\xbf\xbd"));
  }
}

TEST_CASE(Text, what_only_looks_like_utf8_is_not) {
  check_false(text_is_utf8("\xc0\xaf", 2));         /* longer than it need be */
  check_false(text_is_utf8("\xed\xa0\x80", 3));     /* half of a surrogate pair */
  check_false(text_is_utf8("\xf5\x80\x80\x80", 4)); /* beyond the last character */
}

TEST_CASE(Text, any_two_bytes_side_by_side_are_quoted_right) {
  for (guint first = 0; first < 0x80; first++)
    for (guint second = 0; second < 0x80; second++) {
      char bytes[24];
      memset(bytes, '"', sizeof bytes);
      bytes[first % 8 + 3] = (char)first;
      bytes[first % 8 + 4] = (char)second;
      test_note("%u and %u", first, second);
      check_quoted(bytes, sizeof bytes);
    }
}

TEST_CASE(Text, what_is_not_utf8_is_replaced_and_the_rest_is_not) {
  g_autoptr(GString) text = g_string_new("<");

  text_append_valid(text, "a\xc3\xa9", 3);
  text_append_valid(text, "b\xff\xc3", 3);
  text_append_valid(text, "c\0d", 3);
  text_append_valid(text, "", 0);
  check_str_eq(text->str, "<a\xc3\xa9"
                          "b\xef\xbf\xbd\xef\xbf\xbd"
                          "c\xef\xbf\xbd"
                          "d");
}

TEST_CASE(Text, an_acknowledgement_is_a_bare_ok) {
  check_true(text_is_ok("OK", 2));
  check_true(text_is_ok("\"OK\"", 4));
  check_false(text_is_ok("", 0));
  check_false(text_is_ok("ok", 2));
  check_false(text_is_ok("OK ", 3));
  check_false(text_is_ok("\"OK", 3));
  check_false(text_is_ok("[\"OK\"]", 6));
  check_false(text_is_ok("OK", 1));
}

TEST_CASE(Text, of_a_long_name_the_first_256_bytes_are_shown_in_whole_characters) {
  char name[400];

  check_int_eq(text_shown(""), 0);
  check_int_eq(text_shown("default/pod/a"), 13);
  memset(name, 'n', sizeof name);
  name[256] = '\0';
  check_int_eq(text_shown(name), 256);
  name[256] = 'n';
  name[257] = '\0';
  check_int_eq(text_shown(name), 256);
  memcpy(name + 254, "\xe2\x82\xac", 4);
  check_int_eq(text_shown(name), 254);
  memcpy(name + 253, "\xe2\x82\xacx", 5);
  check_int_eq(text_shown(name), 256);
  memset(name, '\x80', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  check_int_eq(text_shown(name), 0);
}

static gint64 sum_of(const char *key, const char *type, const char *value) {
  return text_sum(key, strlen(key), type, strlen(type), value, strlen(value));
}

/* Files in the field hold sums: the figures below may never change. */
TEST_CASE(Text, the_sum_is_part_of_the_file_format) {
  check_int_eq(sum_of("", "", ""), G_GINT64_CONSTANT(3772461848670704409));
  check_int_eq(sum_of("default/pod/a", "pod", "{}"), G_GINT64_CONSTANT(5056557175108012156));
  check_int_eq(sum_of("default/configmap/settings", "configmap",
                      "{\"data\":{\"key\":\"a value that is longer than the four lanes of the sum\"}}"),
               G_GINT64_CONSTANT(322580447335639053));
}

TEST_CASE(Text, every_single_bit_changes_the_sum) {
  char row[100];
  const gsize key_size = 21, type_size = 9;
  const char *const value = row + key_size + type_size;
  const gsize value_size = sizeof row - key_size - type_size;

  for (gsize i = 0; i < sizeof row; i++)
    row[i] = (char)(7 * i + 3);
  const gint64 before = text_sum(row, key_size, row + key_size, type_size, value, value_size);
  for (gsize bit = 0; bit < 8 * sizeof row; bit++) {
    row[bit / 8] ^= (char)(1 << bit % 8);
    test_note("bit %zu", bit);
    check_int_ne(text_sum(row, key_size, row + key_size, type_size, value, value_size), before);
    row[bit / 8] ^= (char)(1 << bit % 8);
  }
}

TEST_CASE(Text, a_byte_that_moves_to_the_next_field_changes_the_sum) {
  check_int_ne(sum_of("ab", "c", "d"), sum_of("a", "bc", "d"));
  check_int_ne(sum_of("a", "bc", "d"), sum_of("a", "b", "cd"));
  check_int_ne(sum_of("a", "", "a"), sum_of("", "a", "a"));
}

TEST_CASE(Text, zero_bytes_at_the_end_change_the_sum) {
  static const char zeros[64] = {0};
  gint64 sums[64];

  for (gsize size = 0; size < sizeof zeros; size++) {
    sums[size] = text_sum("", 0, "", 0, zeros, size);
    for (gsize before = 0; before < size; before++) {
      test_note("%zu and %zu", before, size);
      check_int_ne(sums[size], sums[before]);
    }
  }
}

TEST_CASE(Text, a_field_that_is_not_there_counts_as_an_empty_one) {
  check_int_eq(text_sum("a", 1, NULL, 0, NULL, 0), sum_of("a", "", ""));
}
