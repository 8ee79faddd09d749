// A flood of datagrams between two namespaces. The sender has a CPU of its own; the kernel handles what arrives on another one
// (receive packet steering), in soft interrupts, and a server that needs that CPU loses it.
#include "net.h"
#include "work.h"

static int start(struct lab *lab)
{
	int cpus[2] = { 0, 0 };
	lab->needs = lab__cpus(cpus, 2) < 2 ? "two CPUs, one for the sender" : lab_net__missing();
	if (lab->needs)
		return -1;
	lab_net__start(lab, (struct lab_process){ .name = "udp-sink", .role = "sink", .part = LAB_INNOCENT, .busy_us = cpus[1] },
		       (struct lab_process){ .name = "udp-flood", .role = "flood", .part = LAB_CULPRIT, .cpu = 1 + cpus[0] });
	lab__start_pair(lab,
			(struct lab_process){ .name = "quote-server", .role = "serve", .part = LAB_VICTIM, .cpu = 1 + cpus[1], .busy_us = 4000 },
			(struct lab_process){ .name = "quote-client", .role = "ask", .cpu = 1 + cpus[1], .period_us = 5000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "netflood",
		.causes = (const char *const[]){ "irq.softirq", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", "cpu.affinity", NULL },
		.roles = (const struct lab_role[]){ LAB_NET_ROLES, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
