#include "ledger/resources.h"

#include "base/base.h"
#include "ledger/balance.h"
#include "ledger/ledger.h"
#include "ledger/pressures.h"

#include <math.h>
#include <string.h>

// Where the same counters stand in a row of sleeps and in a row of shares.
static const struct { size_t sleep, share; } columns[FOLD_COUNTERS] = {
	[FOLD_IO_SOME] = { offsetof(struct sleep_row, io_some_ns), offsetof(struct pressure_share_row, some_ns) },
	[FOLD_IO_FULL] = { offsetof(struct sleep_row, io_full_ns), offsetof(struct pressure_share_row, full_ns) },
	[FOLD_MEMORY_SOME] = { offsetof(struct sleep_row, memory_some_ns), offsetof(struct pressure_share_row, some_ns) },
	[FOLD_MEMORY_FULL] = { offsetof(struct sleep_row, memory_full_ns), offsetof(struct pressure_share_row, full_ns) },
};

static int64_t at(const void *row, size_t offset)
{
	return *(const int64_t *)((const char *)row + offset);
}

// The part of what victims waited for of which it is known what it was.
static double named_part(const struct ledger *ledger, enum fold_counter counter)
{
	const struct recording *recording = ledger->recording;
	const char *resource = fold_counter__resource(counter);
	double named = 0, slept = 0, all = 0;
	for (size_t i = 0; i < ledger->sleeps.count; i++) {
		double ns = (double)at(ledger->sleeps.sleeps[i].row, columns[counter].sleep);
		slept += ns;
		named += ledger->sleeps.sleeps[i].named ? ns : 0;
	}
	for (size_t i = 0; i < recording->pressure_share_count; i++) {
		const struct pressure_share_row *share = &recording->pressure_share[i];
		if (share->resource && !strcmp(share->resource, resource))
			all += (double)at(share, columns[counter].share);
	}
	// Memory: what is in no sleep passed while the task ran, or waited for a CPU, inside the section: it freed memory itself.
	if (!strcmp(resource, "memory"))
		named += all > slept ? all - slept : 0;
	double most = all > slept ? all : slept;
	return most > 0 ? named / most : 1;
}

static void book_victims(const struct ledger *ledger, const struct pressure_index *index)
{
	const struct recording *recording = ledger->recording;
	for (size_t i = 0; i < recording->resource_book_count; i++) {
		const struct resource_book_row *row = &recording->resource_book[i];
		enum fold_counter counter = fold_counter__find(row->resource, row->kind);
		struct ledger_pressure *pressure = pressures__find(index, row->cgroup, counter);
		if (pressure && pressure->booked && counter != FOLD_CPU_SOME)
			pressure->victims_seconds += (double)row->victims_ns / NS_PER_SEC * folds__factor(&ledger->folds, row->cgroup, row->cpu, counter);
	}
}

void resources__book(const struct ledger *ledger, const struct pressure_index *index)
{
	double named[FOLD_COUNTERS] = { 0 };
	for (enum fold_counter counter = FOLD_CPU_SOME + 1; counter < FOLD_COUNTERS; counter++)
		named[counter] = named_part(ledger, counter);
	book_victims(ledger, index);
	for (size_t i = 0; i < index->count; i++) {
		struct ledger_pressure *pressure = index->places[i].pressure;
		if (!pressure->booked || index->places[i].counter == FOLD_CPU_SOME)
			continue;
		pressure->culprits_seconds = pressure->victims_seconds * named[index->places[i].counter];
		balance__explain(pressure);
		// Both sides are booked from the same sleeps: what has an occupant has a victim, too.
		double whole = fmax(pressure->kernel_seconds, pressure->predicted_seconds);
		if (whole > 0)
			pressure->explained = pressure->culprits_seconds / whole;
	}
}

double resources__scale(const struct ledger *ledger, const char *resource, const char *kind)
{
	enum fold_counter counter = fold_counter__find(resource, kind);
	const struct fold_total *total = counter < FOLD_COUNTERS ? folds__total(&ledger->folds, 0) : NULL;
	return total && total->metered_ns[counter] > 0 ? total->predicted_ns[counter] / total->metered_ns[counter] : 1;
}
