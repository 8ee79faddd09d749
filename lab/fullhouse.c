// A full house: exactly as many spinners as CPUs. Every CPU is 100 % busy and nobody waits: use is not pressure.
#include "work.h"

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < cpus && i < 256; i++)
		lab__start(lab, (struct lab_process){ .name = "lone-encoder", .role = "spin", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "fullhouse",
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
