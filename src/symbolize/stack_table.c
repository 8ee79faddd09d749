// Open addressing over the ids of the rows; the rows themselves hold the texts, and may move while the recording grows.
#include "symbolize/stack_table.h"

#include <string.h>

#include "base/base.h"

struct place { uint64_t hash; int64_t id; };    // id 0: free

struct stack_table {
	struct recording *recording;
	struct place *places;
	size_t capacity, used;          // capacity is a power of two, at most half of it used
};

struct stack_table *stack_table__new(struct recording *recording)
{
	struct stack_table *table = base__alloc(1, sizeof(*table));

	table->recording = recording;
	table->capacity = 256;
	table->places = base__alloc(table->capacity, sizeof(*table->places));
	return table;
}

void stack_table__free(struct stack_table *table)
{
	if (!table)
		return;
	free(table->places);
	free(table);
}

// FNV-1a, 64 bits.
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash ^ hash >> 32;
}

static struct place *find(struct stack_table *table, uint64_t hash, const char *frames)
{
	for (size_t i = hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
		struct place *place = &table->places[i];

		if (!place->id || (place->hash == hash && frames && !strcmp(table->recording->stack[place->id - 1].frames, frames)))
			return place;
	}
}

static void grow(struct stack_table *table)
{
	struct place *old = table->places;
	size_t old_capacity = table->capacity;

	table->capacity *= 2;
	table->places = base__alloc(table->capacity, sizeof(*table->places));
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].id)
			*find(table, old[i].hash, NULL) = old[i];
	free(old);
}

int64_t stack_table__id(struct stack_table *table, const char *frames)
{
	struct place *place;
	struct stack_row *row;
	uint64_t hash;

	if (!frames || !frames[0])
		return 0;
	hash = hash_of(frames);
	place = find(table, hash, frames);
	if (place->id)
		return place->id;
	row = recording__add_stack(table->recording);
	row->id = (int64_t)table->recording->stack_count;
	row->frames = base__copy(frames);
	*place = (struct place){ .hash = hash, .id = row->id };
	if (++table->used * 2 > table->capacity)
		grow(table);
	return table->recording->stack[table->recording->stack_count - 1].id;
}
