#include "recording/texts.h"

#include "base/base.h"
#include "base/hash_index.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 18)
#define SHARED_LENGTH 256       // longer ones (stacks) differ, or are few

struct block { struct block *next; char bytes[]; };
struct entry { char *text; size_t length; };
struct texts {
	struct block *blocks;
	size_t used, size;              // of the first block
	struct entry *entries; size_t entry_count, entry_capacity; // that are shared
	struct hash_index index;        // of entries
};

struct texts *texts__new(void)
{
	return base__alloc(1, sizeof(struct texts));
}

void texts__free(struct texts *texts)
{
	if (!texts)
		return;
	for (struct block *block = texts->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(texts->entries);
	hash_index__free(&texts->index);
	free(texts);
}

static char *store(struct texts *texts, const char *text, size_t length)
{
	if (texts->size - texts->used <= length) {
		texts->size = length < BLOCK_BYTES ? BLOCK_BYTES : length + 1;
		struct block *block = base__alloc(1, sizeof(*block) + texts->size);
		block->next = texts->blocks;
		texts->blocks = block;
		texts->used = 0;
	}
	char *copy = texts->blocks->bytes + texts->used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	texts->used += length + 1;
	return copy;
}

static bool is_shared(const char *text, size_t length)
{
	for (size_t i = 0; i < length && length <= SHARED_LENGTH; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return length <= SHARED_LENGTH;
}

char *texts__keep(struct texts *texts, const char *text, size_t length)
{
	if (!is_shared(text, length))
		return store(texts, text, length);
	uint64_t hash = hash__bytes(text, length);
	size_t step = 0, position;
	while ((position = hash_index__next(&texts->index, hash, &step)) != SIZE_MAX)
		if (texts->entries[position].length == length && !memcmp(texts->entries[position].text, text, length))
			return texts->entries[position].text;
	texts->entries = base__grow(texts->entries, &texts->entry_capacity, texts->entry_count + 1, sizeof(*texts->entries));
	texts->entries[texts->entry_count] = (struct entry){ store(texts, text, length), length };
	hash_index__add(&texts->index, hash, texts->entry_count);
	return texts->entries[texts->entry_count++].text;
}
