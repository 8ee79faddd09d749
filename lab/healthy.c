// A busy but healthy server: one client sends requests at a modest rate, nobody waits to speak of.
#include "work.h"

static int start(struct lab *lab)
{
	// Two pairs, each 1.5 ms of work every 5 ms: 30 % of a CPU each.
	for (int i = 0; i < 2; i++)
		lab__start_pair(lab,
				(struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_INNOCENT, .busy_us = 1500 },
				(struct lab_process){ .name = "shop-client", .role = "ask", .part = LAB_INNOCENT, .period_us = 5000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "healthy",
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
