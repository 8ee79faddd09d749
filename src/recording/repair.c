// Rows that come from a file, or from a probe that was surprised, made fit to be believed.
#include "recording/recording.h"

#include "base/base.h"
#include "recording/columns.h"

#include <math.h>
#include <string.h>

// The length of the valid UTF-8 sequence at `text`, 0 if it is none, is a control character, or turns the writing
// direction around (which lets a name pose as another one on a terminal).
static size_t valid_character(const unsigned char *text, bool lines)
{
	if (text[0] < 0x80)
		return (text[0] >= ' ' && text[0] != 0x7f) || (lines && text[0] == '\n') ? 1 : 0;
	size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	uint32_t code = text[0] & (0xff >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	bool overlong = code < (length == 4 ? 0x10000u : length == 3 ? 0x800u : 0x80u);
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	bool control = code < 0xa0 || code == 0x2028 || code == 0x2029;
	bool turning = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
	return overlong || surrogate || control || turning || code > 0x10ffff ? 0 : length;
}

static int64_t repair_text(struct recording *recording, const struct table *table, const struct column *column, void *row)
{
	char **text = column__text(column, row);
	if (!*text) {
		if (column->rule != RULE_NAME)
			return 0;
		recording__put_text(recording, table, text, base__copy("?"));
		return 1;
	}
	size_t max = column__text_max(column), position = 0;
	int64_t repaired = 0;
	while ((*text)[position]) {
		size_t length = valid_character((unsigned char *)*text + position, column->rule == RULE_LINES);
		if (position + (length ? length : 1) > max) {
			(*text)[position] = '\0';
			return repaired + 1;
		}
		if (!length) {
			(*text)[position] = '?';
			repaired++;
		}
		position += length ? length : 1;
	}
	return repaired;
}

static int64_t clamp(int64_t *value, int64_t low, int64_t high)
{
	if (*value >= low && *value <= high)
		return 0;
	*value = *value < low ? low : high;
	return 1;
}

static int64_t repair_value(struct recording *recording, const struct table *table, const struct column *column, void *row)
{
	if (column__is_text(column))
		return repair_text(recording, table, column, row);
	if (column->rule == RULE_REAL) {
		if (isfinite(*column__real(column, row)))
			return 0;
		*column__real(column, row) = 0;
		return 1;
	}
	int64_t *value = column__integer(column, row);
	switch (column->rule) {
	case RULE_ANY: return clamp(value, -RECORDING_VALUE_MAX, RECORDING_VALUE_MAX);
	case RULE_NUMBER: return clamp(value, 0, RECORDING_VALUE_MAX);
	case RULE_SUM:
	case RULE_TASK_SUM: return clamp(value, 0, column__sum_max(column));
	case RULE_SUM_OR_UNKNOWN: return clamp(value, -1, column__sum_max(column));
	case RULE_BOOL: return clamp(value, 0, 1);
	case RULE_CPU: return clamp(value, 0, RECORDING_CPUS_MAX - 1);
	case RULE_HIERARCHY: return clamp(value, 1, 2);
	case RULE_OCCUPANT:
		if (*value >= 0 && *value < OCCUPANT_KINDS)
			return 0;
		*value = OCCUPANT_UNKNOWN;
		return 1;
	default: return 0;              // ids and references are looked at together, below
	}
}

// ---- ids ----

// An id of one of the tables that others point to. `hierarchy` is 0 but for cgroups.
struct id { int64_t id, hierarchy; size_t index; };
struct ids { struct id *ids; size_t count; };

static int compare_ids(const void *left, const void *right)
{
	const struct id *a = left, *b = right;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->hierarchy != b->hierarchy)
		return a->hierarchy < b->hierarchy ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static bool has_id(const struct ids *ids, int64_t id, int64_t hierarchy)
{
	size_t low = 0, high = ids->count;
	// As a rule they are numbered from 1.
	if (id > 0 && (uint64_t)id <= ids->count && ids->ids[id - 1].id == id && ids->ids[id - 1].hierarchy == hierarchy)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct id *at = &ids->ids[middle];
		if (at->id < id || (at->id == id && at->hierarchy < hierarchy))
			low = middle + 1;
		else
			high = middle;
	}
	return low < ids->count && ids->ids[low].id == id && ids->ids[low].hierarchy == hierarchy;
}

