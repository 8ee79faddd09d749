#include "base/hash_index.h"

#define LEAST_CAPACITY 64       // a power of two

// Hashes may differ in a few bits only, wherever these are.
static size_t first_place(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
	return (size_t)(hash ^ hash >> 32);
}

size_t hash_index__next(const struct hash_index *index, uint64_t hash, size_t *step)
{
	while (index->capacity) {
		const struct hash_place *place = &index->places[(first_place(hash) + *step) & (index->capacity - 1)];
		if (!place->position)
			break;
		++*step;
		if (place->hash == hash)
			return place->position - 1;
	}
	return SIZE_MAX;
}

static void put(struct hash_index *index, struct hash_place new)
{
	size_t place = first_place(new.hash);
	while (index->places[place & (index->capacity - 1)].position)
		place++;
	index->places[place & (index->capacity - 1)] = new;
}

static void widen(struct hash_index *index)
{
	struct hash_place *old = index->places;
	size_t old_capacity = index->capacity;
	index->capacity = old_capacity ? 2 * old_capacity : LEAST_CAPACITY;
	index->places = base__alloc(index->capacity, sizeof(*index->places));
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].position)
			put(index, old[i]);
	free(old);
}

void hash_index__add(struct hash_index *index, uint64_t hash, size_t position)
{
	if (2 * (index->count + 1) > index->capacity)
		widen(index);
	put(index, (struct hash_place){ hash, position + 1 });
	index->count++;
}

void hash_index__free(struct hash_index *index)
{
	free(index->places);
	*index = (struct hash_index){ 0 };
}

uint64_t hash__bytes(const void *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
	return hash;
}
