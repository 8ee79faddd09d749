// A realtime hog: SCHED_FIFO, 15 ms of every 20 ms on one CPU, where an ordinary server has to live.
// 75 % duty stays below sched_rt_runtime_us (95 %), so that the kernel never throttles it, and leaves the machine usable.
// Every other CPU has one ordinary spinner of its own, so that no idle CPU exists that a wider mask could give to the
// server: the wait is the hog's, not the mask's. Those spinners share their CPU with nobody and nobody waits for them.
#include "work.h"

static int start(struct lab *lab)
{
	int cpus[256];
	int count = lab__cpus(cpus, 256);
	if (count < 2) {
		lab->needs = "two CPUs: a realtime hog on the only one would stop the machine";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "realtime-hog", .role = "pulse", .part = LAB_CULPRIT, .cpu = cpus[0] + 1,
					      .fifo = 20, .busy_us = 15000, .period_us = 20000 });
	for (int i = 1; i < count && i < 256; i++)
		lab__start(lab, (struct lab_process){ .name = "lone-encoder", .role = "spin", .cpu = cpus[i] + 1 });
	lab__start_pair(lab,
			(struct lab_process){ .name = "api-server", .role = "serve", .part = LAB_VICTIM, .cpu = cpus[0] + 1,
					      .busy_us = 1000 },
			(struct lab_process){ .name = "api-client", .role = "ask", .part = LAB_VICTIM, .cpu = cpus[0] + 1 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "priority",
		.causes = (const char *const[]){ "cpu.priority", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
