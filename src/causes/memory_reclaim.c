// Allocations free memory of the machine before they get any.
#include "causes/judged.h"
#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

static double part(const struct memory_process *process, enum memory_reason reason, void *context)
{
	(void)process, (void)context;
	return reason == MEMORY_FOR_MACHINE;
}

static void add_kernel_evidence(const struct memory_case *one, struct verdict *verdict)
{
	static const struct { const char *what, *prefix; } counters[] = {
		{ "allocations that had to free memory first", "allocstall_" }, { "pages that they looked at", "pgscan_direct" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		verdict__add_evidence(verdict, counters[i].what,
				      (double)kernel_counter__growth_of(one->scene->ledger->recording, "vmstat", counters[i].prefix), UNIT("times"), NAN,
				      "/proc/vmstat");
}

static void summarize(const struct scene *scene, struct verdict *verdict)
{
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	double worst = verdict->victim_count ? verdict->victims[0].loss : 0;
	if (verdict->culprit_count)
		verdict__set_summary(verdict, "memory is short: %s had to free some before getting any for %s of the time; taken by %s", victims,
				     wording__percent(worst).text, culprits);
	else
		verdict__set_summary(verdict, "memory is short: %s had to free some before getting any for %s of the time; nobody was seen to take much of it in "
				     "this window", victims, wording__percent(worst).text);
}

static void accuse(const struct memory_case *one, struct verdict *verdict)
{
	memory_takers__accuse(one, one->hurt_ns, verdict);
	verdict__add_resource(verdict, RESOURCE_MEMORY, "machine", one->hurt_ns);
	verdict__settle_parties(verdict, one->scene->ledger->window_seconds);
	summarize(one->scene, verdict);
	verdict__add_check(verdict, "both grow", "grep -E 'allocstall|pgscan_direct ' /proc/vmstat; sleep 5; grep -E 'allocstall|pgscan_direct ' /proc/vmstat");
	verdict__add_check(verdict, "MemAvailable is a few percent of MemTotal", "grep -E 'MemTotal|MemFree|MemAvailable' /proc/meminfo");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct memory_cause cause = {
		.part = part, .what = "time in direct reclaim", .add_evidence = add_kernel_evidence, .accuse = accuse,
		.little = "allocations freed memory of the machine", .nobody = "no allocation had to free memory of the machine first",
	};
	memory_case__judge(scene, &cause, verdict);
}

const struct cause memory_reclaim = {
	.id = "memory.reclaim", .title = "allocations wait for reclaim", .counted_by_pressure = PRESSURE_MEMORY,
	.claim = "tasks that allocate memory must free some of the machine's first", .decisive = "time in direct reclaim by process",
	.by_hand = "allocstall_* and pgscan_direct in /proc/vmstat",
	.helps = "what keeps more memory free in reserve (watermark_scale_factor, min_free_kbytes), limits for those who take it, more RAM",
	.judge = judge,
	.account = ACCOUNT_MEMORY,
};
