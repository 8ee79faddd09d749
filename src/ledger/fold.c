#include "ledger/fold.h"

#include "base/base.h"

#include <string.h>

static const struct { const char *resource, *kind; size_t offset; } counters[FOLD_COUNTERS] = {
	[FOLD_CPU_SOME] = { "cpu", "some", offsetof(struct fold_row, some_ns) },
	[FOLD_IO_SOME] = { "io", "some", offsetof(struct fold_row, io_some_ns) },
	[FOLD_IO_FULL] = { "io", "full", offsetof(struct fold_row, io_full_ns) },
	[FOLD_MEMORY_SOME] = { "memory", "some", offsetof(struct fold_row, memory_some_ns) },
	[FOLD_MEMORY_FULL] = { "memory", "full", offsetof(struct fold_row, memory_full_ns) },
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

static int64_t growth(const struct fold_row *row, enum fold_counter counter)
{
	return *(const int64_t *)((const char *)row + counters[counter].offset);
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

static int compare_rows(const void *left, const void *right)
{
	const struct fold_row *a = *(const struct fold_row *const *)left, *b = *(const struct fold_row *const *)right;
	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

static int compare_weights(const void *left, const void *right)
{
	const struct fold_weight *a = left, *b = right;
	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

// The kernel's own division: sum(counter * weight) / max(sum(weight), 1). `bits`: of the differences that it took.
static double divide(const struct fold_row *const *rows, size_t count, int64_t hz, enum fold_counter counter, uint64_t bits)
{
	unsigned __int128 sum = 0;
	uint64_t weight_sum = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t weight = (uint64_t)fold__jiffies((int64_t)((uint64_t)rows[i]->nonidle_ns & bits), hz);
		sum += (unsigned __int128)((uint64_t)growth(rows[i], counter) & bits) * weight;
		weight_sum += weight;
	}
	return (double)(uint64_t)(sum / (weight_sum ? weight_sum : 1));
}

// One fold: `rows` are its CPUs. Adds up in `total` and sets what each CPU counted in `weights`.
static void fold_once(const struct fold_row *const *rows, size_t count, int64_t hz, struct fold_total *total, struct fold_weight *weights)
{
	int64_t weight_sum = 0;
	for (size_t i = 0; i < count; i++)
		weight_sum += fold__jiffies(rows[i]->nonidle_ns, hz);
	if (weight_sum < 1)
		weight_sum = 1;
	for (size_t i = 0; i < count; i++) {
		int64_t weight = fold__jiffies(rows[i]->nonidle_ns, hz);
		weights[i] = (struct fold_weight){ .cgroup = rows[i]->cgroup, .cpu = rows[i]->cpu };
		for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
			double ns = (double)growth(rows[i], counter);
			weights[i].metered_ns[counter] = ns;
			weights[i].counted_ns[counter] = ns * ((double)weight / (double)weight_sum);
			total->metered_ns[counter] += ns;
		}
		if (rows[i]->since_ns > total->longest_ns)
			total->longest_ns = rows[i]->since_ns;
	}
	for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
		total->predicted_ns[counter] += divide(rows, count, hz, counter, UINT64_MAX);
		total->wrapped_ns[counter] += divide(rows, count, hz, counter, UINT32_MAX);
	}
	total->folds++;
	total->foreign_folds += rows[0]->foreign != 0;
}

static void add_weight(struct fold_weight *into, const struct fold_weight *weight)
{
	for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
		into->metered_ns[counter] += weight->metered_ns[counter];
		into->counted_ns[counter] += weight->counted_ns[counter];
	}
}

// Makes one of all neighbours with the same cgroup and CPU.
static size_t merge_weights(struct fold_weight *weights, size_t count)
{
	size_t kept = 0;
	qsort(weights, count, sizeof(*weights), compare_weights);
	for (size_t i = 0; i < count; i++)
		if (kept && compare_weights(&weights[kept - 1], &weights[i]) == 0)
			add_weight(&weights[kept - 1], &weights[i]);
		else
			weights[kept++] = weights[i];
	return kept;
}

void folds__make(const struct recording *recording, struct folds *ret_folds)
{
	size_t count = recording->fold_count, capacity = 0;
	int64_t hz = recording__meta_number(recording, "hz", 250);
	if (hz < 1 || hz > 100000)
		hz = 250;
	struct folds folds = { .weights = base__alloc(count, sizeof(*folds.weights)) };
	const struct fold_row **rows = base__alloc(count, sizeof(*rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = &recording->fold[i];
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t start = 0, end; start < count; start = end) {
		for (end = start; end < count && rows[end]->cgroup == rows[start]->cgroup &&
		     rows[end]->number == rows[start]->number; end++)
			;
		if (!folds.total_count || folds.totals[folds.total_count - 1].cgroup != rows[start]->cgroup) {
			folds.totals = base__grow(folds.totals, &capacity, folds.total_count + 1, sizeof(*folds.totals));
			folds.totals[folds.total_count++] = (struct fold_total){ .cgroup = rows[start]->cgroup };
		}
		fold_once(rows + start, end - start, hz, &folds.totals[folds.total_count - 1], folds.weights + start);
	}
	free(rows);
	folds.weight_count = merge_weights(folds.weights, count);
	*ret_folds = folds;
}

void folds__free(struct folds *folds)
{
	free(folds->weights);
	free(folds->totals);
	*folds = (struct folds){ 0 };
}

static int compare_totals(const void *left, const void *right)
{
	const struct fold_total *a = left, *b = right;
	return a->cgroup < b->cgroup ? -1 : a->cgroup > b->cgroup;
}

const struct fold_total *folds__total(const struct folds *folds, int64_t cgroup)
{
	struct fold_total wanted = { .cgroup = cgroup };
	return folds->total_count ? bsearch(&wanted, folds->totals, folds->total_count, sizeof(wanted), compare_totals) : NULL;
}

double folds__factor(const struct folds *folds, int64_t cgroup, int64_t cpu, enum fold_counter counter)
{
	struct fold_weight wanted = { .cgroup = cgroup, .cpu = cpu };
	const struct fold_weight *found = folds->weight_count
		? bsearch(&wanted, folds->weights, folds->weight_count, sizeof(wanted), compare_weights) : NULL;
	return found && found->metered_ns[counter] > 0 ? found->counted_ns[counter] / found->metered_ns[counter] : 0;
}
