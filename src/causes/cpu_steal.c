// The hypervisor runs others on our CPUs.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

static void add_victims(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool || !crowd->in_scope || (double)crowd->wait_steal_ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns / 2)
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, (double)crowd->wait_steal_ns);
		party->loss = fmin(1, (double)crowd->wait_steal_ns / fmax(1, crowd__demand_ns(crowd)));
	}
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	const char *virtualization = recording__meta(ledger->recording, "virtualization");
	if (virtualization && !strcmp(virtualization, "none")) {
		verdict->kind = VERDICT_RULED_OUT;
		verdict__set_summary(verdict, "this is no virtual machine");
		return;
	}
	double stolen = (double)ledger->steal_ns, capacity = scene->window_ns * (ledger->cpus > 0 ? ledger->cpus : 1);
	double share = stolen / capacity;
	if (stolen <= 0 && recording__meta_number(ledger->recording, "steal_offered", 1) != 1) {
		verdict->absent = true;
		verdict__set_summary(verdict, recording__meta_number(ledger->recording, "steal_offered", 1) == 0
			? "the hypervisor (%s) does not tell this guest the time that it takes away; on the host the vCPU threads' waits show it"
			: "whether the hypervisor (%s) tells this guest the time that it takes away is not known, and none was seen since boot",
			virtualization ? virtualization : "unknown");
		return;
	}
	// Stolen while a task was on the CPU: nobody need have waited for it, but the task stood still.
	verdict->stall_seconds = fmax(stolen, (double)ledger->wait_steal_ns) / NS_PER_SEC;
	verdict->wall_seconds = fmax(scene->wall_seconds[OCCUPANT_STEAL], stolen / (ledger->cpus > 0 ? ledger->cpus : 1) / NS_PER_SEC);
	verdict->kind = share >= threshold__value(THRESHOLD_STEAL_CONFIRMED) ? VERDICT_CONFIRMED
			: share >= threshold__value(THRESHOLD_STEAL_CONTRIBUTING) ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
	verdict__add_evidence(verdict, "CPU time stolen by the hypervisor", share, PART_OF("all CPU time"),
			      threshold__value(THRESHOLD_STEAL_CONFIRMED), "cpu.steal_ns");
	verdict__add_evidence(verdict, "tasks waited meanwhile", (double)ledger->wait_steal_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN,
			      "task.wait_steal_ns");
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "%s of all CPU time was stolen; a host that reports no steal at all is not seen this way",
				     wording__percent(share).text);
		return;
	}
	struct party *party = verdict__add_other_culprit(verdict, PARTY_HYPERVISOR, virtualization ? virtualization : "hypervisor", NULL,
							 verdict->stall_seconds * NS_PER_SEC);
	party__set_note(party, "who runs there instead is known on the host only");
	add_victims(scene, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	verdict__set_summary(verdict, "the hypervisor took %s of this machine's CPU time for others", wording__percent(share).text);
	verdict__add_check(verdict, "the eighth number (steal, in ticks) grows", "grep '^cpu ' /proc/stat; sleep 5; grep '^cpu ' /proc/stat");
	verdict__add_check(verdict, "on the host: the second number of this VM's vCPU threads grows as fast as the steal here",
			   "cat /proc/QEMU_PID/task/*/schedstat");
}

const struct cause cpu_steal = {
	.id = "cpu.steal", .title = "the hypervisor takes CPU time", .counted_by_pressure = PRESSURE_CPU,
	.claim = "the hypervisor runs others on this machine's CPUs",
	.decisive = "stolen time while tasks ran or waited",
	.by_hand = "steal in /proc/stat; on the host field 2 of the vCPU threads' /proc/PID/task/TID/schedstat",
	.helps = "on the host: fewer vCPUs in all, weights, pinning, another host",
	.judge = judge,
};
