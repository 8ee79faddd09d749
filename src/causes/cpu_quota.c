// A CPU limit throttles a cgroup: its tasks want to run, and nobody occupies the CPU in their place.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define NOWHERE "(a cgroup whose limit could not be read)"

static double throttled_seconds_of(const struct scene *scene, const struct cgroup_row *group)
{
	double ns = 0;
	for (size_t i = 0; i < scene->crowd_count; i++)
		if (scene->crowds[i].throttled == group)
			ns += (double)scene->crowds[i].throttled_ns;
	return ns / NS_PER_SEC;
}

static double throttled_periods(const struct cgroup_row *group)
{
	return group && group->periods > 0 ? (double)group->throttled_periods / (double)group->periods : NAN;
}

// Whether a culprit is this cgroup's limit; NULL: one that is not known.
static bool is_of(const struct party *party, const struct cgroup_row *group)
{
	return group && party->cgroup ? !strcmp(party->cgroup, group->path) : !group && !party->cgroup;
}

// One culprit for each cgroup whose limit held somebody up, NULL standing for those whose limit is not known.
static void add_culprits(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		const struct cgroup_row *group = crowd->throttled;
		const char *path = group ? group->path : NOWHERE;
		bool present = false;
		for (size_t j = 0; j < verdict->culprit_count; j++)
			present = present || is_of(&verdict->culprits[j], group);
		if (crowd->throttled_ns <= 0 || present)
			continue;
		double seconds = 0;
		for (size_t j = i; !group && j < scene->crowd_count; j++)
			seconds += scene->crowds[j].throttled ? 0 : (double)scene->crowds[j].throttled_ns / NS_PER_SEC;
		if (group)
			seconds = throttled_seconds_of(scene, group);
		// The limit of a cgroup that lost next to nothing is no culprit beside one that lost much.
		if (seconds < threshold__value(THRESHOLD_HARM_SHARE) * verdict->stall_seconds)
			continue;
		struct party *party = verdict__add_other_culprit(verdict, PARTY_QUOTA, path, group ? group->path : NULL, seconds * NS_PER_SEC);
		if (group && group->period_us > 0)
			party__set_note(party, "limit %.4g CPUs (%lld of %lld us); throttled in %s of its periods",
					(double)group->quota_us / (double)group->period_us, (long long)group->quota_us, (long long)group->period_us,
					isnan(throttled_periods(group)) ? "an unknown part" : wording__percent(throttled_periods(group)).text);
	}
}

// ---- SCHED_DEADLINE: a task's own limit ----

// sysctl kernel.sched_deadline_period_max_us: no period is longer.
#define PERIOD_MOST_NS (INT64_C(4194304) * 1000)

static double deadline_ns(const struct crowd *crowd)
{
	return crowd__waits_in_deadline(crowd) ? (double)crowd->wait_idle_ns + crowd->lost_ns[PORTION_QUOTA] : 0;
}

// Waits that its own runtime made; returns the largest loss, or 0. What waits for longer than any period has been forgotten by the kernel (see
// collect/own_class.h how that comes): nothing refills its runtime.
static double add_deadline_victims(const struct scene *scene, struct verdict *verdict, const struct crowd **ret_forgotten)
{
	double worst = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		double ns = deadline_ns(crowd), loss = ns / fmax(1, (double)crowd->run_ns + (double)crowd->wait_ns);
		if (crowd->tool || !crowd->in_scope || ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns || loss < threshold__value(THRESHOLD_LOSS_CONTRIBUTING))
			continue;
		worst = fmax(worst, loss);
		verdict->stall_seconds += ns / NS_PER_SEC;
		struct party *party = verdict__add_victim(verdict, crowd, ns);
		party->loss = fmin(1, loss);
		party->class = (struct class_fact){ .policy = crowd->policy };
		party__set_note(party, "kept off the CPU for %s of the time it wanted to run", wording__percent(party->loss).text);
		if (crowd->wait_max_ns > PERIOD_MOST_NS)
			*ret_forgotten = crowd;
	}
	return worst;
}

