#include "command/readiness.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <string.h>

#include "base/base.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

const char *readiness__name(enum readiness readiness)
{
	static const char *const names[] = { "ok", "note", "degraded", "missing", "not tried", "not judged yet" };

	return names[readiness];
}

static void say(struct finding *finding, enum readiness state, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(struct finding *finding, enum readiness state, const char *format, ...)
{
	va_list arguments;

	finding->state = state;
	va_start(arguments, format);
	if (vasprintf(&finding->why, format, arguments) < 0)
		finding->why = base__copy("memory is short");
	va_end(arguments);
}

// How a boot option is set here.
static char *boot_with(const struct machine *machine, const char *option)
{
	if (machine->has_grubby)
		return base__format("grubby --update-kernel=ALL --args=%s && reboot", option);
	return base__format("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s /' /etc/default/grub && update-grub && reboot", option);
}

static void judge_privileges(const struct machine *machine, struct finding *finding)
{
	static const struct { int number; const char *name, *for_what; bool vital; } wanted[] = {
		{ CAP_BPF, "CAP_BPF", "loading the probes", true }, { CAP_PERFMON, "CAP_PERFMON", "attaching the probes", true },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "reading the kernel's own type numbers", true },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "other users' executables", false },
		{ CAP_SYSLOG, "CAP_SYSLOG", "names in kernel stacks", false },
	};

	if (!machine->root) {
		say(finding, MISSING, "a recording needs root; what only root can try was left out here");
		finding->enable = base__copy("sudo whystall check");
		return;
	}
	say(finding, READY, "root, with CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYSLOG");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (machine->capabilities & 1ULL << wanted[i].number)
			continue;
		free(finding->why);
		say(finding, wanted[i].vital ? MISSING : DEGRADED, "root, but without %s, which %s needs: a container takes it away",
		    wanted[i].name, wanted[i].for_what);
		finding->enable = base__copy("run whystall on the host, or the container with --privileged --pid=host");
		return;
	}
}

static void judge_kernel(const struct machine *machine, struct finding *finding)
{
	const struct host *host = &machine->host;

	if (host->version_major > 5 || (host->version_major == 5 && host->version_minor >= 15)) {
		say(finding, READY, "Linux %s (5.15 or later is needed)", host->kernel);
		return;
	}
	say(finding, MISSING, "Linux %s is too old: 5.15 or later is needed", host->kernel);
	finding->enable = base__copy("install a newer kernel package of the distribution and reboot");
}

static void judge_btf(const struct machine *machine, struct finding *finding)
{
	if (machine->host.btf) {
		say(finding, READY, "the kernel describes its own types (/sys/kernel/btf/vmlinux)");
		return;
	}
	say(finding, MISSING, "/sys/kernel/btf/vmlinux is not there: the kernel was built without CONFIG_DEBUG_INFO_BTF");
	finding->enable = base__copy("boot a distribution kernel of 5.15 or later, or build with CONFIG_DEBUG_INFO_BTF=y");
}

static void judge_lockdown(const struct machine *machine, struct finding *finding)
{
	const char *lockdown = machine->host.lockdown;

	if (!lockdown) {
		say(finding, NOTE, "not known: securityfs is not mounted (whether the probes load says it, too)");
		return;
	}
	if (strcmp(lockdown, "confidentiality")) {
		say(finding, READY, "%s: probes may read kernel memory", lockdown);
		return;
	}
	say(finding, MISSING, "confidentiality: probes may not read kernel memory");
	finding->enable = base__copy("remove lockdown=confidentiality from the kernel's command line and reboot");
}

