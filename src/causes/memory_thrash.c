// Pages are read back that were dropped or swapped out a moment ago: the working sets do not fit.
#include "causes/judged.h"
#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

// How much of a cgroup's (or the machine's) reclaim only made room for pages that came back.
struct churn { const struct ledger_memory *memory; const struct recording *recording; double machine; };

static double machine_churn(const struct recording *recording, const struct ledger_memory *memory)
{
	double refaults = (double)kernel_counter__growth_of(recording, "vmstat", "workingset_refault_"), freed = 0;
	// The machine's own: without the pages that were freed for limits, and without those that came back to limited cgroups.
	for (size_t i = 0; i < memory->group_count; i++)
		if (memory->groups[i].limit_pages > 0)
			refaults -= (double)memory->groups[i].refaults;
	// Not pgsteal_direct: on 7.2 it holds what was freed for limits.
	for (size_t i = 0; i < memory->count; i++)
		freed += (double)memory->processes[i].by_reason[MEMORY_FOR_MACHINE].pages;
	freed += (double)fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pgsteal_kswapd"));
	return freed > 0 ? fmax(0, fmin(1, refaults / freed)) : 0;
}

// Of a process that frees pages for its cgroup: how many of them had to come back. By its own faults, or by the cgroup's refaults.
static double limit_churn(const struct memory_process *process)
{
	const struct memory_wait *wait = &process->by_reason[MEMORY_FOR_LIMIT];
	return wait->pages > 0 ? fmin(1, (double)process->major_faults / (double)wait->pages) : 0;
}

static double part(const struct memory_process *process, enum memory_reason reason, void *context)
{
	const struct churn *churn = context;
	switch (reason) {
	case MEMORY_REFAULT:
		return 1;
	case MEMORY_FOR_LIMIT:
		return limit_churn(process);
	case MEMORY_FOR_MACHINE:
		return churn->machine;
	default:
		return 0;
	}
}

// Accused are those who bring most of the pages back: their working sets are what does not fit.
static void add_culprits(const struct memory_case *one, struct verdict *verdict)
{
	const struct scene *scene = one->scene;
	cleanup_free double *faults = base__alloc(scene->crowd_count + 1, sizeof(*faults));
	cleanup_free double *held = base__alloc(scene->crowd_count + 1, sizeof(*held));
	double all = 0;
	for (size_t i = 0; i < one->memory->count; i++) {
		const struct memory_process *process = &one->memory->processes[i];
		faults[scene->crowd_of[process->index]] += (double)process->major_faults;
		held[scene->crowd_of[process->index]] += (double)process->held_bytes;
		all += (double)process->major_faults;
	}
	for (size_t i = 0; i < scene->crowd_count; i++) {
		if (faults[i] <= 0 || faults[i] < threshold__value(THRESHOLD_MEMORY_TAKEN_SHARE) * all || scene->crowds[i].tool)
			continue;
		struct party *party = verdict__add_culprit(verdict, &scene->crowds[i], one->hurt_ns * faults[i] / all);
		party->own_seconds = one->losses[i].hurt ? fmin(party->seconds, one->losses[i].stall_ns / NS_PER_SEC) : 0;
		party__set_note(party, "brought %s pages back that had been dropped or swapped out; holds %s of memory of its own, swapped or not",
				wording__count(faults[i]).text, memory__bytes(held[i]).text);
	}
}

static bool is_victim(const struct memory_case *one, const struct memory_process *process)
{
	return one->losses[one->scene->crowd_of[process->index]].hurt;
}

