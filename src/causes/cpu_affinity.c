// Tasks wait for a busy CPU that they are tied to while a CPU outside their mask idles.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

static void note_masks(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->victim_count; i++) {
		struct party *party = &verdict->victims[i];
		const struct ledger_process *process = ledger__process(scene->ledger, party->process);
		const struct crowd *crowd = process ? &scene->crowds[scene->crowd_of[process - scene->ledger->processes]] : NULL;
		if (!crowd || crowd->allowed_cpus <= 0)
			continue;
		cleanup_free char *before = party->note;
		party->note = NULL;
		party__set_note(party, "may use %lld of %d CPUs; %s", (long long)crowd->allowed_cpus, scene->ledger->cpus,
				before ? before : "");
	}
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	accusation__judge(scene, PORTION_AFFINITY, verdict);
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "%s", ledger->cpus == 1 ? "there is only one CPU"
				     : "hardly any waiting while CPUs outside the waiter's mask were idle");
		return;
	}
	note_masks(scene, verdict);
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	verdict__set_summary(verdict, "%s wait%s for CPUs that they are tied to, occupied by %s, while other CPUs are idle", victims,
			     verdict->victim_count > 1 || verdict->victims[0].processes > 1 ? "" : "s", culprits);
	for (size_t i = 0; i < verdict->victim_count && i < 2; i++) {
		long long pid = verdict__pid(ledger, &verdict->victims[i]);
		if (pid <= 0)
			continue;
		verdict__add_check(verdict, "the list is shorter than the machine's CPUs", "taskset -pc %lld", pid);
		verdict__add_check(verdict, "Cpus_allowed_list; the same list here as in the cpuset means that the cpuset ties it",
				   "grep Cpus_allowed_list /proc/%lld/status", pid);
	}
	verdict__add_check(verdict, "some CPUs near 0 % idle, others near 100 %", "mpstat -P ALL 1 5");
}

const struct cause cpu_affinity = {
	.id = "cpu.affinity", .title = "tied to busy CPUs", .counted_by_pressure = PRESSURE_CPU,
	.claim = "tasks wait for a busy CPU that they are tied to while other CPUs idle",
	.decisive = "waits during which no CPU of the mask was idle but one outside it was",
	.by_hand = "taskset -pc PID and the cgroup's cpuset.cpus.effective against mpstat -P ALL",
	.helps = "a wider mask or cpuset (caches and NUMA locality may suffer)",
	.judge = judge,
};
