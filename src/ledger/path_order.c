#include "ledger/path_order.h"

#include "base/base.h"

#include <string.h>

// The slash comes before all other characters: "/a/b" stands right behind "/a", not behind "/a-b".
static int weight_of(char character)
{
	return character == '/' ? 1 : character ? 2 + (unsigned char)character : 0;
}

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return weight_of(*a) - weight_of(*b);
}

static int compare_places(const void *left, const void *right)
{
	const struct path_place *a = left, *b = right;
	if (!a->path || !b->path)
		return a->path ? 1 : b->path ? -1 : (a->index > b->index) - (a->index < b->index);
	int order = compare_paths(a->path, b->path);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

struct path_order path_order__make(size_t count, path_order_fn *path_of, const void *context)
{
	struct path_order order = { base__alloc(count + 1, sizeof(*order.places)), count };
	for (size_t i = 0; i < count; i++)
		order.places[i] = (struct path_place){ path_of(context, i), i };
	qsort(order.places, count, sizeof(*order.places), compare_places);
	return order;
}

void path_order__free(struct path_order *order)
{
	free(order->places);
	*order = (struct path_order){ 0 };
}

// Below 0: the path stands before the cgroup and all below it; 0: in it or below it; above 0: after them.
static int compare_with(const char *path, const char *cgroup)
{
	size_t length = strlen(cgroup);
	if (!path)
		return -1;
	if (!strncmp(path, cgroup, length) && (!path[length] || path[length] == '/'))
		return 0;
	return compare_paths(path, cgroup);
}

// The first place that is not before the cgroup, or (`behind`) the first one after all below it.
static size_t bound(const struct path_order *order, const char *cgroup, int behind)
{
	size_t low = 0, high = order->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_with(order->places[middle].path, cgroup) < behind)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t path_order__below(const struct path_order *order, const char *cgroup, size_t *ret_first)
{
	if (!strcmp(cgroup, "/")) {
		*ret_first = 0;
		return order->count;
	}
	*ret_first = bound(order, cgroup, 0);
	return bound(order, cgroup, 1);
}
