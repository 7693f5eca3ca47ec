#include "text.h"

#include <string.h>

#define ALL_BYTES(byte) (G_GUINT64_CONSTANT(0x0101010101010101) * (byte))
#define HIGH_BITS ALL_BYTES(0x80)
/* Room for eight bytes as the longest escapes, and for what is written beyond the end of a run. */
#define QUOTED_ROOM 64

static guint64 word_at(const char *data) {
  guint64 word;

  memcpy(&word, data, sizeof word);
  return GUINT64_FROM_LE(word);
}

gboolean text_is_utf8(const char *data, gsize size) {
  gsize at = 0;

  for (guint64 word; at + sizeof word <= size; at += sizeof word) {
    memcpy(&word, data + at, sizeof word);
    /* A byte over 127, or a zero byte: let GLib decide from here on. */
    if ((word & G_GUINT64_CONSTANT(0x8080808080808080)) != 0 ||
        ((word - G_GUINT64_CONSTANT(0x0101010101010101)) & ~word & G_GUINT64_CONSTANT(0x8080808080808080)) != 0)
      break;
  }
  return at == size || g_utf8_validate_len(data + at, size - at, NULL);
}

void text_append_valid(GString *text, const char *data, gsize size) {
  if (text_is_utf8(data, size)) {
    g_string_append_len(text, data, (gssize)size);
    return;
  }
  g_autofree char *repaired = g_utf8_make_valid(data, (gssize)size);
  g_string_append(text, repaired);
}

/* The high bit of each byte that JSON escapes. Exact for each byte, for they are taken one after the other. */
static guint64 find_special(guint64 word) {
  guint64 low = word & ~HIGH_BITS;
  guint64 is_printable = low + ALL_BYTES(0x60);
  guint64 is_not_quote = (low ^ ALL_BYTES('"')) + ALL_BYTES(0x7f);
  guint64 is_not_backslash = (low ^ ALL_BYTES('\\')) + ALL_BYTES(0x7f);

  return ~(word | (is_printable & is_not_quote & is_not_backslash)) & HIGH_BITS;
}

static char *write_escape(char *to, guchar c) {
  static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  static const char digits[] = "0123456789abcdef";
  char letter = c >= 0x20 ? (char)c : letters[c];

  *to++ = '\\';
  if (letter != '\0') {
    *to++ = letter;
    return to;
  }
  const char code[] = {'u', '0', '0', digits[c >> 4], digits[c & 15]};
  memcpy(to, code, sizeof code);
  return to + sizeof code;
}

/* Where to go on writing, with room. */
static char *make_room(GString *text, char *to) {
  gsize length = (gsize)(to - text->str);

  if (text->allocated_len - length <= QUOTED_ROOM) {
    g_string_set_size(text, 2 * length + QUOTED_ROOM);
    to = text->str + length;
  }
  return to;
}

/* Eight bytes; as many may be read behind them. */
static char *quote_word(char *to, const char *data, guint64 word) {
  guint from = 0;

  for (guint64 special = find_special(word); special != 0; special &= special - 1) {
    guint at = (guint)__builtin_ctzll(special) / 8;
    memcpy(to, data + from, 8);
    to = write_escape(to + (at - from), (guchar)data[at]);
    from = at + 1;
  }
  memcpy(to, data + from, 8);
  return to + (8 - from);
}

void text_append_quoted(GString *json, const char *data, gsize size) {
  gsize start = json->len;
  char *to = make_room(json, json->str + start);
  guint64 seen = 0;
  gsize at = 0;

  *to++ = '"';
  for (; at + 16 <= size; at += 8) {
    guint64 word = word_at(data + at);
    seen |= word;
    to = quote_word(make_room(json, to), data + at, word);
  }
  for (; at < size; at++) {
    guchar c = (guchar)data[at];
    seen |= c;
    to = make_room(json, to);
    if (c < 0x20 || c == '"' || c == '\\')
      to = write_escape(to, c);
    else
      *to++ = (char)c;
  }
  *to++ = '"';
  json->len = (gsize)(to - json->str);
  json->str[json->len] = '\0';
  if ((seen & HIGH_BITS) == 0 || text_is_utf8(json->str + start, json->len - start))
    return;
  g_autofree char *repaired = g_utf8_make_valid(json->str + start, (gssize)(json->len - start));
  g_string_truncate(json, start);
  g_string_append(json, repaired);
}

gboolean text_is_ok(const char *data, gsize size) {
  return (size == 2 && memcmp(data, "OK", 2) == 0) || (size == 4 && memcmp(data, "\"OK\"", 4) == 0);
}

#define SHOWN_MAX 256

int text_shown(const char *name) {
  gsize size = strnlen(name, SHOWN_MAX + 1);

  if (size <= SHOWN_MAX)
    return (int)size;
  for (size = SHOWN_MAX; size > 0 && ((guchar)name[size] & 0xc0) == 0x80;)
    size--;
  return (int)size;
}

static guint64 rotate(guint64 x, int bits) {
  return x << bits | x >> (64 - bits);
}

#define SUM_MULTIPLIER_A G_GUINT64_CONSTANT(0xd6e8feb86659fd93)
#define SUM_MULTIPLIER_B G_GUINT64_CONSTANT(0xa0761d6478bd642f)

/* Each step of a lane is a bijection of the lane, so one changed word always changes the result. */
static guint64 mix(guint64 lane, guint64 word) {
  return rotate((lane ^ word) * SUM_MULTIPLIER_A, 29);
}

static guint64 sum_bytes(guint64 sum, const char *data, gsize size) {
  guint64 lanes[4] = {sum, sum + 1, sum + 2, sum + 3};
  gsize at = 0;

  /* Four lanes, because one would wait for each multiplication. */
  for (; at + 32 <= size; at += 32)
    for (int i = 0; i < 4; i++)
      lanes[i] = mix(lanes[i], word_at(data + at + 8 * i));
  for (int i = 1; i < 4; i++)
    lanes[0] = mix(lanes[0], lanes[i] * SUM_MULTIPLIER_B);
  for (; at + 8 <= size; at += 8)
    lanes[0] = mix(lanes[0], word_at(data + at));
  char rest[8] = {0};
  if (at < size)
    memcpy(rest, data + at, size - at);
  return mix(mix(lanes[0], word_at(rest)), size);
}

gint64 text_sum(const char *key, gsize key_size, const char *type, gsize type_size, const char *value,
                gsize value_size) {
  guint64 sum = sum_bytes(SUM_MULTIPLIER_B, key, key_size);

  sum = sum_bytes(sum, type, type_size);
  sum = sum_bytes(sum, value, value_size);
  return (gint64)(sum ^ sum >> 32);
}
