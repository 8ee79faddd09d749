// One thread of a program changes the protection of single pages as fast as it can; each change must reach the TLB of every CPU on
// which another thread of the program computes, so each one interrupts them all and waits until they have answered.
#include <sys/mman.h>

#include "work.h"

static void *compute(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "model-worker");
	for (;;)
		work__compute();
	return NULL;
}

// `busy_us`: how many threads compute.
static void protect(int fd, long busy_us, long period_us)
{
	char *pages = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	(void)fd, (void)period_us;
	if (pages == MAP_FAILED)
		return;
	// A page that was not touched is in nobody's TLB.
	memset(pages, 1, 64 * 4096);
	for (long i = 0; i < busy_us; i++)
		if (pthread_create(&thread, NULL, compute, NULL) != 0)
			return;
	for (unsigned page = 0;; page = (page + 1) % 64) {
		char *at = pages + page * 4096;
		if (mprotect(at, 4096, PROT_READ) < 0 || mprotect(at, 4096, PROT_READ | PROT_WRITE) < 0)
			return;
		*(volatile char *)at = 1;
	}
}

static int start(struct lab *lab)
{
	int count = lab__cpus(NULL, 0);
	if (count < 2) {
		lab->needs = "two CPUs: with one there is no other TLB";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "model-server", .role = "protect", .part = LAB_CULPRIT | LAB_VICTIM, .operation = "mprotect",
					      .busy_us = count - 1 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "tlbstorm",
		.causes = (const char *const[]){ "memory.tlb", NULL },
		.roles = (const struct lab_role[]){ { "protect", protect }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
