// A worker under a quota of 25 % of one CPU, on a machine that is idle otherwise.
// One worker only: two would wait for each other's CPU whenever they are let go together, which is no quota.
#include "work.h"

#define QUOTA_PERCENT 25

static int start(struct lab *lab)
{
	if (lab_group__make(&lab->group, "quota", QUOTA_PERCENT) < 0) {
		lab->needs = "a cgroup hierarchy with the cpu controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "limited-worker", .role = "spin", .part = LAB_VICTIM, .group = &lab->group });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "quota",
		.causes = (const char *const[]){ "cpu.quota", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