static void drop_rows(const struct table *table, struct recording *recording, const bool *dropped)
{
	size_t kept = 0, count = table__count(table, recording);
	for (size_t i = 0; i < count; i++) {
		char *row = table__row(table, recording, i);
		if (dropped[i])
			recording__free_row(recording, table, row);
		else
			memmove(table__row(table, recording, kept++), row, table->row_size);    // -fanalyzer: a table that has rows has an array
	}
	// Rows behind the end are promised to be zero when they are added again.
	if (kept < count)
		memset(table__row(table, recording, kept), 0, (count - kept) * table->row_size);        // -fanalyzer: likewise
	*(size_t *)((char *)recording + table->count_offset) = kept;
}

// Drops rows whose id is impossible or was there before; fills `ids`, sorted, for the look-ups.
static int64_t repair_ids(const struct table *table, struct recording *recording, struct ids *ids)
{
	size_t count = table__count(table, recording);
	cleanup_free bool *dropped = base__alloc(count, sizeof(*dropped));
	ids->ids = base__alloc(count, sizeof(*ids->ids));
	for (size_t i = 0; i < count; i++) {
		void *row = table__row(table, recording, i);
		int64_t id = *column__integer(&table->columns[0], row);
		bool cgroup = table->columns[0].rule == RULE_CGROUP_ID;
		ids->ids[i] = (struct id){ id, cgroup ? ((struct cgroup_row *)row)->hierarchy : 0, i };        // -fanalyzer: likewise
		dropped[i] = cgroup ? id == 0 : id <= 0;
	}
	qsort(ids->ids, count, sizeof(*ids->ids), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (ids->ids[i].id == ids->ids[i - 1].id && ids->ids[i].hierarchy == ids->ids[i - 1].hierarchy)
			dropped[ids->ids[i].index] = true;
	int64_t repaired = 0;
	for (size_t i = 0; i < count; i++)
		if (!dropped[ids->ids[i].index])
			ids->ids[ids->count++] = ids->ids[i];
		else
			repaired++;
	if (repaired)
		drop_rows(table, recording, dropped);
	return repaired;
}

// What the columns of all tables may point to.
struct known { struct ids processes, cgroups, stacks, locks; };

static const struct ids *known_of(const struct known *known, enum column_rule rule)
{
	switch (rule) {
	case RULE_PROCESS: return &known->processes;
	case RULE_CGROUP: return &known->cgroups;
	case RULE_STACK: return &known->stacks;
	case RULE_LOCK: return &known->locks;
	default: return NULL;
	}
}

static int64_t repair_references(const struct recording *recording, const struct table *table, const struct column *column, const struct known *known)
{
	const struct ids *ids = known_of(known, column->rule);
	int64_t repaired = 0, hierarchy = column->rule == RULE_CGROUP ? 2 : 0;
	for (size_t i = 0; ids && i < table__count(table, recording); i++) {
		int64_t *id = column__integer(column, table__row(table, recording, i));
		if (*id == 0 || (column->rule == RULE_CGROUP && *id == RECORDING_NO_CGROUP) || has_id(ids, *id, hierarchy))
			continue;
		*id = column->rule == RULE_CGROUP ? RECORDING_NO_CGROUP : 0;
		repaired++;
	}
	return repaired;
}

static void count_numbered(struct recording *recording)
{
	size_t *count = &recording->processes_numbered;
	for (*count = 0; *count < recording->process_count && recording->process[*count].id == (int64_t)*count + 1; (*count)++)
		;
}

// ---- the whole ----

// The ledger wants the tasks of a process side by side. Same process: the order stays.
static void group_tasks(struct recording *recording)
{
	bool grouped = true;
	for (size_t i = 1; i < recording->task_count && grouped; i++)
		grouped = recording->task[i - 1].process <= recording->task[i].process;
	if (grouped)
		return;
	struct id *order = base__alloc(recording->task_count, sizeof(*order));
	struct task_row *sorted = base__alloc(recording->task_capacity, sizeof(*sorted));
	for (size_t i = 0; i < recording->task_count; i++)
		order[i] = (struct id){ recording->task[i].process, 0, i };
	qsort(order, recording->task_count, sizeof(*order), compare_ids);
	for (size_t i = 0; i < recording->task_count; i++)
		sorted[i] = recording->task[order[i].index];
	free(order);
	free(recording->task);
	recording->task = sorted;
}

// What is beyond the largest sum is taken from the later values. Returns how many were cut.
static int64_t cut_sum(const struct table *table, const struct column *column, const struct recording *recording)
{
	int64_t left = column__sum_max(column), cut = 0;
	for (size_t i = 0; i < table__count(table, recording); i++) {
		int64_t *value = column__integer(column, table__row(table, recording, i));
		if (*value > left) {
			*value = left;
			cut++;
		}
		left -= *value > 0 ? *value : 0;
	}
	return cut;
}

// The figures of a column that had to be cut are too small: meta says which.
static void cut_sums(struct recording *recording)
{
	struct string columns = { 0 };
	int64_t cut = 0;
	string__add(&columns, "%s", recording__meta(recording, "sums_cut") ?: "");
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t c = 0; c < recording_tables[t].column_count; c++) {
			const struct column *column = &recording_tables[t].columns[c];
			int64_t here = column__sum_max(column) ? cut_sum(&recording_tables[t], column, recording) : 0;
			if (here)
				string__add(&columns, "%s%s.%s", columns.length ? ", " : "", recording_tables[t].name, column->name);
			cut += here;
		}
	if (cut) {
		recording__set_meta(recording, "sums_cut", "%s", columns.text);
		recording__set_counter(recording, "sums_cut", recording__counter(recording, "sums_cut") + cut,
				       "values that were cut because a recording cannot hold the sum of their column: what they count is more");
	}
	string__free(&columns);
}

