/* Locks a database, says so, and holds the lock until its standard input ends: database-locker FILE */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  sqlite3 *database = NULL;
  char byte;
  if (argc != 2 || sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
      sqlite3_exec(database, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK) {
    fprintf(stderr, "%s: cannot lock\n", argv[0]);
    return 1;
  }
  puts("locked");
  fflush(stdout);
  while (read(0, &byte, 1) > 0)
    continue;
  sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
  return sqlite3_close(database) == SQLITE_OK ? 0 : 1;
}
