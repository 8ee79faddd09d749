// Many tiny timers on idle CPUs: a wake-up latency of some microseconds each, many times a second, and no harm.
#include <pthread.h>

#include "work.h"

#define TIMERS 30

static __attribute__((noreturn)) void *tick(void *argument)
{
	const long *period_us = argument;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (;;)
		work__pace(&next, *period_us);
}

static void run_timers(int fd, long busy_us, long period_us)
{
	pthread_t threads[TIMERS];
	long periods_us[TIMERS];
	(void)fd, (void)busy_us;
	for (int i = 0; i < TIMERS; i++) {
		// Unequal periods, so that the timers drift apart and do not fire as one crowd.
		periods_us[i] = period_us + i * 37;
		if (pthread_create(&threads[i], NULL, tick, &periods_us[i]) != 0)
			return;
	}
	for (int i = 0; i < TIMERS; i++)
		pthread_join(threads[i], NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "timer-farm", .role = "timers", .part = LAB_INNOCENT, .period_us = 10000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "wakeupstorm",
		.allowed = (const char *const[]){ "cpu.wakeup", NULL },
		.roles = (const struct lab_role[]){ { "timers", run_timers }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
