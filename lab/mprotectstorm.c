// Many threads of one process change the protection of their own regions, as a just-in-time compiler or a garbage collector
// may: each change is a writer of the process' mmap_lock for as long as its page table entries take, here one or two milliseconds.
// The threads rest between two changes, so that there is a CPU for whoever gets the lock: they wait for nothing else. The regions are
// one file in memory, mapped once for each thread.
#include <sys/mman.h>

#include "work.h"

#define THREADS 12
#define REGION_BYTES (128L << 20)
#define REST_US 4000

static __attribute__((noreturn)) void *toggle(void *argument)
{
	char *region = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *(int *)argument, 0);
	if (region == MAP_FAILED)
		exit(1);
	for (int protection = PROT_READ;; protection ^= PROT_WRITE) {
		if (mprotect(region, REGION_BYTES, protection) < 0)
			exit(1);
		usleep(REST_US);
	}
}

static void run_storm(int fd, long busy_us, long period_us)
{
	int file = memfd_create("code", MFD_CLOEXEC);
	(void)fd, (void)busy_us, (void)period_us;
	if (file < 0 || ftruncate(file, REGION_BYTES) < 0)
		return;
	work__crowd(THREADS, toggle, &file);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "jit-compiler", .role = "storm", .part = LAB_CULPRIT | LAB_VICTIM,
					      .operation = "mprotect" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "mprotectstorm",
		.causes = (const char *const[]){ "lock.mmap", NULL },
		.roles = (const struct lab_role[]){ { "storm", run_storm }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
