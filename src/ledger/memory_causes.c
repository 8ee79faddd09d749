// The causes of memory pressure: table in docs/figures.md.
#include "ledger/resource_private.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

enum cause_key memory_causes__of_thread(const struct process_row *process)
{
	if (!process->kernel_thread || !process->name)
		return CAUSE_NONE;
	if (!strncmp(process->name, "kswapd", 6))
		return CAUSE_MEMORY_KSWAPD;
	return !strncmp(process->name, "kcompactd", 9) || !strcmp(process->name, "khugepaged") ? CAUSE_MEMORY_COMPACTION : CAUSE_NONE;
}

void memory_causes__book_refault(struct booking *booking, struct share share)
{
	struct reread_part why = rereads__reason(booking->facts->rereads, booking->process);
	booking__add(booking, CAUSE_MEMORY_LIMIT, OCCUPANT_QUOTA, 0, share__part(share, why.limit));
	booking__add_process(booking, CAUSE_MEMORY_THRASH, 0, share__part(share, why.scarce));
}

static void book_reason(struct booking *booking, enum memory_reason reason, struct share share)
{
	switch (reason) {
	case MEMORY_FOR_MACHINE: booking__add_process(booking, CAUSE_MEMORY_RECLAIM, 0, share); break;
	case MEMORY_FOR_LIMIT:
	case MEMORY_OVER_HIGH: booking__add(booking, CAUSE_MEMORY_LIMIT, OCCUPANT_QUOTA, 0, share); break;
	case MEMORY_REFAULT: memory_causes__book_refault(booking, share); break;
	case MEMORY_COMPACTING: booking__add_process(booking, CAUSE_MEMORY_COMPACTION, 0, share); break;
	default: break;
	}
}

static const struct memory_process *memory_of(const struct booking *booking)
{
	const struct ledger_memory *memory = booking->facts->memory;
	size_t place = memory->places[booking->process];
	return place ? &memory->processes[place - 1] : NULL;
}

// Divides by the time of the sections that the process was in: `asleep`, or on a CPU and waiting for one. What passed in none of them is not attributed.
static void book_sections(struct booking *booking, bool asleep, struct share share)
{
	const struct memory_process *process = memory_of(booking);
	double ns[MEMORY_REASONS] = { 0 }, all = 0;
	for (int reason = 0; process && reason < MEMORY_REASONS; reason++) {
		const struct memory_wait *wait = &process->by_reason[reason];
		double awake_ns = wait->running_ns + wait->queued_ns;
		// Sleeps of the last two have rows of their own.
		bool bracketed = reason != MEMORY_REFAULT && reason != MEMORY_OVER_HIGH;
		ns[reason] = !asleep ? awake_ns : bracketed ? fmax(0, wait->ns - awake_ns) : 0;
		all += ns[reason];
	}
	for (int reason = 0; all > 0 && reason < MEMORY_REASONS; reason++)
		book_reason(booking, (enum memory_reason)reason, share__part(share, ns[reason] / all));
	if (all <= 0)
		booking__add_process(booking, CAUSE_NONE, 0, share);
}

void memory_causes__book(struct booking *booking, const struct ledger_sleep *sleep, struct share share)
{
	switch (sleep->class) {
	case SLEEP_REFAULT:
	case SLEEP_SWAP_IN:
	case SLEEP_PAGE_READ: memory_causes__book_refault(booking, share); break;
	case SLEEP_RECLAIM: book_reason(booking, MEMORY_FOR_MACHINE, share); break;
	case SLEEP_MEMORY_LIMIT: book_reason(booking, MEMORY_FOR_LIMIT, share); break;
	case SLEEP_COMPACTION: book_reason(booking, MEMORY_COMPACTING, share); break;
	default: book_sections(booking, true, share); break;
	}
}

void memory_causes__book_awake(struct booking *booking, struct share share)
{
	book_sections(booking, false, share);
}
