// Two causes at once: too many spinners, and a worker of another service under a quota of its own.
#include "work.h"

#define QUOTA_PERCENT 10

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	if (lab_group__make(&lab->group, "mixed", QUOTA_PERCENT) < 0) {
		lab->needs = "a cgroup hierarchy with the cpu controller in which root may make a group";
		return -1;
	}
	for (int i = 0; i < 2 * cpus && i < 200; i++)
		lab__start(lab, (struct lab_process){ .name = "batch-spinner", .role = "spin", .part = LAB_CULPRIT | LAB_VICTIM,
						      .cause = "cpu.oversubscription" });
	lab__start(lab, (struct lab_process){ .name = "limited-worker", .role = "spin", .part = LAB_VICTIM, .group = &lab->group,
					      .cause = "cpu.quota" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "mixed",
		.causes = (const char *const[]){ "cpu.oversubscription", "cpu.quota", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
