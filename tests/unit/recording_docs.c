// docs/recording.md describes exactly the tables and columns that there are, in their order; its queries run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "recording/columns.h"

#include <sqlite3.h>
#include <string.h>

static char *read_page(void)
{
	char *text = NULL;
	if (base__read_file("docs/recording.md", 1 << 20, &text) < 0)
		fail_msg("docs/recording.md cannot be read; run this from the project's root");
	return text;
}

// "table.column" for each described column, one a line.
static char *described(void)
{
	cleanup_free char *page = read_page();
	struct string list = { 0 };
	char table[64] = "", column[64], *rest = page;
	bool columns = false;           // inside a table of columns, not of anything else
	for (char *line; (line = strsep(&rest, "\n"));) {
		columns = (columns && *line) || strcmp(line, "| column | type | meaning |") == 0;
		if (sscanf(line, "### `%63[a-z_]`", table) != 1 && columns && sscanf(line, "| `%63[a-z_]` |", column) == 1)
			string__add(&list, "%s.%s\n", table, column);
	}
	return string__steal(&list);
}

static char *existing(void)
{
	struct string list = { 0 };
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t c = 0; c < recording_tables[t].column_count; c++)
			string__add(&list, "%s.%s\n", recording_tables[t].name, recording_tables[t].columns[c].name);
	string__add(&list, "occupant.kind\noccupant.name\n");
	return string__steal(&list);
}

static void test_every_column_is_described(void **state)
{
	(void)state;
	cleanup_free char *left = described(), *right = existing();
	assert_true(strlen(right) > 1000);
	char *left_rest = left, *right_rest = right;
	while (left_rest && right_rest)
		assert_string_equal(strsep(&left_rest, "\n"), strsep(&right_rest, "\n"));
	assert_true(!left_rest && !right_rest);
}

static void test_every_occupant_is_named(void **state)
{
	(void)state;
	cleanup_free char *page = read_page();
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++) {
		cleanup_free char *name = base__format("`%s`", occupant__name((enum occupant)kind));
		if (!strstr(page, name))
			fail_msg("docs/recording.md does not name the occupant %s", name);
	}
}

static void test_the_queries_run(void **state)
{
	(void)state;
	cleanup_free char *page = read_page();
	cleanup_free char *schema = recording__schema_sql();
	sqlite3 *database;
	int queries = 0;
	assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, schema, NULL, NULL, NULL), SQLITE_OK);
	for (char *at = page; (at = strstr(at, "```sql\n")); queries++) {
		at += strlen("```sql\n");
		char *end = strstr(at, "```"), *message = NULL;
		assert_non_null(end);
		*end = '\0';
		if (sqlite3_exec(database, at, NULL, NULL, &message) != SQLITE_OK)
			fail_msg("%s: %s", at, message);
		at = end + 1;
	}
	sqlite3_close(database);
	assert_true(queries >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_column_is_described), cmocka_unit_test(test_every_occupant_is_named),
		cmocka_unit_test(test_the_queries_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
