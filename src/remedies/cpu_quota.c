// CPU limits: more, burstier, or threads to fit.
#include "remedies/offer.h"

#include <string.h>

static const struct cgroup_row *limiting_cgroup(const struct ledger *ledger, const struct verdict *verdict)
{
	for (size_t i = 0; i < ledger->recording->cgroup_count && verdict->culprit_count; i++) {
		const struct cgroup_row *row = &ledger->recording->cgroup[i];
		if (row->path && row->quota_us > 0 && verdict->culprits[0].cgroup && !strcmp(row->path, verdict->culprits[0].cgroup))
			return row;
	}
	return NULL;
}

static const char *unit_of_victims(const struct ledger *ledger, const struct verdict *verdict, const struct cgroup_row *group)
{
	const struct process_row *row = offer__living(ledger, verdict->victims, verdict->victim_count);
	const char *slash = strrchr(group->path, '/');
	return row && row->unit && slash && !strcmp(slash + 1, row->unit) ? row->unit : NULL;
}

void cpu_quota_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_row *group = limiting_cgroup(ledger, verdict);
	if (!group) {
		offer__decide(offer, false, "the limiting cgroup could not be read");
		return;
	}
	const char *unit = unit_of_victims(ledger, verdict, group);
	cleanup_free char *unit_word = unit ? wording__shell_word(unit) : NULL;
	cleanup_free char *file = offer__cgroup_file(group, group->hierarchy == 2 ? "cpu.max" : "cpu.cfs_quota_us");
	double limit = group->period_us > 0 ? (double)group->quota_us / (double)group->period_us : 0;
	offer__decide(offer, true, "cgroup %s exists and is limited to %.4g CPUs of %d; container managers and orchestrators set it from their own "
		      "configuration: change it there to make it last", group->path, limit, ledger->cpus);
	if (unit)
		offer__set_command(offer, "systemctl set-property --runtime %s CPUQuota=%.0f%%", unit_word, limit * 200);
	else if (group->hierarchy == 2)
		offer__set_command(offer, "echo '%lld %lld' > %s", (long long)(2 * group->quota_us), (long long)group->period_us, file);
	else
		offer__set_command(offer, "echo %lld > %s", (long long)(2 * group->quota_us), file);
}

void cpu_quota_burst__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_row *group = limiting_cgroup(ledger, verdict);
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
	double limit = group && group->period_us > 0 ? (double)group->quota_us / (double)group->period_us : 0;
	if (!group)
		offer__decide(offer, false, "the limiting cgroup could not be read");
	else if (busy <= 1 || (double)busy <= limit)
		offer__decide(offer, false, "%zu task%s wanted to run there: fewer threads would not fit the limit better", busy, busy == 1 ? "" : "s");
	else
		offer__decide(offer, true, "%zu tasks share a limit of %.4g CPUs and use it up together early in each period", busy, limit);
}
