#include "ledger/slices.h"

#include "base/base.h"
#include "ledger/ledger.h"

#include <math.h>
#include <string.h>

#define SLICES_LEAST 3

// The parts of one occupant's (or waiter's) time by cause.
struct parts { int64_t kind, process; double ns[CAUSE_KEYS], sum; };
struct slice { int64_t number; double ns[CAUSE_KEYS], sum; };

static int compare_parts(const void *left, const void *right)
{
	const struct parts *a = left, *b = right;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->process > b->process) - (a->process < b->process);
}

// Whose slices are kept: the occupant of a CPU, the waiter of other resources.
static struct parts key_of(const struct attributed *item, bool cpu)
{
	return cpu ? (struct parts){ .kind = item->kind, .process = item->culprit } : (struct parts){ .kind = OCCUPANT_TASK, .process = item->victim };
}

static struct parts *gather_parts(const struct attributed_list *items, bool cpu, size_t *ret_count)
{
	struct parts *parts = base__alloc(items->count + 1, sizeof(*parts));
	size_t kept = 0;
	for (size_t i = 0; i < items->count; i++) {
		parts[i] = key_of(&items->items[i], cpu);
		parts[i].ns[items->items[i].cause] = parts[i].sum = items->items[i].some_ns;
	}
	qsort(parts, items->count, sizeof(*parts), compare_parts);
	for (size_t i = 0; i < items->count; i++) {
		if (!kept || compare_parts(&parts[kept - 1], &parts[i])) {
			parts[kept++] = parts[i];
			continue;
		}
		parts[kept - 1].sum += parts[i].sum;
		for (int cause = 0; cause < CAUSE_KEYS; cause++)
			parts[kept - 1].ns[cause] += parts[i].ns[cause];
	}
	*ret_count = kept;
	return parts;
}

static void add_row(struct slice *slice, const struct slice_row *row, const struct parts *parts, size_t count)
{
	struct parts wanted = { .kind = row->kind, .process = row->process };
	const struct parts *found = count ? bsearch(&wanted, parts, count, sizeof(*parts), compare_parts) : NULL;
	double ns = (double)row->pressure_ns;
	// What is nobody's (many small ones) tells nothing of shares.
	if (!found || found->sum <= 0)
		return;
	slice->sum += ns;
	for (int cause = 0; cause < CAUSE_KEYS; cause++)
		slice->ns[cause] += ns * found->ns[cause] / found->sum;
}

static struct slice *gather_slices(const struct recording *recording, const char *resource, const struct parts *parts, size_t part_count,
				   size_t *ret_count)
{
	struct slice *slices = base__alloc(recording->slice_count + 1, sizeof(*slices));
	size_t count = 0, kept = 0;
	for (size_t i = 0; i < recording->slice_count; i++) {
		const struct slice_row *row = &recording->slice[i];
		if (!row->resource || strcmp(row->resource, resource))
			continue;
		// The rows of a slice stand together.
		if (!count || slices[count - 1].number != row->number)
			slices[count++].number = row->number;
		add_row(&slices[count - 1], row, parts, part_count);
	}
	for (size_t i = 0; i < count; i++)
		if (slices[i].sum > 0)
			slices[kept++] = slices[i];
	*ret_count = kept;
	return slices;
}

// Student's t for a two-sided interval of 90 %, by degrees of freedom (2 and more).
static double student_t(size_t freedom)
{
	static const double table[] = { 0, 0, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833, 1.812 };
	return freedom < ARRAY_SIZE(table) ? table[freedom] : 1.645 * (1 + 1 / (double)freedom);
}

static double deviation(const struct slice *slices, size_t count, int cause)
{
	double time = 0, sum = 0, squares = 0;
	for (size_t i = 0; i < count; i++) {
		time += slices[i].ns[cause];
		sum += slices[i].sum;
	}
	for (size_t i = 0; i < count; i++)
		squares += pow(slices[i].ns[cause] - time / sum * slices[i].sum, 2);
	return sqrt((double)count / (double)(count - 1) * squares) / sum;
}

void slices__bound(const struct ledger *ledger, const struct attributed_list *items, struct attribution *row)
{
	const char *resource = row->pressure->resource;
	size_t part_count, count;
	cleanup_free struct parts *parts = gather_parts(items, !strcmp(resource, "cpu"), &part_count);
	cleanup_free struct slice *slices = gather_slices(ledger->recording, resource, parts, part_count, &count);
	double explained = fmin(1, row->pressure->explained);
	for (int cause = 0; count >= SLICES_LEAST && cause < CAUSE_KEYS; cause++) {
		struct cause_part *part = &row->parts[cause];
		double half = student_t(count - 1) * deviation(slices, count, cause) * explained;
		part->low = fmax(0, part->share - half);
		part->high = fmin(explained, part->share + half);
	}
}
