// Too many spinners beside a server that answers requests: three tasks for each CPU all want to run.
#include "work.h"

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < 2 * cpus && i < 200; i++)
		lab__start(lab, (struct lab_process){ .name = "batch-spinner", .role = "spin", .part = LAB_CULPRIT });
	// 3 ms of work for each request, asked without a pause: the server wants a whole CPU and gets a fifth of the machine.
	lab__start_pair(lab, (struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_VICTIM, .busy_us = 3000 },
			(struct lab_process){ .name = "shop-client", .role = "ask" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "oversubscription",
		.causes = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
