// A heavy crowd: a nice -20 process for each CPU holds it against nice 19 victims. Weight 88761 against 15: the
// victims run only in the 10 % of the time in which the heavy ones sleep, which also keeps the machine usable.
#include "work.h"

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < cpus && i < 200; i++)
		lab__start(lab, (struct lab_process){ .name = "heavy-indexer", .role = "pulse", .part = LAB_CULPRIT, .nice = -20,
						      .busy_us = 45000, .period_us = 50000 });
	for (int i = 0; i < cpus && i < 200; i++)
		lab__start(lab, (struct lab_process){ .name = "light-worker", .role = "spin", .part = LAB_VICTIM, .nice = 19 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "niceheavy",
		.causes = (const char *const[]){ "cpu.priority", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
