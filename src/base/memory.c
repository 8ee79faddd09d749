// Memory that is always there, and what gives things back at the end of a scope.
#include "base/base.h"

#include <search.h>
#include <string.h>
#include <unistd.h>

void base__free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

void base__close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void base__close_file(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

static void __attribute__((noreturn)) out_of_memory(size_t bytes)
{
	say__error("out of memory: %zu bytes more were needed", bytes);
	exit(2);
}

void *base__alloc(size_t count, size_t size)
{
	// calloc(0) may return NULL without being out of memory.
	void *memory = calloc(count ? count : 1, size ? size : 1);
	if (!memory)
		out_of_memory(count * size);
	return memory;
}

void *base__grow(void *array, size_t *capacity, size_t needed, size_t size)
{
	if (needed <= *capacity)
		return array;
	size_t larger = *capacity + *capacity / 2;
	if (larger < needed)
		larger = needed;
	if (larger < 16)
		larger = 16;
	size_t bytes;
	if (__builtin_mul_overflow(larger, size, &bytes))
		out_of_memory(SIZE_MAX);
	char *grown = realloc(array, bytes);
	if (!grown)
		out_of_memory(bytes);
	memset(grown + *capacity * size, 0, (larger - *capacity) * size);
	*capacity = larger;
	return grown;
}

void *base__tsearch(const void *key, void **root, int (*compare)(const void *one, const void *other))
{
	void *node = tsearch(key, root, compare);
	if (!node)
		out_of_memory(3 * sizeof(void *));
	return node;
}
