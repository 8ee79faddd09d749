// The schema as data: one description of every table and column, used by the writer, the reader and the repairs.
#ifndef WHYSTALL_COLUMNS_H
#define WHYSTALL_COLUMNS_H

#include "recording/recording.h"

// "WhyS": the SQLite application_id of a recording, at byte 68 of the file.
#define RECORDING_APPLICATION_ID 0x57687953

// What a column may hold. Values outside are replaced by the nearest (or harmless) one and counted, see recording__repair.
enum column_rule {
	RULE_ANY,               // any whole number
	RULE_SUM,               // >= 0, and the column's sum RECORDING_SUM_MAX at most
	RULE_SUM_OR_UNKNOWN,    // the same, or -1
	RULE_TASK_SUM,          // the same for time in which each of many tasks counts: RECORDING_TASK_SUM_MAX
	RULE_NUMBER,            // >= 0, never added up: a time stamp, a pid, a position
	RULE_BOOL,
	RULE_CPU,               // 0 … RECORDING_CPUS_MAX - 1
	RULE_HIERARCHY,         // 1 or 2
	RULE_OCCUPANT,          // enum occupant
	RULE_ID,                // > 0, unique in its table; later duplicates are dropped
	RULE_CGROUP_ID,         // any number but 0 (kernfs ids use all 64 bits), unique within its hierarchy
	RULE_PROCESS,           // process_row.id or 0
	RULE_CGROUP,            // id of a v2 cgroup_row, or 0: the system; RECORDING_NO_CGROUP: one that is not in the table, which must not count as the system
	RULE_STACK,             // stack_row.id or 0
	RULE_LOCK,              // lock_row.id or 0
	RULE_REAL,              // finite
	RULE_TEXT,              // valid UTF-8 without control characters, or NULL
	RULE_NAME,              // the same, never NULL
	RULE_LINES,             // as RULE_TEXT, longer, with line ends
};
#define RECORDING_CPUS_MAX 65536
#define RECORDING_NO_CGROUP (-1)
#define RECORDING_VALUE_MAX (1LL << 53)         // of what is no sum: 104 days in ns, and exact as a double
#define RECORDING_SUM_MAX (1LL << 59)           // of a column: 6672 days in ns; a dozen such sums still fit an int64
#define RECORDING_TASK_SUM_MAX (1LL << 61)      // 26,687 days in ns: as many tasks that sleep for a day; three such sums still fit an int64
#define RECORDING_ROWS_MAX (1LL << 22)          // of all tables together
#define RECORDING_TEXT_MAX 4096
#define RECORDING_LINES_MAX 65536
#define RECORDING_FILE_MAX (1LL << 30)          // far more than RECORDING_ROWS_MAX rows of the usual size

struct column {
	const char *name;
	enum column_rule rule;
	size_t offset;          // of the field in the row: an int64_t, double or char *
	bool added;             // older recordings of this schema lack it: 0, NULL, or -1 of what may be unknown
	bool later;             // added, and later than its table, which was added itself
};

struct table {
	const char *name;
	const struct column *columns;
	size_t column_count, row_size;
	size_t rows_offset, count_offset, capacity_offset;      // in struct recording
	void *(*add)(struct recording *recording);
};

extern const struct table recording_tables[];
extern const size_t recording_table_count;

// SQLite's name of the column's type: INTEGER, REAL or TEXT.
const char *column__type(const struct column *column);
static inline bool column__is_text(const struct column *column) { return column->rule >= RULE_TEXT; }
size_t column__text_max(const struct column *column);
// What the values of the column may add up to; 0 if they are never added up.
int64_t column__sum_max(const struct column *column);

static inline size_t table__count(const struct table *table, const struct recording *recording)
{
	return *(const size_t *)((const char *)recording + table->count_offset);
}
static inline void *table__row(const struct table *table, const struct recording *recording, size_t index)
{
	char *rows = *(char *const *)((const char *)recording + table->rows_offset);
	return rows ? rows + index * table->row_size : NULL;
}
static inline int64_t *column__integer(const struct column *column, void *row)
{
	return (int64_t *)((char *)row + column->offset);
}
static inline double *column__real(const struct column *column, void *row)
{
	// cppcheck-suppress invalidPointerCast; the column's type says that a double stands there
	return (double *)((char *)row + column->offset);
}
static inline char **column__text(const struct column *column, void *row)
{
	return (char **)((char *)row + column->offset);
}

// Frees what the row's text columns own, not the row.
void recording__free_row(const struct recording *recording, const struct table *table, void *row);
// Puts a text (owned, NULL: none) into a column of a row; what stood there is given back.
void recording__put_text(struct recording *recording, const struct table *table, char **place, char *text);
// Room for exactly so many rows of a table; none of those that are there is lost.
void recording__reserve(struct recording *recording, const struct table *table, size_t rows);

// The statements that make an empty recording: tables, identification and the names of the occupants. Owned by the caller.
char *recording__schema_sql(void);

#endif
