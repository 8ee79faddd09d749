// A cgroup at nine tenths of its memory limit whose process works in the memory that it has: the limit strikes nobody. Beside it a process
// takes and returns much memory while there is enough. Full is not scarce.
#include <sys/mman.h>

#include "work.h"

#define LIMIT_BYTES (256L << 20)
#define HELD_BYTES (228L << 20)
#define TAKEN_BYTES (512L << 20)

static void hold(int fd, long busy_us, long period_us)
{
	int64_t next = 0;
	char *memory = mmap(NULL, HELD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	(void)fd, (void)busy_us;
	if (memory == MAP_FAILED)
		return;
	for (long at = 0;; at = (at + (1L << 20)) % HELD_BYTES) {
		work__pace(&next, period_us);
		memset(memory + at, 1, 1L << 20);
		work__use_cpu(500);
	}
}

static void take_and_return(int fd, long busy_us, long period_us)
{
	int64_t next = 0;
	(void)fd, (void)busy_us;
	for (;;) {
		work__pace(&next, period_us);
		char *memory = mmap(NULL, TAKEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (memory == MAP_FAILED)
			return;
		munmap(memory, TAKEN_BYTES);
	}
}

static int start(struct lab *lab)
{
	if (lab_group__make_memory(&lab->group, "nearlimit", LIMIT_BYTES) < 0) {
		lab->needs = "a cgroup hierarchy with the memory controller in which root may make a group";
		return -1;
	}
	lab->limit_is_innocent = true;
	lab__start(lab, (struct lab_process){ .name = "full-cache", .role = "hold", .part = LAB_INNOCENT, .group = &lab->group, .period_us = 4000 });
	lab__start(lab, (struct lab_process){ .name = "big-allocator", .role = "take", .part = LAB_INNOCENT, .period_us = 700000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "nearlimit",
		.causes = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "hold", hold }, { "take", take_and_return }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
