// Semaphores in place of mutexes: a semaphore of one, taken and given back by the same threads, each of which holds it for 2 ms. To the
// kernel it looks like the semaphore of a queue but for one thing: those who give are those who wait.
#include <semaphore.h>

#include "work.h"

#define THREADS 12
#define HELD_US 2000

static sem_t one;

static __attribute__((noreturn)) void *take_turns(void *argument)
{
	(void)argument;
	for (;;) {
		while (sem_wait(&one) != 0)
			;
		work__use_cpu(HELD_US);
		sem_post(&one);
		usleep(50);
	}
}

static void run_threads(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	sem_init(&one, 0, 1);
	work__crowd(THREADS, take_turns, NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "turnstile", .role = "turns", .part = LAB_CULPRIT | LAB_VICTIM, .cause = "lock.futex" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "semaphores",
		.causes = (const char *const[]){ "lock.futex", NULL },
		.roles = (const struct lab_role[]){ { "turns", run_threads }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
