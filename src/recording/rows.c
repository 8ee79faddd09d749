// A recording in memory: rows, their owner, and the look-ups that everybody needs.
#include "recording/recording.h"

#include "base/base.h"
#include "recording/columns.h"
#include "recording/texts.h"

#include <errno.h>
#include <string.h>

#define DEFINE_ADD(table) \
struct table##_row *recording__add_##table(struct recording *recording) \
{ \
	recording->table = base__grow(recording->table, &recording->table##_capacity, recording->table##_count + 1, \
				      sizeof(*recording->table)); \
	return &recording->table[recording->table##_count++]; \
}
RECORDING_TABLES(DEFINE_ADD)

struct recording *recording__new(void)
{
	return base__alloc(1, sizeof(struct recording));
}

// Meta and counters are few, and are set while the recording is used.
static bool owns_texts(const struct recording *recording, const struct table *table)
{
	return !recording->texts || table->rows_offset == offsetof(struct recording, meta) || table->rows_offset == offsetof(struct recording, counter);
}

void recording__put_text(struct recording *recording, const struct table *table, char **place, char *text)
{
	if (owns_texts(recording, table)) {
		free(*place);
		*place = text;
		return;
	}
	*place = text ? texts__keep(recording->texts, text, strlen(text)) : NULL;
	free(text);
}

void recording__reserve(struct recording *recording, const struct table *table, size_t rows)
{
	void **array = (void **)((char *)recording + table->rows_offset);
	*array = base__grow(*array, (size_t *)((char *)recording + table->capacity_offset), rows, table->row_size);
}

void recording__free_row(const struct recording *recording, const struct table *table, void *row)
{
	if (!owns_texts(recording, table))
		return;
	for (size_t c = 0; c < table->column_count; c++)
		if (column__is_text(&table->columns[c]))
			free(*column__text(&table->columns[c], row));
}

void recording__free(struct recording *recording)
{
	if (!recording)
		return;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		for (size_t i = 0; i < table__count(table, recording); i++)
			recording__free_row(recording, table, table__row(table, recording, i));
		free(table__row(table, recording, 0));
	}
	texts__free(recording->texts);
	free(recording);
}

static struct meta_row *find_meta(const struct recording *recording, const char *key)
{
	for (size_t i = 0; i < recording->meta_count; i++)
		if (recording->meta[i].key && strcmp(recording->meta[i].key, key) == 0)
			return &recording->meta[i];
	return NULL;
}

const char *recording__meta(const struct recording *recording, const char *key)
{
	const struct meta_row *row = find_meta(recording, key);
	return row ? row->value : NULL;
}

int64_t recording__meta_number(const struct recording *recording, const char *key, int64_t fallback)
{
	const char *text = recording__meta(recording, key);
	if (!text)
		return fallback;
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || *end || errno || number > RECORDING_VALUE_MAX || number < -RECORDING_VALUE_MAX)
		return fallback;
	return number;
}

void recording__set_meta(struct recording *recording, const char *key, const char *format, ...)
{
	struct string value = { 0 };
	va_list list;
	va_start(list, format);
	string__add_list(&value, format, list);
	va_end(list);
	struct meta_row *row = find_meta(recording, key);
	if (!row) {
		row = recording__add_meta(recording);
		row->key = base__copy(key);
	}
	free(row->value);
	row->value = string__steal(&value);
}

int64_t recording__counter(const struct recording *recording, const char *name)
{
	for (size_t i = 0; i < recording->counter_count; i++)
		if (recording->counter[i].name && strcmp(recording->counter[i].name, name) == 0)
			return recording->counter[i].value;
	return 0;
}

void recording__set_counter(struct recording *recording, const char *name, int64_t value, const char *meaning)
{
	struct counter_row *row = NULL;
	for (size_t i = 0; i < recording->counter_count && !row; i++)
		if (recording->counter[i].name && strcmp(recording->counter[i].name, name) == 0)
			row = &recording->counter[i];
	if (!row) {
		row = recording__add_counter(recording);
		row->name = base__copy(name);
	}
	row->value = value;
	char *copy = base__copy(meaning);
	free(row->meaning);
	row->meaning = copy;
}

const char *recording__frames(const struct recording *recording, int64_t stack)
{
	// The collector numbers stacks from 1 in the order of their rows.
	if (stack > 0 && (uint64_t)stack <= recording->stack_count && recording->stack[stack - 1].id == stack)
		return recording->stack[stack - 1].frames;
	for (size_t i = 0; stack > 0 && i < recording->stack_count; i++)
		if (recording->stack[i].id == stack)
			return recording->stack[i].frames;
	return NULL;
}

const struct process_row *recording__process(const struct recording *recording, int64_t id)
{
	// The collector numbers processes from 1 in the order of their rows. Where that is known, nothing has to be read for it.
	if (id > 0 && (uint64_t)id <= recording->processes_numbered)
		return &recording->process[id - 1];
	if (id > 0 && (uint64_t)id <= recording->process_count && recording->process[id - 1].id == id)
		return &recording->process[id - 1];
	size_t low = 0, high = recording->process_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (recording->process[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < recording->process_count && recording->process[low].id == id)
		return &recording->process[low];
	for (size_t i = 0; i < recording->process_count; i++)
		if (recording->process[i].id == id)
			return &recording->process[i];
	return NULL;
}

const struct cgroup_row *recording__cgroup(const struct recording *recording, int64_t id)
{
	const struct cgroup_row *found = NULL;
	for (size_t i = 0; i < recording->cgroup_count; i++)
		if (recording->cgroup[i].id == id) {
			// The same number may stand for a v1 directory too; pressure and books only know v2.
			if (recording->cgroup[i].hierarchy == 2)
				return &recording->cgroup[i];
			if (!found)
				found = &recording->cgroup[i];
		}
	return found;
}
