// Two processes that hand one byte to and fro as fast as they can: the machine's highest rate of context switches, and
// never more than one of them has work to do.
#include "work.h"

static int start(struct lab *lab)
{
	lab__start_pair(lab, (struct lab_process){ .name = "echo-server", .role = "serve", .part = LAB_INNOCENT },
			(struct lab_process){ .name = "echo-client", .role = "ask", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "pingpong",
		.allowed = (const char *const[]){ "cpu.wakeup", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
