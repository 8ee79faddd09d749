// A cgroup with a memory limit in which one process takes fresh memory all the time: each new page must push an old one out to
// swap (compressed memory), and the process does that work itself before it gets the page. It never reads an old page again, so nothing
// is thrashed; the rest of the machine has memory to spare.
#include <sys/mman.h>

#include "swap.h"
#include "work.h"

#define LIMIT_BYTES (64L << 20)
#define TAKEN_BYTES (384L << 20)
#define SWAP_BYTES (1L << 30)

static void take_memory(int fd, long busy_us, long period_us)
{
	long page = sysconf(_SC_PAGESIZE);
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		char *memory = mmap(NULL, TAKEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return;
		// Compressible, but not of one value: such pages take no room.
		for (long at = 0; at < TAKEN_BYTES; at += page)
			memset(memory + at, (int)(at / page) | 1, 64);
		munmap(memory, TAKEN_BYTES);
	}
}

static int start(struct lab *lab)
{
	lab->clean_up = lab_swap__end;
	if (lab_swap__begin(SWAP_BYTES) < 0) {
		lab->needs = "a kernel with zram, and root";
		return -1;
	}
	if (lab_group__make_memory(&lab->group, "memlimit", LIMIT_BYTES) < 0) {
		lab->needs = "a cgroup hierarchy with the memory controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "report-builder", .role = "take", .part = LAB_VICTIM, .group = &lab->group });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "memlimit",
		.causes = (const char *const[]){ "memory.limit", NULL },
		.roles = (const struct lab_role[]){ { "take", take_memory }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
