// Makes a recording of hand-written rows: make_recording DB SQL…
// The SQL files run on the schema of this version, so a case names only the columns that it is about.
#include "base/base.h"
#include "recording/columns.h"

#include <sqlite3.h>
#include <unistd.h>

static int run(sqlite3 *database, const char *name, const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(database, sql, NULL, NULL, &message) == SQLITE_OK)
		return 0;
	say__error("%s: %s", name, message);
	sqlite3_free(message);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 64;
	sqlite3 *database = NULL;
	unlink(argv[1]);
	cleanup_free char *schema = recording__schema_sql();
	int status = sqlite3_open(argv[1], &database) == SQLITE_OK ? run(database, "schema", schema) : 1;
	for (int i = 2; i < argc && !status; i++) {
		cleanup_free char *sql = NULL;
		status = base__read_file(argv[i], 1 << 20, &sql) < 0 ? 1 : run(database, argv[i], sql);
	}
	sqlite3_close(database);
	return status;
}
