#include "symbolize/kernel_symbols.h"

#include <stdlib.h>

#include "base/base.h"
#include "symbolize/kallsyms.h"

struct kernel_symbols {
	uint64_t *addresses;            // sorted and each once from the reading on
	char **names;                   // of `addresses`; NULL before the reading
	size_t count, capacity;
};

struct kernel_symbols *kernel_symbols__new(void)
{
	return base__alloc(1, sizeof(struct kernel_symbols));
}

void kernel_symbols__free(struct kernel_symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; symbols->names && i < symbols->count; i++)
		free(symbols->names[i]);
	free(symbols->names);
	free(symbols->addresses);
	free(symbols);
}

void kernel_symbols__want(struct kernel_symbols *symbols, uint64_t address)
{
	symbols->addresses = base__grow(symbols->addresses, &symbols->capacity, symbols->count + 1, sizeof(*symbols->addresses));
	symbols->addresses[symbols->count++] = address;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

// Leaves each address once, and makes room for the names.
static void settle(struct kernel_symbols *symbols)
{
	size_t kept = 0;

	if (symbols->count)
		qsort(symbols->addresses, symbols->count, sizeof(*symbols->addresses), compare);
	for (size_t i = 0; i < symbols->count; i++)
		if (!kept || symbols->addresses[kept - 1] != symbols->addresses[i])
			symbols->addresses[kept++] = symbols->addresses[i];
	symbols->count = kept;
	symbols->names = base__alloc(kept + 1, sizeof(*symbols->names));
}

int kernel_symbols__read(struct kernel_symbols *symbols)
{
	settle(symbols);
	return symbols->count ? kallsyms__resolve(symbols->addresses, symbols->count, symbols->names) : 0;
}

int kernel_symbols__read_from(struct kernel_symbols *symbols, FILE *file)
{
	settle(symbols);
	return kallsyms__resolve_from(file, symbols->addresses, symbols->count, symbols->names);
}

const char *kernel_symbols__name(const struct kernel_symbols *symbols, uint64_t address)
{
	const uint64_t *found = symbols && symbols->names && symbols->count
		? bsearch(&address, symbols->addresses, symbols->count, sizeof(address), compare) : NULL;

	return found ? symbols->names[found - symbols->addresses] : NULL;
}
