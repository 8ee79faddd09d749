// What the account of CPU time, pressure and locks needs and can use.
#include "command/requirements.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

void requirement__psi(const struct machine *machine, struct finding *finding)
{
	int error = machine->host.psi;

	if (!error) {
		finding__say(finding, READY, "the kernel counts pressure (/proc/pressure)");
		return;
	}
	if (error == -EOPNOTSUPP) {
		finding__say(finding, DEGRADED, "the kernel's pressure accounting is switched off: waits are booked without the kernel's figure beside them");
		finding->enable = requirement__boot_with(machine, "psi=1");
		return;
	}
	finding__say(finding, DEGRADED, "no /proc/pressure (%s): waits are booked without the kernel's figure beside them", strerror(-error));
	finding->enable = base__copy("boot a kernel built with CONFIG_PSI=y");
}

void requirement__meter(const struct machine *machine, struct finding *finding)
{
	bool there = machine->tried && !machine->load_error ? machine->meter : machine->psi_variable && !machine->host.psi;

	if (there) {
		finding__say(finding, READY, "the kernel's own counters of CPU, memory and I/O pressure can be read for each CPU%s",
		    machine->groups ? " and each cgroup" : "");
		return;
	}
	finding__say(finding, DEGRADED, "the kernel's pressure counters can't be read for each CPU: the model made of events stands in");
	finding->enable = machine->host.psi ? base__copy("as for psi") :
			  base__copy("boot a kernel whose BTF lists per-CPU variables (pahole 1.24 to 1.27, or BTF of Debian 12 and later)");
}

void requirement__cgroups(const struct machine *machine, struct finding *finding)
{
	const struct cgroup_mounts *mounts = &machine->mounts;

	if (!mounts->v2) {
		finding__say(finding, DEGRADED, "no v2 hierarchy is mounted: no pressure by cgroup");
		finding->enable = base__copy("mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2");
		return;
	}
	finding__say(finding, READY, "v2 at %s, %lld cgroup%s", mounts->v2, (long long)machine->cgroups, machine->cgroups == 1 ? "" : "s");
}

void requirement__cpu_controller(const struct machine *machine, struct finding *finding)
{
	if (!machine->cpu_in_v2 && !machine->mounts.v1_cpu) {
		finding__say(finding, NOTE, "no hierarchy has the cpu controller: there can be no CPU quota");
		return;
	}
	finding__say(finding, READY, "in %s, %lld cgroup%s with a CPU quota", machine->cpu_in_v2 ? "v2" : machine->mounts.v1_cpu,
	    (long long)machine->quotas, machine->quotas == 1 ? "" : "s");
}

void requirement__steal(const struct machine *machine, struct finding *finding)
{
	const struct host *host = &machine->host;
	bool reached = machine->tried && !machine->load_error ? machine->steal : machine->steal_variable;

	if (!strcmp(host->virtualization, "none")) {
		finding__say(finding, READY, "no hypervisor: nothing can be stolen");
		return;
	}
	if (reached && (machine->steal_offered == 1 || machine->steal_ns > 0)) {
		finding__say(finding, READY, "%s tells the time that it takes away (%.1f s since boot)", host->virtualization,
		    (double)machine->steal_ns / NS_PER_SEC);
		return;
	}
	if (machine->steal_offered == 0 && !machine->steal_ns) {
		finding__say(finding, MISSING, "%s does not tell this guest the time that it takes away: steal of 0 means nothing here",
		    host->virtualization);
		finding->enable = base__copy("on the host: a CPU model with kvm-steal-time (qemu: -cpu host); there, see the vCPU threads' "
					     "second field of /proc/PID/task/TID/schedstat");
		return;
	}
	if (!reached && machine->steal_ns > 0) {
		finding__say(finding, DEGRADED, "stolen time is known in clock ticks only (%.1f s since boot)", (double)machine->steal_ns / NS_PER_SEC);
		return;
	}
	finding__say(finding, MISSING, "whether %s tells the time that it takes away is not known; none was seen since boot", host->virtualization);
	finding->enable = base__copy("on the host: look at the vCPU threads' waits (second field of /proc/PID/task/TID/schedstat), or steal there");
}

void requirement__readers(const struct machine *machine, struct finding *finding)
{
	if (machine->pressure_readers)
		finding__say(finding, NOTE, "%s: holding pressure files open; folds by others are noticed, but reads faster than 100 ms distort "
		    "everybody's totals", machine->pressure_readers);
	else
		finding__say(finding, machine->root ? READY : NOT_TRIED, "nobody %sholds a pressure file open (who opens one for each read can't be seen)",
		    machine->root ? "" : "that we may look at ");
}

void requirement__contention(const struct machine *machine, struct finding *finding)
{
	if (machine->contention_tracepoints) {
		finding__say(finding, READY, "the tracepoints of lock contention are there");
		return;
	}
	finding__say(finding, machine->host.btf ? MISSING : NOT_TRIED, "no tracepoints of lock contention: Linux 5.19 and later have them");
	if (machine->host.btf)
		finding->enable = base__copy("install a newer kernel package of the distribution (5.19 or later) and reboot");
}

