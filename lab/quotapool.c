// A pool with more workers than its quota feeds: four workers of a service under a limit of 60 % of one CPU, as a
// runtime does that starts a thread for each CPU of the host. Besides the quota they do wait for each other, for as
// long as the group may run, so oversubscription is true of a small part.
#include "work.h"

#define QUOTA_PERCENT 60
#define WORKERS 4

static int start(struct lab *lab)
{
	if (lab_group__make(&lab->group, "quotapool", QUOTA_PERCENT) < 0) {
		lab->needs = "a cgroup hierarchy with the cpu controller in which root may make a group";
		return -1;
	}
	for (int i = 0; i < WORKERS; i++)
		lab__start(lab, (struct lab_process){ .name = "pool-worker", .role = "spin", .part = LAB_VICTIM, .group = &lab->group });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "quotapool",
		.causes = (const char *const[]){ "cpu.quota", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
