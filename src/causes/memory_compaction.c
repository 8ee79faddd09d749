// Who wants large pages moves others' about first.
#include "causes/judged.h"
#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double part(const struct memory_process *process, enum memory_reason reason, void *context)
{
	(void)process, (void)context;
	return reason == MEMORY_COMPACTING;
}

#define ORDER_HUGE 9    // of a page of 2 MiB made of pages of 4 KiB: transparent huge pages

// The time in compaction by what was wanted.
static void divide_orders(const struct ledger *ledger, double *ret_huge_ns, double *ret_other_ns)
{
	const struct activity_rows *rows = &ledger->activity.of[ACTIVITY_COMPACTION];
	for (size_t i = 0; i < rows->count; i++)
		if (!strncmp(rows->rows[i]->key, "order ", 6))
			*(atoi(rows->rows[i]->key + 6) >= ORDER_HUGE ? ret_huge_ns : ret_other_ns) += (double)rows->rows[i]->ns;
}

// Nobody can be blamed for fragments: what wants large pieces is accused, as a part of the kernel.
static bool add_culprits(const struct memory_case *one, struct verdict *verdict)
{
	const struct recording *recording = one->scene->ledger->recording;
	const char *defrag = recording__meta(recording, "thp_defrag"), *enabled = recording__meta(recording, "thp_enabled");
	double huge = 0, other = 0;
	divide_orders(one->scene->ledger, &huge, &other);
	double all = huge + other;
	if (all <= 0)
		return false;
	if (huge >= threshold__value(THRESHOLD_MEMORY_TAKEN_SHARE) * all) {
		struct party *party = verdict__add_other_culprit(verdict, PARTY_KERNEL, "transparent huge pages", NULL, one->hurt_ns * huge / all);
		party->part = KERNEL_PART_HUGE_PAGES;
		if (defrag && enabled)
			party__set_note(party, "enabled = %s, defrag = %s", enabled, defrag);
	}
	if (other >= threshold__value(THRESHOLD_MEMORY_TAKEN_SHARE) * all)
		verdict__add_other_culprit(verdict, PARTY_KERNEL, "allocations of several pages in one piece", NULL, one->hurt_ns * other / all);
	return huge >= other;
}

static void add_kernel_evidence(const struct memory_case *one, struct verdict *verdict)
{
	static const struct { const char *what, *name; } counters[] = {
		{ "allocations that had to compact first", "compact_stall" }, { "of these, in vain", "compact_fail" },
		{ "huge pages given at page faults", "thp_fault_alloc" }, { "page faults that wanted one and got a small page", "thp_fault_fallback" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		int64_t growth = kernel_counter__growth(one->scene->ledger->recording, "vmstat", "", counters[i].name);
		if (growth >= 0)
			verdict__add_evidence(verdict, counters[i].what, (double)growth, UNIT("times"), NAN, "/proc/vmstat");
	}
}

static void accuse(const struct memory_case *one, struct verdict *verdict)
{
	bool huge = add_culprits(one, verdict);
	verdict__settle_parties(verdict, one->scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(one->scene->ledger, verdict->victims, verdict->victim_count, 2);
	verdict__set_summary(verdict, "%s moved pages about for %s of the time to get %s", victims, wording__percent(verdict->victims[0].loss).text,
			     huge ? "huge pages" : "several pages in one piece");
	verdict__add_check(verdict, "compact_stall grows", "grep -E 'compact_stall|compact_fail|thp_fault' /proc/vmstat; sleep 5; "
			   "grep -E 'compact_stall|compact_fail|thp_fault' /proc/vmstat");
	verdict__add_check(verdict, "few free pieces in the columns to the right", "cat /proc/buddyinfo");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct memory_cause cause = {
		.part = part, .probe = "probe.memory.compaction", .what = "time in direct compaction", .add_evidence = add_kernel_evidence, .accuse = accuse,
		.little = "allocations compacted memory", .nobody = "no allocation had to compact memory",
	};
	memory_case__judge(scene, &cause, verdict);
}

const struct cause memory_compaction = {
	.id = "memory.compaction", .title = "compaction holds allocations up", .counted_by_pressure = PRESSURE_MEMORY,
	.claim = "allocating huge pages makes tasks compact memory", .decisive = "time in direct compaction by caller",
	.by_hand = "compact_stall and thp_fault_alloc in /proc/vmstat",
	.helps = "transparent_hugepage/defrag = defer+madvise (fewer huge pages at first), more free memory",
	.judge = judge,
	.account = ACCOUNT_MEMORY,
};
