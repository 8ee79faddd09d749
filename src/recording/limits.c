#include "recording/limits.h"

#include "base/base.h"

#include <string.h>

enum worth { WORTH_LISTED, WORTH_SUMMED, WORTH_NEEDED };

// Rows that are examples, or moments of a series; rows that are parts of sums; rows that explain all others and are few.
static enum worth worth_of(const struct table *table)
{
	static const char *const listed[] = { "event", "sleep_event", "sample", "fold", "host_event" };
	static const char *const needed[] = { "meta", "counter" };
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!strcmp(table->name, needed[i]))
			return WORTH_NEEDED;
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
		if (!strcmp(table->name, listed[i]))
			return WORTH_LISTED;
	return WORTH_SUMMED;
}

static size_t longest(const size_t *rows, enum worth worth)
{
	size_t found = recording_table_count;
	for (size_t t = 0; t < recording_table_count; t++)
		if (worth_of(&recording_tables[t]) == worth && rows[t] && (found == recording_table_count || rows[t] > rows[found]))
			found = t;
	return found;
}

int64_t recording_limits__plan(const struct recording *recording, size_t rows_max, size_t *ret_rows)
{
	size_t total = 0;
	int64_t cut = 0;
	for (size_t t = 0; t < recording_table_count; t++)
		total += ret_rows[t] = table__count(&recording_tables[t], recording);
	while (total > rows_max) {
		size_t table = longest(ret_rows, WORTH_LISTED);
		if (table == recording_table_count)
			table = longest(ret_rows, WORTH_SUMMED);
		if (table == recording_table_count)
			break;
		// Half of the longest table at a time, so that none loses all while another one is long.
		size_t less = ret_rows[table] - ret_rows[table] / 2;
		less = less < total - rows_max ? less : total - rows_max;
		ret_rows[table] -= less;
		total -= less;
		cut += (int64_t)less;
	}
	return cut;
}
