#include "ledger/slices.h"

#include "base/base.h"
#include "ledger/ledger.h"

#include <math.h>
#include <string.h>

#define SLICES_LEAST 3

struct slice { int64_t number; double ns[CAUSE_KEYS], sum; };

// One item of the books by whose slices are kept: the occupant of a CPU, the waiter of other resources.
struct item { int64_t kind, process; size_t index; };
// The items of all causes, those of one occupant (or waiter) side by side, each in the order of the list.
struct items { const struct attributed_list *list; struct item *sorted; size_t count; };

static int compare_owners(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->process > b->process) - (a->process < b->process);
}

static int compare_items(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	int order = compare_owners(a, b);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

static struct items sort_items(const struct attributed_list *list, bool cpu)
{
	struct items items = { list, base__alloc(list->count + 1, sizeof(*items.sorted)), list->count };
	for (size_t i = 0; i < list->count; i++) {
		const struct attributed *item = &list->items[i];
		items.sorted[i] = cpu ? (struct item){ item->kind, item->culprit, i } : (struct item){ OCCUPANT_TASK, item->victim, i };
	}
	qsort(items.sorted, items.count, sizeof(*items.sorted), compare_items);
	return items;
}

// The first item of an occupant; items->count if it has none.
static size_t first_of(const struct items *items, const struct item *owner)
{
	size_t low = 0, high = items->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_owners(&items->sorted[middle], owner) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// What an occupant did in a slice is parted among the causes as all that it did.
static void add_row(struct slice *slice, const struct slice_row *row, const struct items *items)
{
	struct item owner = { .kind = row->kind, .process = row->process };
	double parts[CAUSE_KEYS] = { 0 }, sum = 0, ns = (double)row->pressure_ns;
	for (size_t i = first_of(items, &owner); i < items->count && !compare_owners(&items->sorted[i], &owner); i++) {
		const struct attributed *item = &items->list->items[items->sorted[i].index];
		parts[item->cause] += item->some_ns;
		sum += item->some_ns;
	}
	// What is nobody's (many small ones) tells nothing of shares.
	if (sum <= 0)
		return;
	slice->sum += ns;
	for (int cause = 0; cause < CAUSE_KEYS; cause++)
		slice->ns[cause] += ns * parts[cause] / sum;
}

static struct slice *gather_slices(const struct recording *recording, const char *resource, const struct items *items, size_t *ret_count)
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
		add_row(&slices[count - 1], row, items);
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
	size_t count;
	struct items sorted = sort_items(items, !strcmp(resource, "cpu"));
	cleanup_free struct slice *slices = gather_slices(ledger->recording, resource, &sorted, &count);
	free(sorted.sorted);
	double explained = fmin(1, row->pressure->explained);
	for (int cause = 0; count >= SLICES_LEAST && cause < CAUSE_KEYS; cause++) {
		struct cause_part *part = &row->parts[cause];
		double half = student_t(count - 1) * deviation(slices, count, cause) * explained;
		part->low = fmax(0, part->share - half);
		part->high = fmin(explained, part->share + half);
	}
}
