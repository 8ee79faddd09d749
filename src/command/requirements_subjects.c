// What the single subjects beside the scheduler need: probes of their own, controllers, clocks, counters of the hardware.
#include "command/requirements.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

// What a recording would say of a subject's probes; NULL: they were not tried, or there are none.
static const char *state_of(const struct machine *machine, const char *subject)
{
	cleanup_free char *key = base__format("probe.%s", subject);

	return machine->probes ? recording__meta(machine->probes, key) : NULL;
}

static void judge_probe(const struct machine *machine, struct finding *finding, const char *subject, const char *what, const char *enable)
{
	const char *state = state_of(machine, subject);

	if (!machine->probes)
		finding__say(finding, NOT_TRIED, machine->tried ? "the scheduler's probes did not load, so these were not tried" :
			     "loading these probes needs root");
	else if (!state)
		finding__say(finding, NOTE, "this version has no such probes");
	else if (!strcmp(state, "on"))
		finding__say(finding, READY, "%s", what);
	else
		finding__say(finding, MISSING, "%s", state);
	if (finding->state == MISSING)
		finding->enable = base__copy(enable);
}

void requirement__block(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "block", "block requests can be followed from their issue to their completion",
		    "boot a distribution kernel of 5.15 or later (CONFIG_BLOCK, CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
}

void requirement__files(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "files", "commits, syncs and throttled writers can be counted by process and file system",
		    "boot a distribution kernel of 5.15 or later (CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
}

void requirement__memory(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "memory", "reclaim, compaction and swap can be followed",
		    "boot a distribution kernel of 5.15 or later (CONFIG_TRACEPOINTS, CONFIG_COMPACTION, CONFIG_SWAP)");
}

void requirement__irq(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "irq", "interrupts are told apart by source, soft ones by vector",
		    "boot a distribution kernel of 5.15 or later (CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
}

void requirement__futex(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "futex", "waits for futexes can be followed: the registers of system calls can be read",
		    "boot a kernel of 5.15 or later on x86-64 or arm64 with BTF");
}

void requirement__sample(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "sample", "what runs on the CPUs can be sampled",
		    "boot a kernel with CONFIG_PERF_EVENTS and CONFIG_BPF_EVENTS; in a container: run whystall on the host, or with --privileged");
}

void requirement__syscall(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "syscall", "long system calls are counted and measured",
		    "boot a distribution kernel of 5.15 or later (CONFIG_HAVE_SYSCALL_TRACEPOINTS)");
}

void requirement__host(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "host", "pauses of the machine and warnings of the kernel are looked for",
		    "boot a distribution kernel of 5.15 or later (CONFIG_TRACEPOINTS)");
}

static void judge_controller(struct finding *finding, const char *where, const char *name)
{
	if (where)
		finding__say(finding, READY, !strcmp(where, "v2") ? "in the v2 hierarchy" : "in %s (v1)", where);
	else
		finding__say(finding, NOTE, "no hierarchy has the %s controller: there can be no such limit", name);
}

void requirement__memory_controller(const struct machine *machine, struct finding *finding)
{
	judge_controller(finding, machine->surroundings.memory_controller, "memory");
}

void requirement__io_controller(const struct machine *machine, struct finding *finding)
{
	judge_controller(finding, machine->surroundings.io_controller, "io");
}

void requirement__swap(const struct machine *machine, struct finding *finding)
{
	double gib = (double)machine->surroundings.swap_kib / (1 << 20);

	if (machine->surroundings.swap_kib)
		finding__say(finding, READY, "%.1f GiB", gib);
	else
		finding__say(finding, NOTE, "there is none: only pages of files can be dropped and read again");
}

void requirement__irq_sources(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "irq.sources", "who is behind interrupts (devices, senders) can be told",
		    "boot a distribution kernel of 5.15 or later (CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
	finding->state = finding->state == MISSING ? DEGRADED : finding->state;
}

void requirement__irq_calls(const struct machine *machine, struct finding *finding)
{
	const char *state = state_of(machine, "irq.calls"), *sources = state_of(machine, "irq.sources");
	bool refused = state && !strcmp(state, "refused");

	if (!state || refused || !strcmp(state, "none"))
		judge_probe(machine, finding, "irq.calls", "", "boot a kernel with the tracepoints of calls between CPUs (6.4 and later) or with kprobes");
	else
		finding__say(finding, READY, "calls between CPUs are seen by %s", state);
	if (finding->state == MISSING)
		finding__say(finding, MISSING, "%s", refused ? "the kernel refused the probes of calls between its CPUs" :
			     sources && strcmp(sources, "on") ? sources :
			     "this kernel shows no calls between its CPUs: no tracepoint and no kprobe for them");
}

void requirement__irq_packets(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "irq.packets", "who sends and who receives packets can be told",
		    "boot a distribution kernel of 5.15 or later (CONFIG_NET, CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
	finding->state = finding->state == MISSING ? DEGRADED : finding->state;
}

void requirement__compaction(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "memory.compaction", "compaction can be followed", "boot a kernel built with CONFIG_COMPACTION=y");
}

