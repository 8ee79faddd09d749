// CPU limits: more, burstier, or threads to fit.
#include "remedies/manager.h"
#include "remedies/program.h"

#include <math.h>
#include <string.h>

static const struct cgroup_row *limiting_cgroup(const struct ledger *ledger, const struct verdict *verdict)
{
	return look_up__limited_cgroup(ledger->recording, verdict->culprit_count ? verdict->culprits[0].cgroup : NULL);
}

// Whether a task's own limit made the waits, not a cgroup's.
static bool waits_in_deadline(const struct verdict *verdict)
{
	return verdict->victim_count > 0 && ledger__is_deadline(verdict->victims[0].class.policy);
}

// Every thread of the process that is in the class waits for a period of its own; one that the kernel has forgotten is freed by leaving the class.
void cpu_quota_deadline__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *row = offer__living(ledger, verdict->victims, verdict->victim_count);
	if (!waits_in_deadline(verdict))
		return;
	if (!row) {
		offer__decide(offer, false, "none of the victims is left");
	} else {
		offer__decide(offer, true, "%s has threads of SCHED_DEADLINE; a larger runtime for the same period is a setting of its own", process_row__name(row));
		offer__set_command(offer, "chrt -a -o -p 0 %lld", (long long)row->pid);
	}
}

// The limit, in CPUs, that holds what the cgroup ran and what it was kept from in a period with throttling: at most what was wanted, as a throttled
// task may have had less left to do. Several tasks that stood on one CPU count once: throttled_usec is kept for each CPU.
static double sufficient_cpus(const struct ledger *ledger, const struct cgroup_row *group)
{
	double throttled_ns = 0, limit = (double)group->quota_us / (double)group->period_us;
	for (size_t i = 0; i < ledger->process_count; i++) {
		const struct process_row *row = ledger->processes[i].row;
		if (offer__is_within(row->cpu_cgroup ? row->cpu_cgroup : row->cgroup, group->path))
			throttled_ns += (double)ledger->processes[i].throttled_ns;
	}
	if (group->throttled_us >= 0)
		throttled_ns = fmin(throttled_ns, (double)group->throttled_us * 1000);
	double periods = group->throttled_periods > 0 ? (double)group->throttled_periods : ledger->window_seconds * 1e6 / (double)group->period_us;
	double wanted = limit + throttled_ns / fmax(1, periods) / 1000 / (double)group->period_us;
	return fmin(ledger->cpus, ceil(fmax(wanted, limit * 1.05) * 20 - 1e-6) / 20);
}

void cpu_quota_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_row *group = limiting_cgroup(ledger, verdict);
	if (waits_in_deadline(verdict))
		return;
	if (!group) {
		offer__decide(offer, false, "the limiting cgroup could not be read");
		return;
	}
	cleanup_manager struct manager manager = manager__of(group->path);
	cleanup_free char *file = offer__cgroup_file(group, group->hierarchy == 2 ? "cpu.max" : "cpu.cfs_quota_us");
	double limit = (double)group->quota_us / (double)group->period_us, enough = sufficient_cpus(ledger, group);
	if (enough <= limit) {
		offer__decide(offer, false, "cgroup %s is limited to %.4g CPUs, and this machine has no more than %d", group->path, limit, ledger->cpus);
		return;
	}
	offer__decide(offer, true, "cgroup %s exists and is limited to %.4g CPUs of %d; what it ran and what it was kept from, in periods with throttling, "
		      "needs at most %.4g%s; container managers and orchestrators set it from their own configuration: change it there to make it last",
		      group->path, limit, ledger->cpus, enough, enough >= ledger->cpus ? ", all of them" : "");
	long long quota_us = (long long)ceil(enough * (double)group->period_us);
	const struct manager_setting setting = { LIMIT_CPUS, enough, .hierarchy = group->hierarchy };
	if (manager__offer(&manager, &setting, offer))
		return;
	if (group->hierarchy == 2)
		offer__set_command(offer, "echo '%lld %lld' > %s", quota_us, (long long)group->period_us, file);
	else
		offer__set_command(offer, "echo %lld > %s", quota_us, file);
}

void cpu_quota_burst__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_row *group = limiting_cgroup(ledger, verdict);
	if (waits_in_deadline(verdict))
		return;
	if (!group) {
		offer__decide(offer, false, "the limiting cgroup could not be read");
		return;
	}
	double part = group->periods > 0 ? (double)group->throttled_periods / (double)group->periods : 1;
	if (part > 0.5) {
		offer__decide(offer, false, "it is throttled in %s of its periods: it wants more than the limit all the time, not in bursts",
			      wording__percent(part).text);
		return;
	}
	cleanup_free char *file = offer__cgroup_file(group, group->hierarchy == 2 ? "cpu.max.burst" : "cpu.cfs_burst_us");
	offer__decide(offer, true, "it is throttled in %s of its periods only: unused time of the others could be saved (Linux 5.14 and later)",
		      wording__percent(part).text);
	offer__set_command(offer, "echo %lld > %s", (long long)group->quota_us, file);
}

// What the runtime of the victims makes of the limit, and how it is told; NULL where it has no word of its own. Owned.
static char *runtime_threads(const struct ledger *ledger, const struct verdict *verdict, double limit)
{
	const struct process_row *row = offer__living(ledger, verdict->victims, verdict->victim_count);
	int threads = limit > 1 ? (int)limit : 1;
	if (!row || !row->runtime)
		return NULL;
	if (!strcmp(row->runtime, "go")) {
		cleanup_free char *setting = program__setting(row, "GOMAXPROCS");
		if (setting)
			return base__format("%s is a Go program with GOMAXPROCS=%s in its environment: %d fits the limit", process_row__name(row), setting, threads);
		if (program__is_older(row, 1, 25))
			return base__format("%s is a Go program of version %s, which runs as many threads as the machine has CPUs: GOMAXPROCS=%d fits the limit",
					    process_row__name(row), row->runtime_version, threads);
		return row->runtime_version ? base__format("Go %s reads the limit itself, but runs two threads at least: what is over it is the program's "
							    "work, or threads in C code and system calls", row->runtime_version)
					    : base__format("before Go 1.25 GOMAXPROCS=%d fits the limit", threads);
	}
	if (!strcmp(row->runtime, "jvm"))
		return base__format("Java sees the limit by itself from 8u191 on: -XX:ActiveProcessorCount=%d overrules it", threads);
	return NULL;
}

void cpu_quota_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_row *group = limiting_cgroup(ledger, verdict);
	size_t busy = 0;
	for (size_t i = 0; i < verdict->victim_count; i++) {
		for (size_t j = 0; j < verdict->victims[i].member_count; j++) {
			const struct ledger_process *process = ledger__process(ledger, verdict->victims[i].members[j]);
			for (size_t k = 0; process && k < process->task_count; k++)
				busy += process->tasks[k].throttled_ns > 0;
		}
	}
	double limit = group ? (double)group->quota_us / (double)group->period_us : 0;
	cleanup_free char *runtime = group ? runtime_threads(ledger, verdict, limit) : NULL;
	if (waits_in_deadline(verdict))
		return;
	if (!group)
		offer__decide(offer, false, "the limiting cgroup could not be read");
	else if (busy <= 1 || (double)busy <= limit)
		offer__decide(offer, false, "%zu task%s wanted to run there: fewer threads would not fit the limit better", busy, busy == 1 ? "" : "s");
	else
		offer__decide(offer, true, "%zu tasks share a limit of %.4g CPUs and use it up together early in each period%s%s", busy, limit, runtime ? "; " : "",
			      runtime ? runtime : "");
}
