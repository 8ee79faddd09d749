// A profiler whose sampling rate was set far too high: timers that expire in the hard interrupt of one CPU's own timer, many times
// in each millisecond, and take most of that CPU from the server that lives there. The profiler itself sleeps.
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "work.h"

#define EVENTS 10
#define PERIOD_NS 25000

// Opens the events on CPU `cpu`; they go on while it sleeps.
static void profile(int fd, long cpu, long unused)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_NS };
	(void)fd, (void)unused;
	for (int i = 0; i < EVENTS; i++)
		if (syscall(SYS_perf_event_open, &attributes, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC) < 0)
			return;
	for (;;)
		pause();
}

static int start(struct lab *lab)
{
	int cpus[2] = { 0, 0 };
	if (lab__cpus(cpus, 2) < 2 || geteuid() != 0) {
		lab->needs = "two CPUs, and root for events of the whole CPU";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "profiler", .role = "profile", .part = LAB_CULPRIT, .cpu = 1 + cpus[0], .busy_us = cpus[1] });
	lab__start_pair(lab,
			(struct lab_process){ .name = "quote-server", .role = "serve", .part = LAB_VICTIM, .cpu = 1 + cpus[1], .busy_us = 2500 },
			(struct lab_process){ .name = "quote-client", .role = "ask", .cpu = 1 + cpus[1], .period_us = 5000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "timerstorm",
		.causes = (const char *const[]){ "irq.hard", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", "cpu.affinity", NULL },
		.roles = (const struct lab_role[]){ { "profile", profile }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
