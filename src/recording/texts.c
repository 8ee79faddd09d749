#include "recording/texts.h"

#include "base/base.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 18)
#define SHARED_LENGTH 256       // longer ones (stacks) differ, or are few

struct block { struct block *next; char bytes[]; };
struct entry { const char *text; size_t length; uint64_t hash; };
struct texts {
	struct block *blocks;
	size_t used, size;              // of the first block
	struct entry *entries; size_t entry_count, places; // open addressing; places is a power of two
};

struct texts *texts__new(void)
{
	struct texts *texts = base__alloc(1, sizeof(*texts));
	texts->places = 1024;
	texts->entries = base__alloc(texts->places, sizeof(*texts->entries));
	return texts;
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

// FNV-1a; 0: the text is not printable ASCII.
static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = 14695981039346656037ULL;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return 0;
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
	}
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static struct entry *place_of(const struct texts *texts, const struct entry *wanted)
{
	size_t at = (size_t)wanted->hash & (texts->places - 1);
	for (;; at = (at + 1) & (texts->places - 1)) {
		struct entry *entry = &texts->entries[at];
		if (!entry->text || (entry->hash == wanted->hash && entry->length == wanted->length && !memcmp(entry->text, wanted->text, wanted->length)))
			return entry;
	}
}

static void widen(struct texts *texts)
{
	struct entry *old = texts->entries;
	size_t places = texts->places;
	texts->places *= 2;
	texts->entries = base__alloc(texts->places, sizeof(*texts->entries));
	for (size_t i = 0; i < places; i++)
		if (old[i].text)
			*place_of(texts, &old[i]) = old[i];
	free(old);
}

char *texts__keep(struct texts *texts, const char *text, size_t length)
{
	uint64_t hash = length <= SHARED_LENGTH ? hash_of(text, length) : 0;
	if (!hash)
		return store(texts, text, length);
	if (texts->entry_count >= texts->places / 2)
		widen(texts);
	struct entry wanted = { text, length, hash }, *entry = place_of(texts, &wanted);
	if (!entry->text) {
		*entry = (struct entry){ store(texts, text, length), length, hash };
		texts->entry_count++;
	}
	return (char *)entry->text;
}
