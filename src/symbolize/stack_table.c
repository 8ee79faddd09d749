// The rows themselves hold the texts, and may move while the recording grows: the index knows them by their positions.
#include "symbolize/stack_table.h"

#include <string.h>

#include "base/base.h"
#include "base/hash_index.h"

struct stack_table {
	struct recording *recording;
	struct hash_index index;        // of the recording's rows
};

struct stack_table *stack_table__new(struct recording *recording)
{
	struct stack_table *table = base__alloc(1, sizeof(*table));

	table->recording = recording;
	return table;
}

void stack_table__free(struct stack_table *table)
{
	if (!table)
		return;
	hash_index__free(&table->index);
	free(table);
}

int64_t stack_table__id(struct stack_table *table, const char *frames)
{
	size_t step = 0, position;
	struct stack_row *row;
	uint64_t hash;

	if (!frames || !frames[0])
		return 0;
	hash = hash__bytes(frames, strlen(frames));
	while ((position = hash_index__next(&table->index, hash, &step)) != SIZE_MAX)
		if (!strcmp(table->recording->stack[position].frames, frames))
			return (int64_t)position + 1;
	hash_index__add(&table->index, hash, table->recording->stack_count);
	row = recording__add_stack(table->recording);
	row->id = (int64_t)table->recording->stack_count;
	row->frames = base__copy(frames);
	return row->id;
}
