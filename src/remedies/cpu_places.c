// Where tasks may run, how they are started, and what the host and the idle states add.
#include "remedies/offer.h"

#include <string.h>

void cpu_affinity_widen__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *victim = offer__living(ledger, verdict->victims, verdict->victim_count);
	if (!victim) {
		offer__decide(offer, false, "no victim is left whose mask could be widened");
		return;
	}
	const char *name = process_row__name(victim);
	if (victim->kernel_thread) {
		offer__decide(offer, false, "%s is a kernel thread; those for single CPUs cannot be moved", name);
		return;
	}
	const struct party *party = offer__living_party(ledger, verdict->victims, verdict->victim_count);
	offer__decide(offer, true, "%s (pid %lld) may use fewer than the %d CPUs; a cpuset that is narrower than this machine must be widened first",
		      name, (long long)victim->pid, ledger->cpus);
	cleanup_shell struct shell command = { 0 };
	if (party->processes > 1) {
		shell__add(&command, "for p in");
		wording__pid_words(&command, ledger->recording, party, 32);
		shell__add(&command, "; do taskset -apc 0-%d $p; done", ledger->cpus - 1);
	} else {
		shell__add(&command, "taskset -apc 0-%d %lld", ledger->cpus - 1, (long long)victim->pid);
	}
	offer__take_command(offer, &command);
}

void cpu_churn_pool__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *parent = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	if (parent)
		offer__decide(offer, true, "%s (pid %lld) starts the short-lived tasks; long-lived workers would save their creation",
			      process_row__name(parent), (long long)parent->pid);
	else
		offer__decide(offer, false, "who starts the short-lived tasks is gone or unknown");
}

void host_share__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	(void)ledger, (void)verdict;
	offer__decide(offer, true, "only the host can give it: fewer vCPUs in all, a higher weight for this machine, or another host");
}

void idle_states__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	(void)verdict;
	const char *virtualization = recording__meta(ledger->recording, "virtualization");
	if (virtualization && strcmp(virtualization, "none")) {
		offer__decide(offer, true, "in a virtual machine (%s) the time goes into waking a halted vCPU: halt polling in the guest saves it, or "
			      "on the host (/sys/module/kvm/parameters/halt_poll_ns)", virtualization);
		offer__set_command(offer, "modprobe cpuidle-haltpoll");
		return;
	}
	offer__decide(offer, true, "the CPUs' idle states can be limited while low latency is needed");
	offer__set_command(offer, "cpupower idle-set -D 50");
}
