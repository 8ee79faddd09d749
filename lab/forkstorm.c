// A fork storm: two parents for each CPU fork, exec /bin/true and reap it, as fast as they can, beside a server for each
// CPU that has 3 ms of work every 5 ms. Without the storm the servers would share the machine without waiting.
#include <spawn.h>

#include "work.h"

extern char **environ;

static void storm(int fd, long busy_us, long period_us)
{
	char *arguments[] = { (char *)"true", NULL };
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		pid_t child;
		if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) != 0)
			return;
		waitpid(child, NULL, 0);
	}
}

static int start(struct lab *lab)
{
	int cpu[64], cpus = lab__cpus(cpu, 64);
	if (access("/bin/true", X_OK) < 0) {
		lab->needs = "/bin/true";
		return -1;
	}
	for (int i = 0; i < 2 * cpus && i < 64; i++)
		lab__start(lab, (struct lab_process){ .name = "job-spawner", .role = "storm", .part = LAB_CULPRIT });
	// Each on a CPU of its own: two on one would wait for each other more than for the storm.
	for (int i = 0; i < cpus && i < 64; i++)
		lab__start_pair(lab,
				(struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_VICTIM, .cpu = 1 + cpu[i], .busy_us = 3000 },
				(struct lab_process){ .name = "shop-client", .role = "ask", .period_us = 5000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "forkstorm",
		.causes = (const char *const[]){ "cpu.churn", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.culprit_names = "true",
		.roles = (const struct lab_role[]){ { "storm", storm }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
