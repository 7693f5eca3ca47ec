/* A repair that runs, shared by its two sources: repair.c (the fresh file and the whole) and repair_rows.c (what goes into it). */
#ifndef METAMANAGER_REPAIR_PRIVATE_H
#define METAMANAGER_REPAIR_PRIVATE_H

#include "database.h"
#include "salvage.h"

enum repair_statement { INSERT_META, DELETE_META, INSERT_OUTBOX, INSERT_WANTED, IS_JSON, STATEMENT_TOTAL };

struct repair {
  const char *path;
  database_log_fn *log;
  void *log_data;
  sqlite3 *fresh;
  sqlite3_stmt *statements[STATEMENT_TOTAL];
  int result;                 /* of SQLite, the first that was not good; nothing is taken after it */
  GHashTable *saved;          /* key -> gint64, the rowid of the record that was taken for it */
  GHashTable *failed;         /* keys of rows whose checksum is wrong */
  GHashTable *mentioned;      /* key or resource -> how many entries of indexes name it */
  GHashTable *explained;      /* the same -> how many of them are of saved messages and wanted keys */
  GHashTable *wanted;         /* keys that were wanted already */
  GHashTable *messages;       /* gint64, ids of those that were taken */
  GHashTable *messages_named; /* gint64, ids of those that failed and of those that an index names */
};

void repair_rows_init(struct repair *self);
void repair_rows_clear(struct repair *self);
/* Runs a statement of the fresh file that gives no rows. TRUE when it changed something. */
gboolean repair_run(struct repair *self, enum repair_statement number);
/* A salvage_fn; its data is the repair. */
void repair_take(const struct salvage_record *record, void *data);
/* Whether there is anything of ours in what was read. */
gboolean repair_found_any(const struct repair *self);
/* Has those lost rows asked for that the cloud has. */
void repair_want_lost(struct repair *self);
/* Says which rows are lost. Returns how many. */
guint repair_report_lost(struct repair *self);
/* Messages of which something is left, but not all. */
guint repair_lost_messages(const struct repair *self);

G_GNUC_PRINTF(3, 4) void repair_say(const struct repair *self, int32_t level, const char *format, ...);

#endif
