// A cgroup's memory limit makes its tasks reclaim or sleep, however much memory the machine has.
#include "causes/judged.h"
#include "causes/memory_case.h"
#include "causes/wording.h"
#include "ledger/rereads.h"

#include <math.h>
#include <string.h>

// Of all pages that were freed in this window, the part that had to go for a limit. The kernel's pgsteal_direct holds those as well on newer kernels
// (7.2; not on 6.12), so the probes' own count tells what tasks freed for the machine.
static double limits_share(const struct recording *recording, const struct ledger_memory *memory)
{
	double limits = 0, machine = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pgsteal_kswapd"));
	for (size_t i = 0; i < memory->count; i++)
		machine += (double)memory->processes[i].by_reason[MEMORY_FOR_MACHINE].pages;
	for (size_t i = 0; i < memory->group_count; i++)
		limits += (double)memory->groups[i].limit_pages;
	return limits > 0 ? limits / (limits + machine) : 0;
}

// Whoever must free pages for its limit waits for those that it wants back because of it, too: on a slow disk for far longer than it takes to
// free them.
static double part(const struct memory_process *process, enum memory_reason reason, void *context)
{
	const double *share = context;
	if (reason == MEMORY_REFAULT)
		return process->by_reason[MEMORY_FOR_LIMIT].pages > 0 ? *share : 0;
	return reason == MEMORY_FOR_LIMIT || reason == MEMORY_OVER_HIGH;
}

// Which file set the limit that was hit.
static const char *limit_file(const struct memory_group *group)
{
	if (group->hierarchy == 1)
		return "memory.limit_in_bytes";
	return group->strikes_high > group->strikes_max ? "memory.high" : "memory.max";
}

static int64_t limit_bytes(const struct memory_group *group)
{
	return group->hierarchy == 2 && group->strikes_high > group->strikes_max ? group->high_bytes : group->limit_bytes;
}

static void add_culprits(const struct memory_case *one, struct verdict *verdict)
{
	double all = 0;
	for (size_t i = 0; i < one->memory->group_count; i++)
		all += one->memory->groups[i].limit_ns;
	for (size_t i = 0; i < one->memory->group_count && all > 0; i++) {
		const struct memory_group *group = &one->memory->groups[i];
		double share = group->limit_ns / all;
		// The limit of a cgroup that lost next to nothing is no culprit beside one that lost much.
		if (group->limit_ns <= 0 || share < threshold__value(THRESHOLD_HARM_SHARE))
			continue;
		struct party *party = verdict__add_other_culprit(verdict, PARTY_QUOTA, group->path, group->path, share * one->hurt_ns);
		if (limit_bytes(group) >= 0)
			party__set_note(party, "limit %s (%s), hit %s times", memory__bytes((double)limit_bytes(group)).text, limit_file(group),
					wording__count((double)(group->strikes_high + group->strikes_max)).text);
		else
			party__set_note(party, "%s, hit %s times", limit_file(group), wording__count((double)(group->strikes_high + group->strikes_max)).text);
		verdict__add_resource(verdict, RESOURCE_MEMORY, group->path, share * one->hurt_ns);
		verdict__add_resource(verdict, RESOURCE_CGROUP, group->path, share * one->hurt_ns);
	}
}

static void add_checks(const struct memory_case *one, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct memory_group *group = NULL;
		for (size_t j = 0; j < one->memory->group_count; j++)
			if (verdict->culprits[i].cgroup && !strcmp(one->memory->groups[j].path, verdict->culprits[i].cgroup))
				group = &one->memory->groups[j];
		if (!group)
			continue;
		bool v2 = group->hierarchy == 2;
		cleanup_free char *directory = base__format("/sys/fs/cgroup%s%s", v2 ? "" : "/memory", group->path);
		cleanup_free char *counts = base__format("%s/%s", directory, v2 ? "memory.events.local" : "memory.failcnt");
		cleanup_free char *limit = base__format("%s/%s", directory, limit_file(group));
		cleanup_free char *use = base__format("%s/%s", directory, v2 ? "memory.current" : "memory.usage_in_bytes");
		verdict__add_check(verdict, v2 ? "high or max grows" : "it grows", "cat %s; sleep 5; cat %s", counts, counts);
		verdict__add_check(verdict, "what is used is close to the limit", "cat %s %s", limit, use);
	}
}

static void summarize(const struct memory_case *one, struct verdict *verdict)
{
	cleanup_free char *victims = verdict__name_parties(one->scene->ledger, verdict->victims, verdict->victim_count, 2);
	double worst = verdict->victim_count ? verdict->victims[0].loss : 0, high = 0, freeing = 0;
	for (size_t i = 0; i < one->memory->count; i++) {
		high += one->memory->processes[i].by_reason[MEMORY_OVER_HIGH].ns;
		freeing += one->memory->processes[i].by_reason[MEMORY_FOR_LIMIT].ns;
	}
	cleanup_string struct string text = { 0 };
	string__add(&text, "the memory limit of cgroup %s ", verdict->culprit_count ? verdict->culprits[0].name : "(not known which)");
	if (high > one->hurt_ns / 2)
		string__add(&text, "puts %s to sleep for %s of the time", victims, wording__percent(worst).text);
	else if (freeing < one->hurt_ns / 2)
		string__add(&text, "makes %s free pages that it wants back, and wait for them for %s of the time", victims, wording__percent(worst).text);
	else
		string__add(&text, "makes %s free memory for %s of the time", victims, wording__percent(worst).text);
	verdict__set_summary(verdict, "%s", text.text);
}

