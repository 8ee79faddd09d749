#include "ledger/pressures.h"

#include "base/base.h"
#include "ledger/balance.h"
#include "ledger/ledger.h"
#include "ledger/resources.h"

#include <string.h>

static int rank(const char *text, const char *const *order, int count)
{
	int position = 0;
	while (position < count && strcmp(text, order[position]) != 0)
		position++;
	return position;
}

static int compare_pressures(const void *left, const void *right)
{
	static const char *const resources[] = { "cpu", "memory", "io", "irq" }, *const kinds[] = { "some", "full" };
	const struct ledger_pressure *a = left, *b = right;
	if ((a->cgroup == 0) != (b->cgroup == 0))
		return a->cgroup == 0 ? -1 : 1;
	int order = strcmp(a->scope, b->scope);
	if (!order)
		order = rank(a->resource, resources, 4) - rank(b->resource, resources, 4);
	if (!order)
		order = strcmp(a->resource, b->resource);
	if (!order)
		order = rank(a->kind, kinds, 2) - rank(b->kind, kinds, 2);
	if (!order)
		order = strcmp(a->kind, b->kind);
	return order ? order : (a->cgroup > b->cgroup) - (a->cgroup < b->cgroup);
}

// The rows of the kernel's totals, without the books.
static void add_pressures(struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	const struct cgroup_row *cgroup = NULL;
	ledger->pressures = base__alloc(recording->pressure_count, sizeof(*ledger->pressures));
	for (size_t i = 0; i < recording->pressure_count; i++) {
		const struct pressure_row *row = &recording->pressure[i];
		// The rows of one cgroup follow each other.
		if (!cgroup || cgroup->id != row->cgroup)
			cgroup = row->cgroup ? recording__cgroup(recording, row->cgroup) : NULL;
		ledger->pressures[ledger->pressure_count++] = (struct ledger_pressure){
			.cgroup = row->cgroup, .scope = row->cgroup == 0 ? "system" : cgroup && cgroup->path ? cgroup->path : "?",
			.resource = row->resource ? row->resource : "?", .kind = row->kind ? row->kind : "?",
			.kernel_seconds = (double)row->kernel_ns / NS_PER_SEC, .counted_seconds = (double)row->kernel_ns / NS_PER_SEC,
		};
	}
	qsort(ledger->pressures, ledger->pressure_count, sizeof(*ledger->pressures), compare_pressures);
}

static int compare_places(const void *left, const void *right)
{
	const struct pressure_place *a = left, *b = right;
	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	return (a->counter > b->counter) - (a->counter < b->counter);
}

struct ledger_pressure *pressures__find(const struct pressure_index *index, int64_t cgroup, enum fold_counter counter)
{
	struct pressure_place wanted = { .cgroup = cgroup, .counter = counter };
	const struct pressure_place *found = index->count
		? bsearch(&wanted, index->places, index->count, sizeof(wanted), compare_places) : NULL;
	return found ? found->pressure : NULL;
}

// Booked are the rows whose folds were recorded; an older recording has books of CPU some only.
static void find_booked(struct ledger *ledger, struct pressure_index *ret_index)
{
	bool resources = ledger->recording->resource_book_count > 0 && folds__total(&ledger->folds, 0);
	struct pressure_index index = { base__alloc(ledger->pressure_count + 1, sizeof(*index.places)), 0 };
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		struct ledger_pressure *pressure = &ledger->pressures[i];
		enum fold_counter counter = fold_counter__find(pressure->resource, pressure->kind);
		const struct fold_total *total = folds__total(&ledger->folds, pressure->cgroup);
		if (counter == FOLD_COUNTERS)
			continue;
		pressure->booked = total && (counter == FOLD_CPU_SOME || resources);
		pressure->predicted_seconds = pressure->booked ? total->predicted_ns[counter] / NS_PER_SEC : 0;
		kernel_total__judge(ledger, total, pressure);
		index.places[index.count++] = (struct pressure_place){ pressure->cgroup, counter, pressure };
	}
	qsort(index.places, index.count, sizeof(*index.places), compare_places);
	*ret_index = index;
}

static void book_cpu(const struct ledger *ledger, const struct pressure_index *index)
{
	const struct recording *recording = ledger->recording;
	for (size_t i = 0; i < recording->book_count; i++) {
		const struct book_row *book = &recording->book[i];
		struct ledger_pressure *pressure = pressures__find(index, book->cgroup, FOLD_CPU_SOME);
		if (!pressure || !pressure->booked)
			continue;
		double factor = folds__factor(&ledger->folds, book->cgroup, book->cpu, FOLD_CPU_SOME) / NS_PER_SEC;
		pressure->victims_seconds += (double)book->victims_ns * factor;
		pressure->culprits_seconds += (double)book->culprits_ns * factor;
	}
}

void pressures__make(struct ledger *ledger, const struct ledger_pressure *no_pressure)
{
	struct pressure_index index;
	add_pressures(ledger);
	find_booked(ledger, &index);
	book_cpu(ledger, &index);
	resources__book(ledger, &index);
	for (size_t i = 0; i < index.count; i++)
		if (index.places[i].counter == FOLD_CPU_SOME && index.places[i].pressure->booked)
			balance__explain(index.places[i].pressure);
	ledger->cpu_some = pressures__find(&index, 0, FOLD_CPU_SOME);
	if (!ledger->cpu_some)
		ledger->cpu_some = no_pressure;
	free(index.places);
}
