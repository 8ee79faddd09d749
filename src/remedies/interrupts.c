// Interrupts: other CPUs for them, fewer of them, and what makes them.
#include "causes/verdict.h"
#include "remedies/offer.h"
#include "base/base.h"

#include <string.h>

// The first culprit whose interrupts are of this kind.
static const struct party *party_of(const struct verdict *verdict, enum interrupt_kind kind)
{
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (verdict->culprits[i].interrupt.kind == kind)
			return &verdict->culprits[i];
	return NULL;
}

void receive_steering__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *packets = party_of(verdict, INTERRUPT_NET_RX);
	const char *device = packets ? packets->interrupt.device : NULL;
	if (!packets)
		return;
	if (ledger->cpus < 2) {
		offer__decide(offer, false, "there is one CPU only");
		return;
	}
	if (!device) {
		offer__decide(offer, false, "whose packets these are is not known");
		return;
	}
	offer__decide(offer, true, "packets of %s are handled on one CPU; the kernel can spread their flows over CPUs that have time to spare (a single flow stays on "
		      "one CPU), or keep them off the victims' CPU; in a container's network the file is below that container's /sys. The value is a mask of CPUs: leave out the victims'", device);
	offer__set_command(offer, "echo %x > /sys/class/net/%s/queues/rx-0/rps_cpus", ledger->cpus < 32 ? (1u << ledger->cpus) - 1 : 0xffffffffu, device);
}

void device_queues__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *packets = party_of(verdict, INTERRUPT_NET_RX);
	const char *device = packets ? packets->interrupt.device : NULL;
	if (!device)
		return;
	if (!interrupts__has_queues(ledger, device)) {
		offer__decide(offer, false, "%s is a device of software: it has no queues or interrupts of its own", device);
		return;
	}
	offer__decide(offer, true, "where %s has more queues than it uses, each can interrupt another CPU", device);
	offer__set_command(offer, "ethtool -l %s; ethtool -L %s combined %d", device, device, ledger->cpus);
}

void coalescing__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *packets = party_of(verdict, INTERRUPT_NET_RX);
	const char *device = packets ? packets->interrupt.device : NULL;
	if (!device)
		return;
	if (!interrupts__has_queues(ledger, device)) {
		offer__decide(offer, false, "%s is a device of software: it makes no interrupts", device);
		return;
	}
	offer__decide(offer, true, "fewer, larger batches for each interrupt of %s, where its driver can", device);
	offer__set_command(offer, "ethtool -c %s; ethtool -C %s adaptive-rx on", device, device);
}

void softirq_budget__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	double squeezed = kernel_counter__sum(ledger->recording, "softnet", NULL, "squeezed");
	if (!party_of(verdict, INTERRUPT_NET_RX))
		return;
	if (squeezed <= 0) {
		offer__decide(offer, false, "NET_RX never stopped for want of budget in this window");
		return;
	}
	offer__decide(offer, true, "NET_RX stopped %.0f times with packets left. A smaller budget hands over to ksoftirqd sooner, which shares the CPU with others like a "
		      "task; a larger one gets packets through faster at the others' expense (sysctl net.core.netdev_budget shows the one at hand)", squeezed);
	offer__set_command(offer, "sysctl -w net.core.netdev_budget=150");
}

void less_traffic__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct party *party = &verdict->culprits[i];
		long long pid = verdict__pid(ledger, party);
		if (!party->process || party->interrupt.kind != INTERRUPT_NET_RX)
			continue;
		cleanup_free char *name = wording__party_brief(ledger->recording, party);
		offer__decide(offer, true, "these are packets of %s: fewer and larger ones (batches, sendmmsg, GSO), a limit on its rate, or another CPU for it; "
			      "its connections say where they come from", name);
		if (pid)
			offer__set_command(offer, "ss -tunp | grep 'pid=%lld,'", pid);
		return;
	}
}

// The number of the interrupt of the first culprit that has one; 0: none has.
static long long number_of(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (verdict->culprits[i].interrupt.number > 0)
			return (long long)verdict->culprits[i].interrupt.number;
	return 0;
}