static void judge_tracepoints(const struct machine *machine, struct finding *finding)
{
	if (!machine->host.btf) {
		say(finding, NOT_TRIED, "not known without BTF");
		return;
	}
	if (!machine->tracepoints_absent) {
		say(finding, READY, "scheduler, interrupts, exec, cgroups: all that the probes attach to");
		return;
	}
	say(finding, MISSING, "this kernel has no %s", machine->tracepoints_absent);
	finding->enable = base__copy("boot a distribution kernel (CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
}

static void judge_probes(const struct machine *machine, struct finding *finding)
{
	if (!machine->tried) {
		say(finding, NOT_TRIED, "loading the probes needs root");
		return;
	}
	if (!machine->load_error) {
		say(finding, READY, "loaded, attached and removed again in %.1f s", (double)machine->load_ns / NS_PER_SEC);
		return;
	}
	say(finding, MISSING, "%s", machine->load_message ? machine->load_message : strerror(-machine->load_error));
	finding->enable = base__copy("mend what is missing above; behind a container's or a vendor's policy: ask who set it");
}

static void judge_psi(const struct machine *machine, struct finding *finding)
{
	int error = machine->host.psi;

	if (!error) {
		say(finding, READY, "the kernel counts pressure (/proc/pressure)");
		return;
	}
	if (error == -EOPNOTSUPP) {
		say(finding, DEGRADED, "the kernel's pressure accounting is switched off: waits are booked without the kernel's figure beside them");
		finding->enable = boot_with(machine, "psi=1");
		return;
	}
	say(finding, DEGRADED, "no /proc/pressure (%s): waits are booked without the kernel's figure beside them", strerror(-error));
	finding->enable = base__copy("boot a kernel built with CONFIG_PSI=y");
}

static void judge_meter(const struct machine *machine, struct finding *finding)
{
	bool there = machine->tried && !machine->load_error ? machine->meter : machine->psi_variable && !machine->host.psi;

	if (there) {
		say(finding, READY, "the kernel's own pressure counters can be read for each CPU%s",
		    machine->groups ? " and each cgroup" : "");
		return;
	}
	say(finding, DEGRADED, "the kernel's pressure counters can't be read for each CPU: the model made of events stands in");
	finding->enable = machine->host.psi ? base__copy("as for psi") :
			  base__copy("boot a kernel whose BTF lists per-CPU variables (pahole 1.24 to 1.27, or BTF of Debian 12 and later)");
}

static void judge_cgroups(const struct machine *machine, struct finding *finding)
{
	const struct cgroup_mounts *mounts = &machine->mounts;

	if (!mounts->v2) {
		say(finding, DEGRADED, "no v2 hierarchy is mounted: no pressure by cgroup");
		finding->enable = base__copy("mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2");
		return;
	}
	say(finding, READY, "v2 at %s, %lld cgroup%s", mounts->v2, (long long)machine->cgroups, machine->cgroups == 1 ? "" : "s");
}

static void judge_cpu_controller(const struct machine *machine, struct finding *finding)
{
	if (!machine->cpu_in_v2 && !machine->mounts.v1_cpu) {
		say(finding, NOTE, "no hierarchy has the cpu controller: there can be no CPU quota");
		return;
	}
	say(finding, READY, "in %s, %lld cgroup%s with a CPU quota", machine->cpu_in_v2 ? "v2" : machine->mounts.v1_cpu,
	    (long long)machine->quotas, machine->quotas == 1 ? "" : "s");
}

static void judge_steal(const struct machine *machine, struct finding *finding)
{
	const struct host *host = &machine->host;
	bool reached = machine->tried && !machine->load_error ? machine->steal : machine->steal_variable;

	if (!strcmp(host->virtualization, "none")) {
		say(finding, READY, "no hypervisor: nothing can be stolen");
		return;
	}
	if (reached && (machine->steal_offered == 1 || machine->steal_ns > 0)) {
		say(finding, READY, "%s tells the time that it takes away (%.1f s since boot)", host->virtualization,
		    (double)machine->steal_ns / NS_PER_SEC);
		return;
	}
	if (machine->steal_offered == 0 && !machine->steal_ns) {
		say(finding, MISSING, "%s does not tell this guest the time that it takes away: steal of 0 means nothing here",
		    host->virtualization);
		finding->enable = base__copy("on the host: a CPU model with kvm-steal-time (qemu: -cpu host); there, see the vCPU threads' "
					     "second field of /proc/PID/task/TID/schedstat");
		return;
	}
	if (!reached && machine->steal_ns > 0) {
		say(finding, DEGRADED, "stolen time is known in clock ticks only (%.1f s since boot)", (double)machine->steal_ns / NS_PER_SEC);
		return;
	}
	say(finding, DEGRADED, "whether %s tells the time that it takes away is not known; none was seen since boot", host->virtualization);
}

static void judge_namespaces(const struct machine *machine, struct finding *finding)
{
	if (!machine->own_pid_namespace) {
		say(finding, machine->own_cgroup_namespace ? NOTE : READY, machine->own_cgroup_namespace ?
		    "cgroup paths are those of a container; processes are the machine's" :
		    "processes and cgroups are those of the whole machine");
		return;
	}
	say(finding, DEGRADED, "we run in a pid namespace of a container%s%s: other processes get no name but the thread's",
	    machine->host.container ? ", " : "", machine->host.container ? machine->host.container : "");
	finding->enable = base__copy("run whystall on the host, or the container with --privileged --pid=host --cgroupns=host");
}

static void judge_symbols(const struct machine *machine, struct finding *finding)
{
	if (machine->symbols) {
		say(finding, READY, "kernel stacks get names");
		return;
	}
	say(finding, machine->root ? DEGRADED : NOT_TRIED, "/proc/kallsyms hides its addresses: kernel stacks are numbers");
	if (machine->root)
		finding->enable = base__copy("sysctl kernel.kptr_restrict=1");
}

static void judge_run_delay(const struct machine *machine, struct finding *finding)
{
	if (machine->run_delay) {
		say(finding, READY, "the kernel's own waiting time of each task (schedstat) is there to compare with");
		return;
	}
	say(finding, DEGRADED, "/proc/PID/schedstat does not count: the waits can't be compared with the kernel's own");
	finding->enable = base__copy("boot a kernel built with CONFIG_SCHED_INFO=y (CONFIG_SCHEDSTATS or CONFIG_TASK_DELAY_ACCT)");
}

static void judge_statistics(const struct machine *machine, struct finding *finding)
{
	if (!machine->root)
		say(finding, NOT_TRIED, "switching on BPF statistics for a moment needs root");
	else if (machine->statistics_error)
		say(finding, DEGRADED, "BPF statistics can't be switched on (%s): the report can't say what the probes cost",
		    strerror(-machine->statistics_error));
	else
		say(finding, READY, "the kernel measures what the probes cost");
}

static void judge_readers(const struct machine *machine, struct finding *finding)
{
	if (machine->pressure_readers)
		say(finding, NOTE, "%s: holding pressure files open; folds by others are noticed, but reads faster than 100 ms distort "
		    "everybody's totals", machine->pressure_readers);
	else
		say(finding, machine->root ? READY : NOT_TRIED, "nobody %sholds a pressure file open (who opens one for each read can't be seen)",
		    machine->root ? "" : "that we may look at ");
}

static void judge_contention(const struct machine *machine, struct finding *finding)
{
	if (machine->contention_tracepoints)
		say(finding, READY, "the tracepoints of lock contention are there");
	else
		say(finding, DEGRADED, "no tracepoints of lock contention: Linux 5.19 and later have them");
}

// `vital`: without it there is no recording. `causes`: ids that need it beyond that, separated by spaces.
static const struct requirement {
	const char *id;
	void (*judge)(const struct machine *machine, struct finding *finding);
	bool vital;
	const char *causes;
} requirements[] = {
	{ "privileges", judge_privileges, true, "" },
	{ "kernel", judge_kernel, true, "" },
	{ "btf", judge_btf, true, "" },
	{ "lockdown", judge_lockdown, true, "" },
	{ "tracepoints", judge_tracepoints, true, "" },
	{ "probes", judge_probes, true, "" },
	{ "psi", judge_psi, false, "" },
	{ "meter", judge_meter, false, "" },
	{ "cgroups", judge_cgroups, false, "" },
	{ "cpu-controller", judge_cpu_controller, false, "cpu.quota" },
	{ "steal-clock", judge_steal, false, "cpu.steal" },
	{ "namespaces", judge_namespaces, false, "" },
	{ "symbols", judge_symbols, false, "" },
	{ "run-delay", judge_run_delay, false, "" },
	{ "bpf-statistics", judge_statistics, false, "" },
	{ "psi-readers", judge_readers, false, "" },
	{ "lock-contention", judge_contention, false, "lock.mmap lock.kernel" },
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
		say(finding, NOT_JUDGED_YET, "%s", cause->needs ? cause->needs : "this version can't judge it");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(requirements); i++) {
		const struct finding *needed = &findings->requirements[i];

		if (serves(&requirements[i], cause->id) && needed->state != NOTE && (!worst || needed->state > worst->state) &&
		    (!worst || worst->state != MISSING))
			worst = needed;
	}
	if (!worst || worst->state == READY) {
		say(finding, READY, "%s", cause->claim);
		return;
	}
	say(finding, worst->state, "%s: %s", worst->id, worst->why);
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