static const struct table *find_table(size_t rows_offset)
{
	size_t t = 0;
	while (recording_tables[t].rows_offset != rows_offset)
		t++;
	return &recording_tables[t];
}

static void count_repairs(struct recording *recording, int64_t repaired)
{
	if (!repaired)
		return;
	const char *name = "values_repaired";
	recording__set_counter(recording, name, recording__counter(recording, name) + repaired,
			       "values that could not be true (or text with control characters) and were replaced");
}

void recording__repair(struct recording *recording)
{
	int64_t repaired = 0;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		for (size_t i = 0; i < table__count(table, recording); i++)
			for (size_t c = 0; c < table->column_count; c++)
				repaired += repair_value(recording, table, &table->columns[c], table__row(table, recording, i));
	}
	struct known known = { 0 };
	repaired += repair_ids(find_table(offsetof(struct recording, process)), recording, &known.processes);
	repaired += repair_ids(find_table(offsetof(struct recording, cgroup)), recording, &known.cgroups);
	repaired += repair_ids(find_table(offsetof(struct recording, stack)), recording, &known.stacks);
	repaired += repair_ids(find_table(offsetof(struct recording, lock)), recording, &known.locks);
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t c = 0; c < recording_tables[t].column_count; c++)
			repaired += repair_references(recording, &recording_tables[t], &recording_tables[t].columns[c], &known);
	free(known.processes.ids);
	free(known.cgroups.ids);
	free(known.stacks.ids);
	free(known.locks.ids);
	count_numbered(recording);
	group_tasks(recording);
	count_repairs(recording, repaired);
	cut_sums(recording);
}
