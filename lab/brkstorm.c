// Many threads of one process that has locked its memory (mlockall, as realtime programs do) move the end of its heap up and
// down. Each brk is a writer of its mmap_lock; one that moves the end up then holds it for reading while it brings in the
// new pages, because locked memory must not fault later. Nobody relies on where the heap ends, so the threads may tread on each
// other's changes. They rest in between: there is a CPU for whoever gets the lock.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "work.h"

#define THREADS 12
#define STEP_BYTES (8 << 20)
#define REST_US 4000

static __attribute__((noreturn)) void *move_heap(void *argument)
{
	uintptr_t end = *(uintptr_t *)argument;
	for (;;) {
		syscall(SYS_brk, end + STEP_BYTES);
		syscall(SYS_brk, end);
		usleep(REST_US);
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
	if (mlockall(MCL_FUTURE) < 0)
		return;
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
		.roles = (const struct lab_role[]){ { "storm", run_storm }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
