// Programs that build an index in memory take turns between computing and filling new memory, which they keep, and use more of the CPUs than servers
// beside them can spare. Half of what they do is page faults, and yet they would be as much in the way if all their memory had been there before.
#include "churn.h"
#include "smallmemory.h"

#define STEP_BYTES (16L << 20)
#define STEP_US 40000           // of computing, for each step
#define MOST_BYTES (2L << 30)
#define SHARE 8                 // at most this part of the machine's memory for each

static void build(int fd, long busy_us, long period_us)
{
	struct sysinfo info;
	long share = sysinfo(&info) < 0 ? 0 : (long)(info.totalram * info.mem_unit / SHARE);
	long bytes = (share < MOST_BYTES ? share : MOST_BYTES) / STEP_BYTES * STEP_BYTES;
	volatile char *index = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)fd, (void)period_us;
	if (index == MAP_FAILED)
		return;
	madvise((void *)index, (size_t)bytes, MADV_NOHUGEPAGE);
	for (long filled = 0;;) {
		for (long end = filled < bytes ? filled + STEP_BYTES : bytes; filled < end; filled += 4096)
			index[filled] = 1;
		work__use_cpu(busy_us);
	}
}

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < cpus && i < 64; i++)
		lab__start(lab, (struct lab_process){ .name = "index-builder", .role = "build", .part = LAB_CULPRIT, .busy_us = STEP_US });
	churn__start_servers(lab);
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "growingindex",
		.causes = (const char *const[]){ "cpu.oversubscription", NULL },
		.ruled_out = (const char *const[]){ "memory.churn", NULL },
		.roles = (const struct lab_role[]){ { "build", build }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
