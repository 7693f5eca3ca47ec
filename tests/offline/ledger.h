/* What was said on the node, by number, and what became of it. The number is the content of each message and part of its id, so
 * that every answer and every copy can be told. */
#ifndef TESTS_OFFLINE_LEDGER_H
#define TESTS_OFFLINE_LEDGER_H

#include "delivery.h"

#define LEDGER_PODS 110
#define LEDGER_STATES 12

enum saying {
  SAID_STATUS,    /* of a pod: the cloud must know the last one */
  SAID_STATE,     /* the same, of something else, as an update of which only the latest is kept */
  SAID_ORDERED,   /* arrives, and in order */
  SAID_COMMAND,   /* by the cloud itself: its answer arrives, and in order */
  SAID_VOLUME,    /* by the cloud itself: its answer arrives, once */
  SAID_QUERY,     /* is answered on the node, once */
  SAID_LINK,      /* told the plugin that the link is down */
  SAID_REPETITION /* of a pod status: nobody waits for it */
};

struct said {
  enum saying what;
  guint key;      /* of the pod, or of the state */
  guint life;     /* the process that it was said to */
  enum link link; /* what that had been told of the link before */
  gint64 time;
  gboolean is_acknowledged;
  gboolean is_refused;
  gboolean is_excused; /* it may be lost */
  guint answers;
  guint arrivals;
};

typedef struct ledger ledger;

ledger *ledger_new(void);
void ledger_free(ledger *self);

/* Adds an entry; its number. */
guint ledger_say(ledger *self, struct said said);
/* NULL when nothing has this number. */
struct said *ledger_get(ledger *self, guint number);
guint ledger_count(const ledger *self);

/* The number in an id "m-NUMBER", or after the first "n": in a content; G_MAXUINT when there is none. */
guint ledger_number_of_id(const char *id);
guint ledger_number_in(const char *content);

/* The plugin acknowledged this one. `by_edged`: through edged's queue, which also shows that all that edged said before it is done
 * with. */
void ledger_acknowledge(ledger *self, guint number, gboolean by_edged);
/* The process died: what it held in memory only may be lost. `had_trouble`: its disk was unwell at some time, so that even what was on
 * its way when the link went down may have stayed in memory. */
void ledger_end_life(ledger *self, guint life, gboolean had_trouble);

/* The hub that had it died; so had what it took the place of. */
void ledger_excuse(ledger *self, guint number);
/* The state or status with this number is what the cloud knows now. */
void ledger_arrive(ledger *self, guint number);
/* Settles it all. What is missing, or NULL; the caller owns the text. */
char *ledger_settle(ledger *self) G_GNUC_WARN_UNUSED_RESULT;

#endif
