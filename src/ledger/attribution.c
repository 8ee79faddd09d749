#include "ledger/attribution.h"

#include "base/base.h"
#include "ledger/cpu_causes.h"
#include "ledger/ledger.h"
#include "ledger/path_order.h"
#include "ledger/resource_causes.h"
#include "ledger/slices.h"

#include <math.h>
#include <string.h>

static bool is_full(const struct ledger_pressure *pressure)
{
	return !strcmp(pressure->kind, "full");
}

// The items of a list by their victims' cgroups.
struct victims { const struct recording *recording; const struct attributed_list *list; };

static const char *path_of_victim(const void *context, size_t index)
{
	const struct victims *victims = context;
	int64_t victim = victims->list->items[index].victim;
	const struct process_row *row = victim ? recording__process(victims->recording, victim) : NULL;
	return row ? row->cgroup : NULL;
}

static struct path_order order_victims(const struct recording *recording, const struct attributed_list *list)
{
	struct victims victims = { recording, list };
	return path_order__make(list->count, path_of_victim, &victims);
}

static void sum_item(const struct ledger_pressure *pressure, const struct attributed *item, double *ret_ns)
{
	ret_ns[item->cause] += is_full(pressure) ? item->full_ns : item->some_ns;
}

// Sums by cause, in CPU seconds before folding; of a cgroup's memory and I/O rows (order not NULL) only those who waited below it.
static void sum_items(const struct ledger_pressure *pressure, const struct attributed_list *list, const struct path_order *order, double *ret_ns)
{
	size_t first = 0, end = order ? path_order__below(order, pressure->scope, &first) : list->count;
	for (size_t i = first; i < end; i++)
		sum_item(pressure, &list->items[order ? order->places[i].index : i], ret_ns);
}

// Seconds of the explained part by cause: what is booked weighs alike in the row's total.
static void fill_row(const struct attributed_list *list, const struct path_order *order, struct attribution *row)
{
	const struct ledger_pressure *pressure = row->pressure;
	double ns[CAUSE_KEYS] = { 0 }, sum = 0, explained = fmin(1, pressure->explained) * pressure->counted_seconds;
	sum_items(pressure, list, order, ns);
	for (int cause = 0; cause < CAUSE_KEYS; cause++)
		sum += ns[cause];
	for (int cause = 0; cause < CAUSE_KEYS; cause++) {
		struct cause_part *part = &row->parts[cause];
		part->seconds = sum > 0 ? explained * ns[cause] / sum : cause == CAUSE_NONE ? explained : 0;
		part->share = pressure->counted_seconds > 0 ? part->seconds / pressure->counted_seconds : 0;
		part->low = part->high = part->share;
	}
}

// What finds a cgroup's part of the books.
struct groups { struct cpu_group_causes *cpu; struct path_order memory, io; };

static void make_group_row(const struct attributions *attributions, struct groups *groups, struct attribution *row)
{
	const struct ledger_pressure *pressure = row->pressure;
	struct attributed_list own = { 0 };
	if (strcmp(pressure->resource, "cpu")) {
		fill_row(attributions__items(attributions, pressure->resource), !strcmp(pressure->resource, "io") ? &groups->io : &groups->memory, row);
		return;
	}
	cpu_group_causes__add(groups->cpu, pressure->cgroup, pressure->scope, &own);
	fill_row(&own, NULL, row);
	free(own.items);
}

static void make_row(const struct ledger *ledger, const struct attributions *attributions, struct groups *groups, struct attribution *row)
{
	const struct ledger_pressure *pressure = row->pressure;
	if (pressure->cgroup) {
		make_group_row(attributions, groups, row);
		return;
	}
	fill_row(attributions__items(attributions, pressure->resource), NULL, row);
	if (!is_full(pressure))
		slices__bound(ledger, attributions__items(attributions, pressure->resource), row);
}

struct attributions *attributions__make(const struct ledger *ledger, const struct scene *scene)
{
	struct attributions *attributions = base__alloc(1, sizeof(*attributions));
	attributions->rows = base__alloc(ledger->pressure_count + 1, sizeof(*attributions->rows));
	cpu_causes__add(ledger, scene, &attributions->cpu);
	resource_causes__add(ledger, scene, "memory", &attributions->memory);
	resource_causes__add(ledger, scene, "io", &attributions->io);
	struct groups groups = { cpu_group_causes__new(scene), order_victims(ledger->recording, &attributions->memory),
				 order_victims(ledger->recording, &attributions->io) };
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		if (!ledger->pressures[i].booked)
			continue;
		struct attribution *row = &attributions->rows[attributions->count++];
		row->pressure = &ledger->pressures[i];
		make_row(ledger, attributions, &groups, row);
	}
	cpu_group_causes__free(groups.cpu);
	path_order__free(&groups.memory);
	path_order__free(&groups.io);
	return attributions;
}

void attributions__free(struct attributions *attributions)
{
	if (!attributions)
		return;
	free(attributions->rows);
	free(attributions->cpu.items);
	free(attributions->memory.items);
	free(attributions->io.items);
	free(attributions);
}

const struct attributed_list *attributions__items(const struct attributions *attributions, const char *resource)
{
	return !strcmp(resource, "cpu") ? &attributions->cpu : !strcmp(resource, "io") ? &attributions->io : &attributions->memory;
}

const struct attribution *attributions__of(const struct attributions *attributions, const struct ledger_pressure *pressure)
{
	size_t low = 0, high = attributions->count;             // in the order of ledger->pressures
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (attributions->rows[middle].pressure < pressure)
			low = middle + 1;
		else
			high = middle;
	}
	return low < attributions->count && attributions->rows[low].pressure == pressure ? &attributions->rows[low] : NULL;
}

const struct attribution *attributions__system(const struct attributions *attributions, const char *resource)
{
	for (size_t i = 0; i < attributions->count; i++) {
		const struct ledger_pressure *pressure = attributions->rows[i].pressure;
		if (!pressure->cgroup && !strcmp(pressure->resource, resource) && !is_full(pressure))
			return &attributions->rows[i];
	}
	return NULL;
}
