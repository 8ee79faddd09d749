#include "ledger/attribution.h"

#include "base/base.h"
#include "ledger/cpu_causes.h"
#include "ledger/ledger.h"
#include "ledger/resource_causes.h"
#include "ledger/slices.h"

#include <math.h>
#include <string.h>

static bool is_full(const struct ledger_pressure *pressure)
{
	return !strcmp(pressure->kind, "full");
}

static const char *path_of(const struct recording *recording, int64_t process)
{
	const struct process_row *row = process ? recording__process(recording, process) : NULL;
	return row ? row->cgroup : NULL;
}

static bool is_within(const char *path, const char *cgroup)
{
	size_t length = strlen(cgroup);
	if (!strcmp(cgroup, "/"))
		return true;
	return path && !strncmp(path, cgroup, length) && (!path[length] || path[length] == '/');
}

// Sums by cause, in CPU seconds before folding; of a cgroup's memory and I/O rows only those who waited below it.
static void sum_items(const struct ledger *ledger, const struct ledger_pressure *pressure, const struct attributed_list *list, double *ret_ns)
{
	bool all = pressure->cgroup == 0 || !strcmp(pressure->resource, "cpu");
	for (size_t i = 0; i < list->count; i++) {
		const struct attributed *item = &list->items[i];
		if (all || is_within(path_of(ledger->recording, item->victim), pressure->scope))
			ret_ns[item->cause] += is_full(pressure) ? item->full_ns : item->some_ns;
	}
}

// Seconds of the explained part by cause: what is booked weighs alike in the row's total.
static void fill_row(const struct ledger *ledger, const struct attributed_list *list, struct attribution *row)
{
	const struct ledger_pressure *pressure = row->pressure;
	double ns[CAUSE_KEYS] = { 0 }, sum = 0, explained = fmin(1, pressure->explained) * pressure->counted_seconds;
	sum_items(ledger, pressure, list, ns);
	for (int cause = 0; cause < CAUSE_KEYS; cause++)
		sum += ns[cause];
	for (int cause = 0; cause < CAUSE_KEYS; cause++) {
		struct cause_part *part = &row->parts[cause];
		part->seconds = sum > 0 ? explained * ns[cause] / sum : cause == CAUSE_NONE ? explained : 0;
		part->share = pressure->counted_seconds > 0 ? part->seconds / pressure->counted_seconds : 0;
		part->low = part->high = part->share;
	}
}

static void make_row(const struct ledger *ledger, const struct scene *scene, struct attributions *attributions, struct attribution *row)
{
	const struct ledger_pressure *pressure = row->pressure;
	if (pressure->cgroup && !strcmp(pressure->resource, "cpu")) {
		struct attributed_list own = { 0 };
		cpu_causes__add_group(ledger, scene, pressure->cgroup, pressure->scope, &own);
		fill_row(ledger, &own, row);
		free(own.items);
		return;
	}
	fill_row(ledger, attributions__items(attributions, pressure->resource), row);
	if (!pressure->cgroup && !is_full(pressure))
		slices__bound(ledger, attributions__items(attributions, pressure->resource), row);
}

struct attributions *attributions__make(const struct ledger *ledger, const struct scene *scene)
{
	struct attributions *attributions = base__alloc(1, sizeof(*attributions));
	attributions->rows = base__alloc(ledger->pressure_count + 1, sizeof(*attributions->rows));
	cpu_causes__add(ledger, scene, &attributions->cpu);
	resource_causes__add(ledger, scene, "memory", &attributions->memory);
	resource_causes__add(ledger, scene, "io", &attributions->io);
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		if (!ledger->pressures[i].booked)
			continue;
		struct attribution *row = &attributions->rows[attributions->count++];
		row->pressure = &ledger->pressures[i];
		make_row(ledger, scene, attributions, row);
	}
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
	for (size_t i = 0; i < attributions->count; i++)
		if (attributions->rows[i].pressure == pressure)
			return &attributions->rows[i];
	return NULL;
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
