#include "recording/folding.h"

#include "base/base.h"

#include <string.h>

static const struct { const char *resource, *kind; size_t row, sum, sum_counted, sum_wrapped; } counters[FOLD_COUNTERS] = {
#define COUNTER(column) offsetof(struct fold_row, column##_ns), offsetof(struct fold_sum_row, column##_ns), \
	offsetof(struct fold_sum_row, column##_counted_ns), offsetof(struct fold_sum_row, column##_wrapped_ns)
	[FOLD_CPU_SOME] = { "cpu", "some", COUNTER(some) },
	[FOLD_IO_SOME] = { "io", "some", COUNTER(io_some) },
	[FOLD_IO_FULL] = { "io", "full", COUNTER(io_full) },
	[FOLD_MEMORY_SOME] = { "memory", "some", COUNTER(memory_some) },
	[FOLD_MEMORY_FULL] = { "memory", "full", COUNTER(memory_full) },
#undef COUNTER
};

enum fold_counter fold_counter__find(const char *resource, const char *kind)
{
	enum fold_counter counter = 0;
	while (counter < FOLD_COUNTERS && (!resource || !kind || strcmp(counters[counter].resource, resource) || strcmp(counters[counter].kind, kind)))
		counter++;
	return counter;
}

const char *fold_counter__resource(enum fold_counter counter)
{
	return counters[counter].resource;
}

int64_t fold_row__growth(const struct fold_row *row, enum fold_counter counter)
{
	return *(const int64_t *)((const char *)row + counters[counter].row);
}

struct fold_columns fold_sum_row__columns(struct fold_sum_row *row, enum fold_counter counter)
{
	char *start = (char *)row;
	return (struct fold_columns){ (int64_t *)(start + counters[counter].sum), (int64_t *)(start + counters[counter].sum_counted),
				      (int64_t *)(start + counters[counter].sum_wrapped) };
}

int64_t fold__hz(int64_t hz)
{
	return hz < 1 || hz > 100000 ? 250 : hz;
}

int64_t fold__jiffies(int64_t ns, int64_t hz)
{
	const int64_t second = (int64_t)NS_PER_SEC;
	if (second % hz == 0)
		return ns / (second / hz);
	if (hz % 512 == 0)
		return (int64_t)((__int128)ns * (hz / 512) / (second / 512));
	return (int64_t)((__int128)ns * 9 / ((9 * second + hz / 2) / hz));
}

// `bits`: of the nonidle time, as much as the kernel takes of it.
static int64_t weight_of(const struct fold_row *row, int64_t hz, uint64_t bits)
{
	return fold__jiffies((int64_t)((uint64_t)row->nonidle_ns & bits), hz);
}

static int64_t sum_weights(const struct fold_row *const *rows, size_t count, int64_t hz, uint64_t bits)
{
	int64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += weight_of(rows[i], hz, bits);
	return sum < 1 ? 1 : sum;
}

void fold__parts(const struct fold_row *const *rows, size_t count, int64_t hz, struct fold_part (*parts)[FOLD_COUNTERS])
{
	double weights = (double)sum_weights(rows, count, hz, UINT64_MAX), weights_wrapped = (double)sum_weights(rows, count, hz, UINT32_MAX);
	for (size_t i = 0; i < count; i++) {
		double share = (double)weight_of(rows[i], hz, UINT64_MAX) / weights;
		double share_wrapped = (double)weight_of(rows[i], hz, UINT32_MAX) / weights_wrapped;
		for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
			int64_t grown = fold_row__growth(rows[i], counter);
			parts[i][counter] = (struct fold_part){ (double)grown, (double)grown * share,
								(double)((uint64_t)grown & UINT32_MAX) * share_wrapped };
		}
	}
}