static void add_kernel_evidence(const struct memory_case *one, struct verdict *verdict)
{
	int64_t strikes = 0;
	for (size_t i = 0; i < one->memory->group_count; i++)
		strikes += one->memory->groups[i].strikes_high + one->memory->groups[i].strikes_max;
	verdict__add_evidence(verdict, "times that limits were hit, by the kernel's count", (double)strikes, UNIT("times"), NAN,
			      "memory.events.local high and max; v1 memory.failcnt");
	if (one->memory->unowned_limit_ns > 0)
		verdict__add_evidence(verdict, "cgroup reclaim for which no limit was hit (somebody asked for it; nobody is accused)",
				      one->memory->unowned_limit_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "activity table");
}

static void accuse(const struct memory_case *one, struct verdict *verdict)
{
	add_culprits(one, verdict);
	verdict__settle_parties(verdict, one->scene->ledger->window_seconds);
	summarize(one, verdict);
	add_checks(one, verdict);
}

// The cgroup whose limit dropped the pages that the verdict's victims read back; of several the one of the victim that lost most.
static const struct memory_group *group_of_victims(const struct ledger *ledger, const struct rereads *rereads, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->victim_count; i++)
		for (size_t j = 0; j < verdict->victims[i].member_count; j++) {
			const struct ledger_process *process = ledger__process(ledger, verdict->victims[i].members[j]);
			struct reread_part part = process ? rereads__of(rereads, (size_t)(process - ledger->processes)) : (struct reread_part){ 0, 0, NULL };
			if (part.group)
				return part.group;
		}
	return NULL;
}

// Pages that are read back for the limit's sake, where freeing them took next to nothing: the waiting is I/O pressure then.
static void judge_busy(const struct scene *scene, const struct attribution *attribution, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	struct ledger_memory *memory = ledger_memory__make(ledger);
	struct rereads *rereads = rereads__make(ledger, memory);
	const struct memory_group *group = group_of_victims(ledger, rereads, verdict);
	(void)attribution;
	for (size_t i = 0; group && i < verdict->culprit_count; i++) {
		struct party *party = &verdict->culprits[i];
		if (party->kind != PARTY_QUOTA)
			continue;
		free(party->name);
		free(party->cgroup);
		party->name = base__copy(group->path);
		party->cgroup = base__copy(group->path);
		party__set_note(party, "limit %s (%s), hit %s times", limit_bytes(group) >= 0 ? memory__bytes((double)limit_bytes(group)).text : "unknown",
				limit_file(group), wording__count((double)(group->strikes_high + group->strikes_max)).text);
	}
	if (group && verdict->victim_count) {
		cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
		double loss = verdict->victims[0].loss;
		verdict__set_summary(verdict, "%s wait%s %s of the time for pages to come back that the memory limit of cgroup %s (%s) had dropped: %s a second",
				     victims, verdict->victim_count == 1 && verdict->victims[0].processes == 1 ? "s" : "",
				     isnan(loss) ? "a part" : wording__percent(loss).text, group->path,
				     limit_bytes(group) >= 0 ? memory__bytes((double)limit_bytes(group)).text : "unknown",
				     wording__count((double)group->refaults / ledger->window_seconds).text);
		verdict__add_evidence(verdict, "pages read back that had been dropped there", (double)group->refaults / ledger->window_seconds,
				      UNIT("a second"), NAN,
				      "memory.stat workingset_refault");
	}
	rereads__free(rereads);
	ledger_memory__free(memory);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct memory_cause cause = {
		.part = part, .share = limits_share,
		.what = "time that tasks of cgroups at their limit freed memory, slept for it or brought pages back",
		.add_evidence = add_kernel_evidence, .accuse = accuse,
		.little = "cgroups at their memory limit freed memory", .nobody = "no cgroup's memory limit made anybody wait",
	};
	memory_case__judge(scene, &cause, verdict);
}

const struct cause memory_limit = {
	.id = "memory.limit", .title = "a memory limit holds its cgroup up", .counted_by_pressure = PRESSURE_MEMORY,
	.claim = "a cgroup's memory limit makes its tasks reclaim or sleep", .decisive = "reclaim and over-high sleeps in the cgroup",
	.by_hand = "memory.events (high, max) and memory.pressure of the cgroup",
	.helps = "a higher memory.high or memory.max (less for the others), a smaller cache in the program",
	.judge = judge, .judge_busy = judge_busy,
	.account = ACCOUNT_MEMORY,
};
