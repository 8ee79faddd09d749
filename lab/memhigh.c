// A cgroup over its memory.high, with no swap to push its pages out to: the kernel puts its process to sleep each time it takes more.
// Only cgroup v2 has memory.high.
#include <sys/mman.h>

#include "work.h"

#define HIGH_BYTES (24L << 20)
#define STEP_BYTES (64L << 10)
#define MOST_BYTES (96L << 20)

static void grow(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		char *memory = mmap(NULL, MOST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return;
		madvise(memory, MOST_BYTES, MADV_NOHUGEPAGE);
		for (long at = 0; at < MOST_BYTES; at += STEP_BYTES)
			memset(memory + at, 1, STEP_BYTES);
		munmap(memory, MOST_BYTES);
	}
}

static int start(struct lab *lab)
{
	char bytes[32];
	snprintf(bytes, sizeof(bytes), "%ld", HIGH_BYTES);
	if (lab_group__new(&lab->group, "memory", "memhigh") < 0 || !lab->group.v2 || lab_group__set(&lab->group, "memory.high", bytes) < 0) {
		lab_group__remove(&lab->group);
		lab->needs = "cgroup v2 with the memory controller, in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "tile-builder", .role = "grow", .part = LAB_VICTIM, .group = &lab->group });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "memhigh",
		.causes = (const char *const[]){ "memory.limit", NULL },
		.roles = (const struct lab_role[]){ { "grow", grow }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
