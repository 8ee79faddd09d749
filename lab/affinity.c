// A pinned crowd: four processes tied to one CPU while the other CPUs idle.
#include "work.h"

#define CROWD 3

static int start(struct lab *lab)
{
	int cpus[2];
	if (lab__cpus(cpus, 2) < 2) {
		lab->needs = "two CPUs, so that one can idle";
		return -1;
	}
	for (int i = 0; i < CROWD; i++)
		lab__start(lab, (struct lab_process){ .name = "pinned-batch", .role = "spin", .part = LAB_CULPRIT | LAB_VICTIM,
						      .cpu = cpus[0] + 1 });
	lab__start_pair(lab,
			(struct lab_process){ .name = "pinned-server", .role = "serve", .part = LAB_VICTIM, .cpu = cpus[0] + 1,
					      .busy_us = 3000 },
			(struct lab_process){ .name = "pinned-client", .role = "ask", .cpu = cpus[0] + 1 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "affinity",
		.causes = (const char *const[]){ "cpu.affinity", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