void requirement__disks(const struct machine *machine, struct finding *finding)
{
	judge_probe(machine, finding, "disks", "the kernel's own counters of devices, and the I/O limits of cgroups, can be read",
		    "mount /proc and /sys as usual (a container may hide /proc/diskstats: run whystall on the host)");
}

void requirement__kernel_log(const struct machine *machine, struct finding *finding)
{
	int error = machine->surroundings.kernel_log;

	if (!error) {
		finding__say(finding, READY, "its warnings (stalls, lockups, hung tasks) can be read as they come");
		return;
	}
	finding__say(finding, machine->root ? MISSING : NOT_TRIED, "/dev/kmsg can't be read (%s): the kernel's warnings are not seen", strerror(-error));
	if (machine->root)
		finding->enable = base__copy(error == -ENOENT ? "mknod /dev/kmsg c 1 11 (a container hides it: run whystall on the host)" :
					     "sysctl kernel.dmesg_restrict=0 (in a container: --cap-add SYSLOG)");
}

void requirement__rcu_tracepoint(const struct machine *machine, struct finding *finding)
{
	if (machine->rcu_tracepoint)
		finding__say(finding, READY, "the kernel tells of RCU stalls by a tracepoint, too");
	else
		finding__say(finding, NOTE, "this kernel has no tracepoint rcu_stall_warning: its log tells of RCU stalls");
}

// Names of systemd-detect-virt for hosts of which it is known that some clock goes on while a guest is stopped.
static bool is_kvm(const char *virtualization)
{
	static const char *const names[] = { "kvm", "amazon", "google", "oracle" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(virtualization, names[i]))
			return true;
	return false;
}

void requirement__clocks(const struct machine *machine, struct finding *finding)
{
	const struct surroundings *around = &machine->surroundings;
	const char *source = around->clock_source ? around->clock_source : "unknown";

	if (!strcmp(machine->host.virtualization, "none")) {
		finding__say(finding, NOTE, "no hypervisor: nobody can stop this machine from outside");
	} else if (!is_kvm(machine->host.virtualization) && around->real_time_clock) {
		finding__say(finding, MISSING, "under %s only the real-time clock goes on while the host stops this guest, and /dev/rtc0 can't be read (%s)",
			     machine->host.virtualization, strerror(-around->real_time_clock));
		finding->enable = base__copy("modprobe rtc_cmos (or give the guest a real-time clock)");
	} else {
		finding__say(finding, READY, "clock source %s%s", source, around->host_clock ? ", and a clock of the host (PTP)" :
			     "; no clock of the host, which 'modprobe ptp_kvm' would give on KVM (a second witness)");
	}
}

void requirement__frequency(const struct machine *machine, struct finding *finding)
{
	const struct surroundings *around = &machine->surroundings;
	const char *state = state_of(machine, "frequency");

	if (state ? !strcmp(state, "on") : around->thermal_counters || around->frequency) {
		finding__say(finding, READY, "%s%s%s", around->thermal_counters ? "the CPUs count how often heat slows them" : "",
			     around->thermal_counters && around->frequency ? "; " : "", around->frequency ? "cpufreq tells their frequency" : "");
		return;
	}
	if (strcmp(machine->host.virtualization, "none")) {
		finding__say(finding, MISSING, "%s", state ? state : "a virtual machine sees neither its CPUs' frequency nor their heat");
		finding->enable = base__copy("on the host: sudo whystall check");
		return;
	}
	finding__say(finding, MISSING, "%s", state ? state : "this kernel shows neither cpufreq nor thermal_throttle for its CPUs");
	finding->enable = base__copy("modprobe acpi_cpufreq (or intel_pstate, amd_pstate by the kernel's command line)");
}

void requirement__smi_counter(const struct machine *machine, struct finding *finding)
{
	const struct surroundings *around = &machine->surroundings;
	const char *smi_state = state_of(machine, "smi");

	if (smi_state && !strcmp(smi_state, "on")) {
		finding__say(finding, READY, "the CPUs count system management interrupts (MSR 0x34)");
	} else if (strcmp(machine->host.virtualization, "none")) {
		finding__say(finding, MISSING, "%s", smi_state ? smi_state : "a virtual machine does not see the firmware's interrupts");
		finding->enable = base__copy("on the host: sudo whystall check");
	} else if (!around->intel) {
		finding__say(finding, MISSING, "%s", smi_state ? smi_state : "only Intel's CPUs count them (MSR 0x34)");
		finding->enable = base__copy("echo hwlat > /sys/kernel/tracing/current_tracer (where the kernel has it): it looks for gaps");
	} else if (!smi_state && (around->msr_device || around->smi_event)) {
		finding__say(finding, READY, "the CPUs count system management interrupts (MSR 0x34)");
	} else {
		finding__say(finding, MISSING, "%s", smi_state ? smi_state : "the counter (MSR 0x34) can't be read: there is no /dev/cpu/0/msr");
		finding->enable = base__copy("modprobe msr");
	}
}