void irq_affinity__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	long long number = number_of(verdict);
	if (number <= 0)
		return;
	if (ledger->cpus < 2) {
		offer__decide(offer, false, "there is one CPU only");
		return;
	}
	offer__decide(offer, true, "interrupt %lld can go to another CPU, unless the kernel manages it (the write fails then); irqbalance must leave it alone", number);
	offer__set_command(offer, "cat /proc/irq/%lld/smp_affinity_list; echo CPU > /proc/irq/%lld/smp_affinity_list", number, number);
}

void fewer_timers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct party *party = &verdict->culprits[i];
		if (!party->process || party->interrupt.kind != INTERRUPT_TIMER)
			continue;
		bool sampling = party->interrupt.timer == TIMER_SAMPLING;
		cleanup_free char *name = wording__party_brief(ledger->recording, party);
		offer__decide(offer, true, sampling ? "%s samples this CPU by a timer: a lower rate (perf record -F 99), or the hardware's counters, or none at all"
						    : "%s has timers that expire too often: longer periods, or one timer for many", name);
		return;
	}
}

void fewer_shootdowns__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = verdict->culprit_count ? &verdict->culprits[0] : NULL;
	const char *operation = party && party->operation_count ? party->operations[0].operation : NULL;
	if (!party)
		return;
	cleanup_free char *name = wording__party_brief(ledger->recording, party);
	const struct process_row *row = party->process ? recording__process(ledger->recording, party->process) : NULL;
	if (row && row->kernel_thread)
		offer__decide(offer, false, "%s is a thread of the kernel: see what it works for (ksm, compaction, NUMA balancing, reclaim) in place of it", name);
	else if (operation__from_name(operation) == OPERATION_PAGE_FAULT)
		offer__decide(offer, true, "%s flushes at page faults: copies after fork, or NUMA balancing, which can be switched off where it moves pages for nothing "
			      "(sysctl kernel.numa_balancing)", name);
	else
		offer__decide(offer, true, "%s could change larger ranges at once, keep what it maps and use it again, and leave protection as it is; each call that "
			      "is saved saves an interrupt on every CPU where it runs", name);
}

void spread_process__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *row = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	if (!row || row->kernel_thread)
		return;
	if (ledger->cpus < 4) {
		offer__decide(offer, false, "with %d CPUs there is little to narrow", ledger->cpus);
		return;
	}
	offer__decide(offer, true, "only CPUs on which %s has run are interrupted: several processes, or fewer CPUs for it, make each flush cheaper",
		      process_row__name(row));
	offer__set_command(offer, "taskset -apc 0-%d %lld", ledger->cpus / 2 - 1, (long long)row->pid);
}

void frequency_limits__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const char *governor = recording__meta(ledger->recording, "frequency.governor");
	switch (verdict->culprit_count ? verdict->culprits[0].slowdown : SLOWDOWN_NONE) {
	case SLOWDOWN_HEAT:
	case SLOWDOWN_COOLING:
		offer__decide(offer, true, "heat is the limit: dust, fans, airflow, the room's temperature, or less load on one package");
		offer__set_command(offer, "grep . /sys/class/thermal/thermal_zone*/temp; sensors");
		return;
	case SLOWDOWN_POWER_LIMIT:
		offer__decide(offer, true, "the package is held at its power limit, which firmware or the administrator set; the maker's limit must not be passed");
		offer__set_command(offer, "grep . /sys/class/powercap/intel-rapl:0/constraint_*_power_limit_uw");
		return;
	case SLOWDOWN_FREQUENCY_LIMIT:
	case SLOWDOWN_GOVERNOR:
		offer__decide(offer, true, "a setting is the limit (governor %s)", governor && *governor ? governor : "unknown");
		offer__set_command(offer, "cpupower frequency-set -g performance -u $(cat /sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq)");
		return;
	case SLOWDOWN_NONE:
		offer__decide(offer, false, "what slows the CPUs is not known: look at turbostat and at the firmware's power settings first");
	}
}

void firmware_settings__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	(void)ledger, (void)verdict;
	offer__decide(offer, true, "in the BIOS: power profile \"maximum performance\" or \"OS controlled\", no USB legacy emulation, no memory scrubbing or error logging by "
		      "SMI where the kernel does it (EDAC), firmware up to date");
}
