#include "command/readiness.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/base.h"
#include "command/requirements.h"

const char *readiness__name(enum readiness readiness)
{
	static const char *const names[] = { "ok", "note", "degraded", "missing", "not tried", "not judged yet" };

	return names[readiness];
}

void finding__say(struct finding *finding, enum readiness state, const char *format, ...)
{
	va_list arguments;

	free(finding->why);
	finding->state = state;
	va_start(arguments, format);
	finding->why = base__format_list(format, arguments);
	va_end(arguments);
}

char *requirement__boot_with(const struct machine *machine, const char *option)
{
	if (machine->has_grubby)
		return base__format("grubby --update-kernel=ALL --args=%s && reboot", option);
	return base__format("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s /' /etc/default/grub && update-grub && reboot", option);
}

// `vital`: without it there is no recording. `causes`: ids that need it beyond that, separated by spaces.
static const struct requirement {
	const char *id;
	void (*judge)(const struct machine *machine, struct finding *finding);
	bool vital;
	const char *causes;
} requirements[] = {
	{ "privileges", requirement__privileges, true, "" },
	{ "kernel", requirement__kernel, true, "" },
	{ "btf", requirement__btf, true, "" },
	{ "lockdown", requirement__lockdown, true, "" },
	{ "tracepoints", requirement__tracepoints, true, "" },
	{ "probes", requirement__probes, true, "" },
	{ "psi", requirement__psi, false, "" },
	{ "meter", requirement__meter, false, "" },
	{ "cgroups", requirement__cgroups, false, "" },
	{ "cpu-controller", requirement__cpu_controller, false, "cpu.quota" },
	{ "steal-clock", requirement__steal, false, "cpu.steal" },
	{ "namespaces", requirement__namespaces, false, "" },
	{ "symbols", requirement__symbols, false, "" },
	{ "run-delay", requirement__run_delay, false, "" },
	{ "bpf-statistics", requirement__statistics, false, "" },
	{ "psi-readers", requirement__readers, false, "" },
	{ "lock-contention", requirement__contention, false, "lock.mmap lock.kernel" },
	{ "futex-probes", requirement__futex, false, "lock.futex" },
	{ "sample-probes", requirement__sample, false, "memory.churn kernel.syscall" },
	{ "syscall-probes", requirement__syscall, false, "" }, // without them samples and sleeps tell, and no mean
	{ "memory-probes", requirement__memory, false, "memory.reclaim memory.kswapd memory.limit memory.thrash memory.compaction" },
	{ "memory-compaction", requirement__compaction, false, "memory.compaction" },
	{ "memory-controller", requirement__memory_controller, false, "memory.limit" },
	{ "swap", requirement__swap, false, "memory.thrash" },
	{ "block-probes", requirement__block, false, "io.device io.limit" },
	{ "disks-probes", requirement__disks, false, "io.limit" },
	{ "files-probes", requirement__files, false, "" }, // without them waits are seen all the same, and fewer culprits
	{ "io-controller", requirement__io_controller, false, "io.limit" },
	{ "irq-probes", requirement__irq, false, "irq.softirq irq.hard memory.tlb" },
	{ "irq-sources", requirement__irq_sources, false, "irq.softirq irq.hard" },
	{ "irq-calls", requirement__irq_calls, false, "memory.tlb" },
	{ "irq-packets", requirement__irq_packets, false, "irq.softirq" },
	{ "host-probes", requirement__host, false, "host.pause kernel.rcu" },
	{ "clocks", requirement__clocks, false, "host.pause" },
	{ "kernel-log", requirement__kernel_log, false, "kernel.rcu" },
	{ "rcu-tracepoint", requirement__rcu_tracepoint, false, "kernel.rcu" },
	{ "frequency-probes", requirement__frequency, false, "cpu.frequency" },
	{ "smi-probes", requirement__smi_counter, false, "host.smi" },
};

static bool serves(const struct requirement *requirement, const char *cause)
{
	size_t length = strlen(cause);
	const char *found = strstr(requirement->causes, cause);

	return requirement->vital || (found && (found[length] == ' ' || !found[length]));
}

// A cause is as ready as the least ready of what it needs.
static void judge_cause(const struct cause *cause, const struct findings *findings, struct finding *finding)
{
	const struct finding *worst = NULL;

	finding->id = cause->id;
	if (!cause->judge) {
		finding__say(finding, NOT_JUDGED_YET, "%s", cause->needs ? cause->needs : "this version can't judge it");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(requirements); i++) {
		const struct finding *needed = &findings->requirements[i];

		if (serves(&requirements[i], cause->id) && needed->state != NOTE && (!worst || needed->state > worst->state) &&
		    (!worst || worst->state != MISSING))
			worst = needed;
	}
	if (!worst || worst->state == READY) {
		finding__say(finding, READY, "%s", cause->claim);
		return;
	}
	finding__say(finding, worst->state, "%s: %s", worst->id, worst->why);
	finding->because = worst->id;
	finding->enable = base__copy(worst->enable);
}

void readiness__judge(const struct machine *machine, struct findings *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->requirement_count = ARRAY_SIZE(requirements);
	ret->requirements = base__alloc(ret->requirement_count, sizeof(*ret->requirements));
	for (size_t i = 0; i < ret->requirement_count; i++) {
		ret->requirements[i].id = requirements[i].id;
		requirements[i].judge(machine, &ret->requirements[i]);
	}
	ret->cause_count = cause_table_count;
	ret->causes = base__alloc(ret->cause_count, sizeof(*ret->causes));
	for (size_t i = 0; i < ret->cause_count; i++) {
		judge_cause(cause_table[i], ret, &ret->causes[i]);
		ret->judged += cause_table[i]->judge != NULL;
		ret->possible += ret->causes[i].state <= DEGRADED;
	}
}

void readiness__free(struct findings *findings)
{
	for (size_t i = 0; i < findings->requirement_count; i++) {
		free(findings->requirements[i].why);
		free(findings->requirements[i].enable);
	}
	for (size_t i = 0; i < findings->cause_count; i++) {
		free(findings->causes[i].why);
		free(findings->causes[i].enable);
	}
	free(findings->requirements);
	free(findings->causes);
	memset(findings, 0, sizeof(*findings));
}
