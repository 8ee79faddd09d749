// Threads that fight over one mutex of their own program: they wait in futex, the kernel's own locks are not involved. Whoever
// holds the mutex computes, everybody else sleeps, so one CPU is busy and nobody waits for a CPU.
#include "work.h"

#define THREADS 16
#define HELD_US 2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noreturn)) void *contend(void *argument)
{
	(void)argument;
	for (;;) {
		pthread_mutex_lock(&mutex);
		work__use_cpu(HELD_US);
		pthread_mutex_unlock(&mutex);
		// Long enough for the woken to take it: an unfair mutex would stay with the one that is awake.
		usleep(50);
	}
}

static void run_contenders(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	work__crowd(THREADS, contend, NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "one-big-mutex", .role = "contend", .part = LAB_CULPRIT | LAB_VICTIM,
					      .cause = "lock.futex" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "userlocks",
		.causes = (const char *const[]){ "lock.futex", NULL },
		.roles = (const struct lab_role[]){ { "contend", run_contenders }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
