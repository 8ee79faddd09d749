// Programs that fork children which end at once, as fast as they can: thousands of processes a second, each of which lives for microseconds and waits for
// a CPU for about as long. Nobody else wants a CPU: the machine is busy, and nobody is held up.
#include "work.h"

#define PARENTS 2               // for each CPU

static void fork_children(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			return;
	}
}

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < PARENTS * cpus && i < 128; i++)
		lab__start(lab, (struct lab_process){ .name = "task-forker", .role = "fork", .part = LAB_CULPRIT });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "shortforks",
		.busy = (const char *const[]){ "cpu.churn", NULL },
		// The parents are four for two CPUs.
		.allowed = (const char *const[]){ "cpu.oversubscription", "cpu.wakeup", NULL },
		.culprit_names = "task-forker",
		.state = "busy",
		.roles = (const struct lab_role[]){ { "fork", fork_children }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
