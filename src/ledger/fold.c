#include "ledger/fold.h"

#include "base/base.h"

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
		sum += (unsigned __int128)((uint64_t)fold_row__growth(rows[i], counter) & bits) * weight;
		weight_sum += weight;
	}
	return (double)(uint64_t)(sum / (weight_sum ? weight_sum : 1));
}

// One fold: `rows` are its CPUs. Adds up in `total` and sets what each CPU counted in `weights`. `parts`: as many rows of working space.
static void fold_once(const struct fold_row *const *rows, size_t count, int64_t hz, struct fold_total *total, struct fold_weight *weights,
		      struct fold_part (*parts)[FOLD_COUNTERS])
{
	fold__parts(rows, count, hz, parts);
	for (size_t i = 0; i < count; i++) {
		weights[i] = (struct fold_weight){ .cgroup = rows[i]->cgroup, .cpu = rows[i]->cpu };
		for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
			weights[i].metered_ns[counter] = parts[i][counter].metered_ns;
			weights[i].counted_ns[counter] = parts[i][counter].counted_ns;
			total->metered_ns[counter] += parts[i][counter].metered_ns;
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

// One CPU's sums of the folds that the recorder did not list. Adds up in `total`.
static struct fold_weight take_sum(struct fold_sum_row row, struct fold_total *total)
{
	struct fold_weight weight = { .cgroup = row.cgroup, .cpu = row.cpu };
	for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
		struct fold_columns columns = fold_sum_row__columns(&row, counter);
		weight.metered_ns[counter] = (double)*columns.metered_ns;
		weight.counted_ns[counter] = (double)*columns.counted_ns;
		total->metered_ns[counter] += (double)*columns.metered_ns;
		total->predicted_ns[counter] += (double)*columns.counted_ns;
		total->wrapped_ns[counter] += (double)*columns.wrapped_ns;
	}
	return weight;
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

static int compare_totals(const void *left, const void *right)
{
	const struct fold_total *a = left, *b = right;
	return a->cgroup < b->cgroup ? -1 : a->cgroup > b->cgroup;
}

static void add_total(struct fold_total *into, const struct fold_total *total)
{
	for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
		into->metered_ns[counter] += total->metered_ns[counter];
		into->predicted_ns[counter] += total->predicted_ns[counter];
		into->wrapped_ns[counter] += total->wrapped_ns[counter];
	}
	into->folds += total->folds;
	into->foreign_folds += total->foreign_folds;
	if (total->longest_ns > into->longest_ns)
		into->longest_ns = total->longest_ns;
}

// The same of totals: a cgroup's listed folds and those that were summed up.
static size_t merge_totals(struct fold_total *totals, size_t count)
{
	size_t kept = 0;
	if (count)
		qsort(totals, count, sizeof(*totals), compare_totals);
	for (size_t i = 0; i < count; i++)
		if (kept && totals[kept - 1].cgroup == totals[i].cgroup)
			add_total(&totals[kept - 1], &totals[i]);
		else
			totals[kept++] = totals[i];
	return kept;
}

// The total that a cgroup's rows are added to, when they come in order.
static struct fold_total *total_of(struct folds *folds, size_t *capacity, size_t first, int64_t cgroup)
{
	if (folds->total_count == first || folds->totals[folds->total_count - 1].cgroup != cgroup) {
		folds->totals = base__grow(folds->totals, capacity, folds->total_count + 1, sizeof(*folds->totals));
		folds->totals[folds->total_count++] = (struct fold_total){ .cgroup = cgroup };
	}
	return &folds->totals[folds->total_count - 1];
}

static void take_listed(const struct recording *recording, struct folds *folds, size_t *capacity)
{
	size_t count = recording->fold_count;
	int64_t hz = fold__hz(recording__meta_number(recording, "hz", 0));
	const struct fold_row **rows = base__alloc(count, sizeof(*rows));
	struct fold_part (*parts)[FOLD_COUNTERS] = NULL;
	size_t parts_capacity = 0;
	for (size_t i = 0; i < count; i++)
		rows[i] = &recording->fold[i];
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t start = 0, end; start < count; start = end) {
		for (end = start; end < count && rows[end]->cgroup == rows[start]->cgroup &&
		     rows[end]->number == rows[start]->number; end++)
			;
		parts = base__grow(parts, &parts_capacity, end - start, sizeof(*parts));
		fold_once(rows + start, end - start, hz, total_of(folds, capacity, 0, rows[start]->cgroup), folds->weights + start, parts);
	}
	free(parts);
	free(rows);
	folds->weight_count = count;
}

static int compare_sums(const void *left, const void *right)
{
	const struct fold_sum_row *a = *(const struct fold_sum_row *const *)left, *b = *(const struct fold_sum_row *const *)right;
	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

static void take_summed(const struct recording *recording, struct folds *folds, size_t *capacity)
{
	size_t count = recording->fold_sum_count, first = folds->total_count;
	const struct fold_sum_row **rows = base__alloc(count, sizeof(*rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = &recording->fold_sum[i];
	qsort(rows, count, sizeof(*rows), compare_sums);
	for (size_t i = 0; i < count; i++) {
		struct fold_total *total = total_of(folds, capacity, first, rows[i]->cgroup);
		folds->weights[folds->weight_count++] = take_sum(*rows[i], total);
		total->folds = rows[i]->folds;          // each row of the cgroup says the same
		total->foreign_folds = rows[i]->foreign_folds;
		total->longest_ns = rows[i]->longest_ns;
	}
	free(rows);
}

void folds__make(const struct recording *recording, struct folds *ret_folds)
{
	struct folds folds = { .weights = base__alloc(recording->fold_count + recording->fold_sum_count, sizeof(*folds.weights)) };
	size_t capacity = 0;
	take_listed(recording, &folds, &capacity);
	take_summed(recording, &folds, &capacity);
	folds.weight_count = merge_weights(folds.weights, folds.weight_count);
	folds.total_count = merge_totals(folds.totals, folds.total_count);
	*ret_folds = folds;
}

void folds__free(struct folds *folds)
{
	free(folds->weights);
	free(folds->totals);
	*folds = (struct folds){ 0 };
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
