// As many short processes as a fork storm's, started one after the other on one CPU, and nobody suffers from it: that CPU is idle otherwise, and the
// server has the other one.
#include <spawn.h>

#include "work.h"

#define PAUSE_US 3000
#define REST_FACTOR 5
#define LONGEST_JOB_NS 50000000

extern char **environ;

static void run_jobs(int fd, long busy_us, long period_us)
{
	char *arguments[] = { (char *)"true", NULL };
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)fd, (void)busy_us;
	for (;;) {
		pid_t child;
		int64_t began;
		work__pace(&next, period_us);
		began = work__clock_ns(CLOCK_MONOTONIC);
		if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) != 0)
			return;
		waitpid(child, NULL, 0);
		// A fifth of the CPU at most, on slow machines too. A job that the program was frozen in took no longer than the longest.
		int64_t took = work__clock_ns(CLOCK_MONOTONIC) - began;
		int64_t rested = began + REST_FACTOR * (took < LONGEST_JOB_NS ? took : LONGEST_JOB_NS);
		work__pace(&rested, 0);
	}
}

static int start(struct lab *lab)
{
	int cpus[2] = { 0, 0 };
	if (lab__cpus(cpus, 2) < 2)
		lab->needs = "two CPUs, one for the jobs";
	else if (access("/bin/true", X_OK) < 0)
		lab->needs = "/bin/true";
	if (lab->needs)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "job-runner", .role = "jobs", .part = LAB_INNOCENT, .cpu = 1 + cpus[1], .period_us = PAUSE_US });
	lab__start_pair(lab, (struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_INNOCENT, .cpu = 1 + cpus[0], .busy_us = 3000 },
			(struct lab_process){ .name = "shop-client", .role = "ask", .part = LAB_INNOCENT, .cpu = 1 + cpus[0], .period_us = 10000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "forkquiet",
		.roles = (const struct lab_role[]){ { "jobs", run_jobs }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