// What the waiting went through: the memory of the machine or of a cgroup, and the devices that pages came back from.
static void add_resources(const struct memory_case *one, double machine, struct verdict *verdict)
{
	const struct ledger *ledger = one->scene->ledger;
	double limit_ns = 0, group_ns = 0, machine_ns = 0;
	for (size_t i = 0; i < one->memory->count; i++) {
		const struct memory_process *process = &one->memory->processes[i];
		const struct memory_wait *limit = &process->by_reason[MEMORY_FOR_LIMIT], *reclaim = &process->by_reason[MEMORY_FOR_MACHINE];
		if (!is_victim(one, process))
			continue;
		limit_ns += limit_churn(process) * fmax(0, limit->ns - limit->queued_ns);
		machine_ns += machine * fmax(0, reclaim->ns - reclaim->queued_ns);
		// Who thrashes within a limit waits for its refaults because of it, too.
		if (limit->ns > 0)
			limit_ns += fmax(0, process->by_reason[MEMORY_REFAULT].ns - process->by_reason[MEMORY_REFAULT].queued_ns);
		else
			machine_ns += fmax(0, process->by_reason[MEMORY_REFAULT].ns - process->by_reason[MEMORY_REFAULT].queued_ns);
	}
	for (size_t i = 0; i < one->memory->group_count; i++)
		group_ns += one->memory->groups[i].limit_ns;
	for (size_t i = 0; i < one->memory->group_count && group_ns > 0; i++)
		if (one->memory->groups[i].limit_ns > 0)
			verdict__add_resource(verdict, RESOURCE_MEMORY, one->memory->groups[i].path,
					      limit_ns * one->memory->groups[i].limit_ns / group_ns);
	if (machine_ns > 0)
		verdict__add_resource(verdict, RESOURCE_MEMORY, "machine", machine_ns);
	for (size_t i = 0; i < ledger->sleeps.count; i++) {
		const struct ledger_sleep *sleep = &ledger->sleeps.sleeps[i];
		if ((sleep->class == SLEEP_REFAULT || sleep->class == SLEEP_SWAP_IN) && sleep->row->device && *sleep->row->device)
			verdict__add_resource(verdict, RESOURCE_DEVICE, sleep->row->device, (double)sleep->row->ns);
	}
}

static double add_kernel_evidence(const struct memory_case *one, struct verdict *verdict)
{
	const struct recording *recording = one->scene->ledger->recording;
	double window = one->scene->window_ns / NS_PER_SEC;
	double refaults = (double)kernel_counter__growth_of(recording, "vmstat", "workingset_refault_") / window;
	double swapped = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pswpin")) / window;
	verdict__add_evidence(verdict, "pages that came back soon after they were dropped", refaults, UNIT("a second"),
			      threshold__value(THRESHOLD_MEMORY_REFAULTS), "/proc/vmstat workingset_refault_*");
	verdict__add_evidence(verdict, "pages swapped in", swapped, UNIT("a second"), NAN, "/proc/vmstat pswpin");
	return refaults;
}

static void summarize(const struct scene *scene, double refaults, struct verdict *verdict)
{
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	struct text_figure rate = wording__count(refaults);
	if (!verdict->culprit_count)
		verdict__set_summary(verdict, "%s pages a second come back that were just dropped or swapped out, and hold %s up; whose they are was not seen", rate.text,
				     victims);
	else if (!strcmp(victims, culprits))
		verdict__set_summary(verdict, "the working set of %s does not fit: %s pages a second come back that were just dropped or swapped out", culprits,
				     rate.text);
	else
		verdict__set_summary(verdict, "the working set of %s does not fit: %s pages a second come back that were just dropped or swapped out, and hold %s up",
				     culprits, rate.text, victims);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	struct ledger_memory *memory = ledger_memory__make(scene->ledger);
	if (memory_case__not_testable(scene, memory, verdict)) {
		ledger_memory__free(memory);
		return;
	}
	struct churn churn = { memory, scene->ledger->recording, machine_churn(scene->ledger->recording, memory) };
	struct memory_case *one = memory_case__make(scene, memory, part, &churn);
	memory_case__conclude(one, "time to bring pages back, and to make room for them", verdict);
	double refaults = add_kernel_evidence(one, verdict);
	if (refaults < threshold__value(THRESHOLD_MEMORY_REFAULTS) || verdict->kind == VERDICT_RULED_OUT) {
		verdict->kind = VERDICT_RULED_OUT;
		verdict__set_summary(verdict, "%s pages a second came back that had just been dropped, which held nobody up", wording__count(refaults).text);
	} else {
		add_culprits(one, verdict);
		add_resources(one, churn.machine, verdict);
		verdict__settle_parties(verdict, scene->ledger->window_seconds);
		summarize(scene, refaults, verdict);
		verdict__add_check(verdict, "si and so are far from 0", "vmstat 1 5");
		verdict__add_check(verdict, "they grow by more than a hundred a second", "grep -E 'workingset_refault|pswpin' /proc/vmstat; sleep 5; grep -E 'workingset_refault|pswpin' /proc/vmstat");
	}
	memory_case__free(one);
	ledger_memory__free(memory);
}

const struct cause memory_thrash = {
	.id = "memory.thrash", .title = "the working set does not fit", .counted_by_pressure = PRESSURE_MEMORY,
	.claim = "pages are read back that were just dropped or swapped out", .decisive = "waits for refaults and swap-ins, and for the room that they need",
	.by_hand = "workingset_refault_* and pswpin in /proc/vmstat", .helps = "more RAM, fewer tenants, a smaller cache, swap in compressed memory (CPU time)",
	.judge = judge,
	.account = ACCOUNT_MEMORY,
};
