#include "text.h"

#include <string.h>

gboolean text_is_utf8(const char *data, gsize size) {
  gsize at = 0;

  for (guint64 word; at + sizeof word <= size; at += sizeof word) {
    memcpy(&word, data + at, sizeof word);
    /* A byte over 127, or a zero byte: let GLib decide from here on. */
    if ((word & G_GUINT64_CONSTANT(0x8080808080808080)) != 0 ||
        ((word - G_GUINT64_CONSTANT(0x0101010101010101)) & ~word & G_GUINT64_CONSTANT(0x8080808080808080)) != 0)
      break;
  }
  return g_utf8_validate_len(data + at, size - at, NULL);
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

static guint64 word_at(const char *data) {
  guint64 word;

  memcpy(&word, data, sizeof word);
  return GUINT64_FROM_LE(word);
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
