// /proc/PID/maps, damaged in every way and cut into pieces of every size: what is found must lie where it was looked for, and
// must not depend on the pieces.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/mappings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WANTED = 8 };
static const uint64_t wanted[WANTED] = { 0, 0x10, 0x1000, 0x1fff, 0x55d0a1c01000, 0x7ffff7fc1000, 0xffffffffff600000, UINT64_MAX };

struct sum { uint64_t sum; size_t next; };

static void found(void *context, const struct mapping *mapping, size_t first, size_t count)
{
	struct sum *sum = context;

	assert(first >= sum->next && count > 0 && first + count <= WANTED);
	for (size_t i = first; i < first + count; i++)
		assert(wanted[i] >= mapping->start && wanted[i] < mapping->end);
	assert(strlen(mapping->path) < MAPPING_LINE_SIZE);
	sum->next = first + count;
	sum->sum = (sum->sum ^ mapping->start ^ mapping->inode ^ strlen(mapping->path)) * 0x9e3779b97f4a7c15 + first;
}

static struct sum feed(const char *text, size_t size, size_t piece)
{
	struct mappings_reader *reader = malloc(sizeof(*reader));
	struct sum sum = { 0 };

	mappings__begin(reader, wanted, WANTED, found, &sum);
	for (size_t at = 0; at < size; at += piece)
		if (!mappings__feed(reader, text + at, size - at < piece ? size - at : piece))
			break;
	free(reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole, pieces;
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data, size);
	whole = feed(text, size, size);
	pieces = feed(text, size, 1 + (size_t)data[0] % 50);
	assert(whole.sum == pieces.sum && whole.next == pieces.next);
	free(text);
	return 0;
}
