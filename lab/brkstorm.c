// Many threads of one process move the end of its heap up and down: each brk is a writer of its mmap_lock.
// The heap is never touched and nobody relies on where it ends, so the threads may tread on each other's changes.
#include <malloc.h>
#include <sys/syscall.h>

#include "work.h"

#define THREADS 24
#define STEP_BYTES (1 << 20)

static __attribute__((noreturn)) void *move_heap(void *argument)
{
	uintptr_t end = *(uintptr_t *)argument;
	for (;;) {
		syscall(SYS_brk, end + STEP_BYTES);
		syscall(SYS_brk, end);
	}
}

static void run_storm(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	// The C library's own heap stays below, with all that it will need: it must not move the end itself.
	mallopt(M_TOP_PAD, STEP_BYTES);
	char *volatile heap = malloc(1);
	(void)heap;
	uintptr_t end = ((uintptr_t)syscall(SYS_brk, 0) + STEP_BYTES) & ~4095UL;
	syscall(SYS_brk, end);
	work__crowd(THREADS, move_heap, &end);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "old-allocator", .role = "storm", .part = LAB_CULPRIT | LAB_VICTIM,
					      .operation = "brk" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "brkstorm",
		.causes = (const char *const[]){ "lock.mmap", NULL },
		// Whoever is not asleep on the lock never pauses: some three of them want the CPUs at a time.
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "storm", run_storm }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
