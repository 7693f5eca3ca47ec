#include "ledger.h"

#include <string.h>

struct ledger {
  GArray *said;
  guint edged_done;            /* all that edged said up to this number is done with */
  guint last_done;             /* the same of everybody */
  guint statuses[LEDGER_PODS]; /* what the cloud knows */
  guint states[LEDGER_STATES];
};

ledger *ledger_new(void) {
  ledger *self = g_new0(ledger, 1);
  const struct said nothing = {.what = SAID_REPETITION};

  self->said = g_array_new(FALSE, TRUE, sizeof(struct said));
  g_array_append_val(self->said, nothing);
  return self;
}

void ledger_free(ledger *self) {
  g_array_unref(self->said);
  g_free(self);
}

guint ledger_say(ledger *self, struct said said) {
  g_array_append_val(self->said, said);
  return self->said->len - 1;
}

struct said *ledger_get(ledger *self, guint number) {
  return number > 0 && number < self->said->len ? &g_array_index(self->said, struct said, number) : NULL;
}

guint ledger_count(const ledger *self) {
  return self->said->len - 1;
}

guint ledger_number_of_id(const char *id) {
  return g_str_has_prefix(id, "m-") ? (guint)g_ascii_strtoull(id + 2, NULL, 10) : G_MAXUINT;
}

guint ledger_number_in(const char *content) {
  const char *found = strstr(content, "\"n\":");

  return found != NULL ? (guint)g_ascii_strtoull(found + strlen("\"n\":"), NULL, 10) : G_MAXUINT;
}

void ledger_acknowledge(ledger *self, guint number, gboolean by_edged) {
  struct said *said = ledger_get(self, number);

  said->is_acknowledged = TRUE;
  self->last_done = MAX(self->last_done, number);
  if (by_edged)
    self->edged_done = MAX(self->edged_done, number);
}

/* An answer to the cloud, or a message of edged that is not acknowledged by itself, is promised once the plugin is through with it. */
static gboolean is_promised(const ledger *self, guint number) {
  const struct said *said = &g_array_index(self->said, struct said, number);

  if (said->is_refused || said->is_excused)
    return FALSE;
  return said->is_acknowledged || (said->what == SAID_ORDERED && number <= self->edged_done);
}

void ledger_end_life(ledger *self, guint life, gboolean had_trouble) {
  gboolean is_kept = FALSE;

  for (guint i = self->said->len - 1; i > 0; i--) {
    struct said *said = &g_array_index(self->said, struct said, i);
    if (said->life != life)
      return;
    if (said->what == SAID_LINK && i <= self->last_done && !had_trouble)
      is_kept = TRUE;
    /* What the disk does not hold, and what nobody has heard of. */
    if (!is_promised(self, i) || (said->link != LINK_DISCONNECTED && !is_kept))
      said->is_excused = TRUE;
  }
}

void ledger_excuse(ledger *self, guint number) {
  const struct said *lost = ledger_get(self, number);

  if (lost == NULL)
    return;
  for (guint i = number; i > 0; i--) {
    struct said *said = ledger_get(self, i);
    if (i == number || (lost->what == SAID_STATE && said->what == SAID_STATE && said->key == lost->key))
      said->is_excused = TRUE;
  }
}

void ledger_arrive(ledger *self, guint number) {
  struct said *said = ledger_get(self, number);

  said->arrivals++;
  if (said->what == SAID_STATUS)
    self->statuses[said->key] = number;
  if (said->what == SAID_STATE)
    self->states[said->key] = number;
}

static const char *missing(ledger *self, guint number) {
  const struct said *said = ledger_get(self, number);

  switch (said->what) {
  case SAID_STATUS:
    /* The table had it when the link came up for the last time. */
    if (said->is_acknowledged && self->statuses[said->key] < number)
      return "the cloud knows an older status of the pod";
    break;
  case SAID_STATE:
    if (is_promised(self, number) && self->states[said->key] < number)
      return "the cloud knows an older state";
    break;
  case SAID_ORDERED:
    if (!said->is_excused && !said->is_refused && said->arrivals == 0)
      return "the cloud never got it";
    break;
  case SAID_COMMAND:
  case SAID_VOLUME:
    if (!said->is_excused && said->arrivals == 0)
      return "the cloud never got the answer";
    break;
  case SAID_QUERY:
    if (!said->is_excused && said->answers == 0)
      return "the query was never answered";
    break;
  case SAID_LINK:
  case SAID_REPETITION:
    break;
  }
  return NULL;
}

char *ledger_settle(ledger *self) {
  for (guint i = 1; i < self->said->len; i++) {
    const char *what = missing(self, i);
    const struct said *said = ledger_get(self, i);
    if (what != NULL)
      return g_strdup_printf("message %u (kind %u, key %u, said to process %u while its link was %u): %s", i,
                             said->what, said->key, said->life, said->link, what);
  }
  return NULL;
}
