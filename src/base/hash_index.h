// An index of things that stand in an array of the caller's, by their hash: open addressing over their positions. At most half of it is in use.
#ifndef WHYSTALL_HASH_INDEX_H
#define WHYSTALL_HASH_INDEX_H

#include "base/base.h"

struct hash_place { uint64_t hash; size_t position; };          // position + 1; 0: free
// Zero-initialise; free with hash_index__free.
struct hash_index { struct hash_place *places; size_t count, capacity; };

// The positions with this hash, one after the other: *step is 0 for the first. SIZE_MAX: no more. Whether a thing is the wanted one is for the caller to
// compare.
size_t hash_index__next(const struct hash_index *index, uint64_t hash, size_t *step);
// Adds a position, which is not among those of the hash yet.
void hash_index__add(struct hash_index *index, uint64_t hash, size_t position);
void hash_index__free(struct hash_index *index);

// FNV-1a, 64 bits.
uint64_t hash__bytes(const void *bytes, size_t length);

#endif