static void judge_deadline(const struct scene *scene, struct verdict *verdict)
{
	const struct crowd *forgotten = NULL;
	double window = scene->ledger->window_seconds;
	verdict->stall_seconds = 0;
	double worst = add_deadline_victims(scene, verdict, &forgotten);
	if (!verdict->victim_count)
		return;
	verdict->wall_seconds = fmin(window, verdict->stall_seconds);
	verdict->kind = verdict->stall_seconds >= threshold__value(THRESHOLD_LOST_SEVERE) * window && worst >= threshold__value(THRESHOLD_LOSS_CONFIRMED)
		? VERDICT_CONFIRMED : VERDICT_CONTRIBUTING;
	verdict__add_evidence(verdict, "tasks of SCHED_DEADLINE that waited while no such task ran", verdict->stall_seconds, UNIT_TASK_SECONDS,
			      threshold__value(THRESHOLD_LOST_SEVERE) * window, "task.wait_idle_ns, pair table");
	verdict__add_other_culprit(verdict, PARTY_QUOTA, "the runtime of their SCHED_DEADLINE reservation", NULL, verdict->stall_seconds * NS_PER_SEC);
	verdict__settle_parties(verdict, window);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	const char *ends = verdict->victim_count == 1 && verdict->victims[0].processes == 1 ? "s" : "";
	if (forgotten)
		verdict__set_summary(verdict, "%s wait%s for a new period of SCHED_DEADLINE for longer than any period lasts: the kernel has stopped refilling "
				     "the runtime, and will never run it again in that class", victims, ends);
	else
		verdict__set_summary(verdict, "%s ha%s used up the runtime of SCHED_DEADLINE and wait%s for the next period, %s of the time wanted", victims,
				     *ends ? "s" : "ve", ends, wording__percent(worst).text);
	const struct process_row *row = recording__process(scene->ledger->recording, verdict->victims[0].process);
	if (row && !row->gone && row->pid > 0)
		verdict__add_check(verdict, "policy is 6; dl.runtime is below zero while it waits", "grep -E 'policy|dl' /proc/%lld/sched", (long long)row->pid);
}

static double add_victims(const struct scene *scene, struct verdict *verdict)
{
	double worst = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		double demand = (double)crowd->run_ns + (double)crowd->wait_ns;
		double loss = demand > 0 ? (double)crowd->throttled_ns / demand : 0;
		if (!crowd->in_scope || crowd->throttled_ns < (int64_t)(threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns) ||
		    loss < threshold__value(THRESHOLD_LOSS_CONTRIBUTING))
			continue;
		worst = fmax(worst, loss);
		struct party *party = verdict__add_victim(verdict, crowd, (double)crowd->throttled_ns);
		party->loss = fmin(1, loss);
		party__set_note(party, "kept off the CPU for %s of the time it wanted to run", wording__percent(party->loss).text);
	}
	return worst;
}

static enum verdict_kind weigh(const struct scene *scene, const struct verdict *verdict, double worst_loss, bool by_kernel)
{
	double window = scene->ledger->window_seconds;
	if (!verdict->victim_count)
		return VERDICT_RULED_OUT;
	bool large = verdict->wall_seconds >= threshold__value(THRESHOLD_WALL_CONFIRMED) * window ||
		     verdict->stall_seconds >= threshold__value(THRESHOLD_LOST_SEVERE) * window;
	if (large && by_kernel && worst_loss >= threshold__value(THRESHOLD_LOSS_CONFIRMED))
		return VERDICT_CONFIRMED;
	bool some = verdict->wall_seconds >= threshold__value(THRESHOLD_WALL_CONTRIBUTING) * window;
	return large || some ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
}

