#include "ledger/kernel_counters.h"

#include <string.h>

static bool fits(const char *text, const char *wanted)
{
	return !wanted || (text && !strcmp(text, wanted));
}

const struct kernel_counter_row *kernel_counter__next(const struct recording *recording, const char *source, const struct kernel_counter_row *previous)
{
	for (size_t i = previous ? (size_t)(previous - recording->kernel_counter) + 1 : 0; i < recording->kernel_counter_count; i++)
		if (fits(recording->kernel_counter[i].source, source))
			return &recording->kernel_counter[i];
	return NULL;
}

const struct kernel_counter_row *kernel_counter__find(const struct recording *recording, const char *source, const char *key, const char *name)
{
	const struct kernel_counter_row *row = kernel_counter__next(recording, source, NULL);
	while (row && !(fits(row->key, key) && fits(row->name, name)))
		row = kernel_counter__next(recording, source, row);
	return row;
}

int64_t kernel_counter__growth(const struct recording *recording, const char *source, const char *key, const char *name)
{
	const struct kernel_counter_row *row = kernel_counter__find(recording, source, key, name);
	return row ? row->after - row->before : -1;
}

int64_t kernel_counter__after(const struct recording *recording, const char *source, const char *key, const char *name)
{
	const struct kernel_counter_row *row = kernel_counter__find(recording, source, key, name);
	return row ? row->after : -1;
}

double kernel_counter__sum(const struct recording *recording, const char *source, const char *key, const char *name)
{
	double sum = 0;
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, source, row));)
		if (fits(row->key, key) && fits(row->name, name))
			sum += (double)(row->after - row->before);
	return sum;
}

int64_t kernel_counter__growth_of(const struct recording *recording, const char *source, const char *prefix)
{
	int64_t sum = 0;
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, source, row));)
		if (row->name && !strncmp(row->name, prefix, strlen(prefix)))
			sum += row->after - row->before;
	return sum;
}
