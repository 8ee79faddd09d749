// The same kind of traffic as netflood, and nobody suffers from it: the CPU that handles it in soft interrupts is idle otherwise.
#include "net.h"
#include "work.h"

static int start(struct lab *lab)
{
	int cpus[2] = { 0, 0 };
	lab->needs = lab__cpus(cpus, 2) < 2 ? "two CPUs, one for what arrives" : lab_net__missing();
	if (lab->needs)
		return -1;
	lab_net__start(lab, (struct lab_process){ .name = "udp-sink", .role = "sink", .part = LAB_INNOCENT, .busy_us = cpus[1] },
		       (struct lab_process){ .name = "udp-flood", .role = "flood", .part = LAB_INNOCENT, .cpu = 1 + cpus[0], .nice = 19,
					     .busy_us = 200, .period_us = 5000 });
	lab__start_pair(lab,
			(struct lab_process){ .name = "quote-server", .role = "serve", .part = LAB_INNOCENT, .cpu = 1 + cpus[0], .busy_us = 1500 },
			(struct lab_process){ .name = "quote-client", .role = "ask", .part = LAB_INNOCENT, .cpu = 1 + cpus[0], .period_us = 10000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "netquiet",
		.roles = (const struct lab_role[]){ LAB_NET_ROLES, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