static void add_checks(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < scene->ledger->recording->cgroup_count; i++) {
		const struct cgroup_row *group = &scene->ledger->recording->cgroup[i];
		bool accused = false;
		for (size_t j = 0; j < verdict->culprit_count; j++)
			accused = accused || (group->path && verdict->culprits[j].cgroup && !strcmp(group->path, verdict->culprits[j].cgroup) &&
					      group->throttled_us > 0);
		if (!accused)
			continue;
		bool unified = group->hierarchy == 2;
		cleanup_free char *path = base__format("/sys/fs/cgroup%s%s", unified ? "" : "/cpu", group->path);
		cleanup_free char *counts = base__format("%s/cpu.stat", path);
		cleanup_free char *limit = base__format("%s/%s", path, unified ? "cpu.max" : "cpu.cfs_quota_us");
		verdict__add_check(verdict, unified ? "nr_throttled and throttled_usec grow" : "nr_throttled and throttled_time grow", "cat %s",
				   counts);
		verdict__add_check(verdict, "the limit and its period in microseconds", "cat %s", limit);
	}
}

// The kernel's own count; the cgroup's periods of the worst throttled.
static int64_t add_kernel_evidence(const struct scene *scene, struct verdict *verdict)
{
	int64_t throttled_us = 0;
	double periods = NAN;
	for (size_t i = 0; i < scene->ledger->recording->cgroup_count; i++) {
		const struct cgroup_row *group = &scene->ledger->recording->cgroup[i];
		if (group->throttled_us <= 0)
			continue;
		throttled_us += group->throttled_us;
		periods = fmax(periods, throttled_periods(group));
	}
	verdict__add_evidence(verdict, "throttled time counted by the kernel, all cgroups and CPUs", (double)throttled_us / 1e6, UNIT_SECONDS, NAN,
			      "cpu.stat throttled_usec");
	if (!isnan(periods))
		verdict__add_evidence(verdict, "largest part of a cgroup's periods in which it was throttled", periods, PART_OF("its periods"),
				      threshold__value(THRESHOLD_THROTTLED_PERIODS), "cpu.stat nr_throttled / nr_periods");
	return isnan(periods) || periods >= threshold__value(THRESHOLD_THROTTLED_PERIODS) ? throttled_us : 0;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	verdict->stall_seconds = (double)ledger->throttled_ns / NS_PER_SEC;
	verdict->wall_seconds = scene->wall_seconds[OCCUPANT_QUOTA];
	double worst_loss = add_victims(scene, verdict);
	verdict__add_evidence(verdict, "tasks kept off the CPU by a quota", verdict->stall_seconds, UNIT_TASK_SECONDS,
			      threshold__value(THRESHOLD_LOST_SEVERE) * ledger->window_seconds, "task.throttled_ns");
	int64_t kernel_us = add_kernel_evidence(scene, verdict);
	verdict->kind = weigh(scene, verdict, worst_loss, kernel_us > 0);
	if (verdict->kind == VERDICT_RULED_OUT && !verdict->victim_count)
		judge_deadline(scene, verdict);
	if (verdict->kind != VERDICT_RULED_OUT && verdict->culprit_count)
		return;
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, kernel_us > 0 ? "a quota throttled somebody, but only for %s in all" : "no cgroup was throttled to speak of (%s)",
				     wording__seconds(verdict->stall_seconds).text);
		return;
	}
	add_culprits(scene, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	if (scene->portion_ns[PORTION_QUOTA] > 0)
		verdict__add_evidence(verdict, "waiting for each other inside the throttled cgroup (follows from the quota)",
				      scene->portion_ns[PORTION_QUOTA] / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "pair table");
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
	verdict__set_summary(verdict, "the CPU limit of cgroup %s keeps %s off the CPU for %s of the time wanted",
			     verdict->culprit_count ? verdict->culprits[0].name : NOWHERE, victims,
			     wording__percent(worst_loss).text);
	add_checks(scene, verdict);
}

const struct cause cpu_quota = {
	.id = "cpu.quota", .title = "a CPU limit throttles", .counted_by_pressure = PRESSURE_CPU,
	.claim = "a CPU limit keeps the tasks of this cgroup off the CPU, busy or not",
	.decisive = "throttled time of the cgroup, in which nobody occupied the CPU in the victims' place",
	.by_hand = "nr_throttled and throttled_usec in the cgroup's cpu.stat grow",
	.helps = "raising or dropping the limit and using weights instead; cpu.max.burst for bursts; as many threads as the quota "
		 "feeds (less isolation between tenants)",
	.judge = judge,
};
