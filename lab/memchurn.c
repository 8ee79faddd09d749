// Programs that map, fill and unmap buffers over and over: nearly all that they use of the CPUs is the kernel's work of handing out and taking
// back pages. A server has too little of the CPUs for that. Each of the programs has one thread, so that nobody waits for an address space.
#include <sys/mman.h>

#include "work.h"

#define BUFFER_BYTES (4 << 20)

// One touch of a page, as little as a program can do with it.
static void churn(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	// Huge pages would make a fault of two megabytes of each 512: the same work in other figures.
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (;;) {
		volatile char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer == MAP_FAILED)
			return;
		for (size_t at = 0; at < BUFFER_BYTES; at += 4096)
			buffer[at] = 1;
		munmap((void *)buffer, BUFFER_BYTES);
	}
}

static int start(struct lab *lab)
{
	int cpu[64], cpus = lab__cpus(cpu, 64);
	for (int i = 0; i < 2 * cpus && i < 64; i++)
		lab__start(lab, (struct lab_process){ .name = "thumbnailer", .role = "churn", .part = LAB_CULPRIT });
	// Each on a CPU of its own: two on one would wait for each other more than for the programs.
	for (int i = 0; i < cpus && i < 64; i++)
		lab__start_pair(lab,
				(struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_VICTIM, .cpu = 1 + cpu[i], .busy_us = 3000 },
				(struct lab_process){ .name = "shop-client", .role = "ask", .period_us = 5000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "memchurn",
		.causes = (const char *const[]){ "memory.churn", NULL },
		// More tasks than CPUs all the same.
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "churn", churn }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
