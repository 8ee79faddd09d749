#include "collect/lights.h"

#include <search.h>
#include <stdlib.h>

#include "base/base.h"

static void list_row(const void *node, VISIT visit, void *closure)
{
	struct lights *lights = closure;

	if (visit != postorder && visit != leaf)
		return;
	void *row = *(void *const *)node;
	lights->all[lights->count] = (struct light){ *(const int64_t *)((const char *)row + lights->weight_offset), lights->count, row };
	lights->count++;
}

static int compare_lights(const void *a, const void *b)
{
	const struct light *left = a, *right = b;

	if (left->ns != right->ns)
		return left->ns < right->ns ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

struct lights lights__of(const void *tree, size_t count, size_t weight_offset)
{
	struct lights lights = { base__alloc(count, sizeof(*lights.all)), 0, weight_offset };

	twalk_r(tree, list_row, &lights);
	qsort(lights.all, lights.count, sizeof(*lights.all), compare_lights);
	return lights;
}
