// What every recording needs of the kernel and of our privileges.
#include "command/requirements.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/base.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

void requirement__privileges(const struct machine *machine, struct finding *finding)
{
	static const struct { int number; const char *name, *for_what; bool vital; } wanted[] = {
		{ CAP_BPF, "CAP_BPF", "loading the probes", true }, { CAP_PERFMON, "CAP_PERFMON", "attaching the probes", true },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "reading the kernel's own type numbers", true },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "other users' executables", false },
		{ CAP_SYSLOG, "CAP_SYSLOG", "names in kernel stacks", false },
	};

	if (!machine->root) {
		finding__say(finding, MISSING, "a recording needs root; what only root can try was left out here");
		finding->enable = base__copy("sudo whystall check");
		return;
	}
	finding__say(finding, READY, "root, with CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYSLOG");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (machine->capabilities & 1ULL << wanted[i].number)
			continue;
		finding__say(finding, wanted[i].vital ? MISSING : DEGRADED, "root, but without %s, which %s needs: a container takes it away",
		    wanted[i].name, wanted[i].for_what);
		finding->enable = base__copy("run whystall on the host, or the container with --privileged --pid=host");
		return;
	}
}

void requirement__kernel(const struct machine *machine, struct finding *finding)
{
	const struct host *host = &machine->host;

	if (host->version_major > 5 || (host->version_major == 5 && host->version_minor >= 15)) {
		finding__say(finding, READY, "Linux %s (5.15 or later is needed)", host->kernel);
		return;
	}
	finding__say(finding, MISSING, "Linux %s is too old: 5.15 or later is needed", host->kernel);
	finding->enable = base__copy("install a newer kernel package of the distribution and reboot");
}

void requirement__btf(const struct machine *machine, struct finding *finding)
{
	if (machine->host.btf) {
		finding__say(finding, READY, "the kernel describes its own types (/sys/kernel/btf/vmlinux)");
		return;
	}
	finding__say(finding, MISSING, "/sys/kernel/btf/vmlinux is not there: the kernel was built without CONFIG_DEBUG_INFO_BTF");
	finding->enable = base__copy("boot a distribution kernel of 5.15 or later, or build with CONFIG_DEBUG_INFO_BTF=y");
}

void requirement__lockdown(const struct machine *machine, struct finding *finding)
{
	const char *lockdown = machine->host.lockdown;

	if (!lockdown) {
		finding__say(finding, NOTE, "not known: securityfs is not mounted (whether the probes load says it, too)");
		return;
	}
	if (strcmp(lockdown, "confidentiality")) {
		finding__say(finding, READY, "%s: probes may read kernel memory", lockdown);
		return;
	}
	finding__say(finding, MISSING, "confidentiality: probes may not read kernel memory");
	finding->enable = base__copy("remove lockdown=confidentiality from the kernel's command line and reboot");
}

void requirement__tracepoints(const struct machine *machine, struct finding *finding)
{
	if (!machine->host.btf) {
		finding__say(finding, NOT_TRIED, "not known without BTF");
		return;
	}
	if (!machine->tracepoints_absent) {
		finding__say(finding, READY, "scheduler, interrupts, exec, cgroups: all that the probes attach to");
		return;
	}
	finding__say(finding, MISSING, "this kernel has no %s", machine->tracepoints_absent);
	finding->enable = base__copy("boot a distribution kernel (CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS)");
}

void requirement__probes(const struct machine *machine, struct finding *finding)
{
	if (!machine->tried) {
		finding__say(finding, NOT_TRIED, "loading the probes needs root");
		return;
	}
	if (!machine->load_error) {
		finding__say(finding, READY, "loaded, attached and removed again in %.1f s", (double)machine->load_ns / NS_PER_SEC);
		return;
	}
	finding__say(finding, MISSING, "%s", machine->load_message ? machine->load_message : strerror(-machine->load_error));
	finding->enable = base__copy("mend what is missing above; behind a container's or a vendor's policy: ask who set it");
}

void requirement__namespaces(const struct machine *machine, struct finding *finding)
{
	if (!machine->own_pid_namespace) {
		finding__say(finding, machine->own_cgroup_namespace ? NOTE : READY, machine->own_cgroup_namespace ?
		    "cgroup paths are those of a container; processes are the machine's" :
		    "processes and cgroups are those of the whole machine");
		return;
	}
	finding__say(finding, DEGRADED, "we run in a pid namespace of a container%s%s: other processes get no name but the thread's",
	    machine->host.container ? ", " : "", machine->host.container ? machine->host.container : "");
	finding->enable = base__copy("run whystall on the host, or the container with --privileged --pid=host --cgroupns=host");
}

void requirement__symbols(const struct machine *machine, struct finding *finding)
{
	if (machine->symbols) {
		finding__say(finding, READY, "kernel stacks get names");
		return;
	}
	finding__say(finding, machine->root ? DEGRADED : NOT_TRIED, "/proc/kallsyms hides its addresses: kernel stacks are numbers");
	if (machine->root)
		finding->enable = base__copy("sysctl kernel.kptr_restrict=1");
}

void requirement__run_delay(const struct machine *machine, struct finding *finding)
{
	if (machine->run_delay) {
		finding__say(finding, READY, "the kernel's own waiting time of each task (schedstat) is there to compare with");
		return;
	}
	finding__say(finding, DEGRADED, "/proc/PID/schedstat does not count: the waits can't be compared with the kernel's own");
	finding->enable = base__copy("boot a kernel built with CONFIG_SCHED_INFO=y (CONFIG_SCHEDSTATS or CONFIG_TASK_DELAY_ACCT)");
}

void requirement__statistics(const struct machine *machine, struct finding *finding)
{
	if (!machine->root)
		finding__say(finding, NOT_TRIED, "switching on BPF statistics for a moment needs root");
	else if (machine->statistics_error)
		finding__say(finding, DEGRADED, "BPF statistics can't be switched on (%s): the report can't say what the probes cost",
		    strerror(-machine->statistics_error));
	else
		finding__say(finding, READY, "the kernel measures what the probes cost");
}

