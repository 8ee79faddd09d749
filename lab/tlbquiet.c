// The calls of tlbstorm by a program with one thread: no other CPU has these pages in its TLB, so none is interrupted.
#include <sys/mman.h>

#include "work.h"

static void protect(int fd, long busy_us, long period_us)
{
	char *pages = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)fd, (void)busy_us, (void)period_us;
	if (pages == MAP_FAILED)
		return;
	memset(pages, 1, 64 * 4096);
	for (unsigned page = 0;; page = (page + 1) % 64) {
		char *at = pages + page * 4096;
		if (mprotect(at, 4096, PROT_READ) < 0 || mprotect(at, 4096, PROT_READ | PROT_WRITE) < 0)
			return;
		*(volatile char *)at = 1;
	}
}

static int start(struct lab *lab)
{
	if (lab__cpus(NULL, 0) < 2) {
		lab->needs = "two CPUs, one for each program";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "model-loader", .role = "protect", .part = LAB_INNOCENT });
	lab__start(lab, (struct lab_process){ .name = "model-worker", .role = "spin", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "tlbquiet",
		.roles = (const struct lab_role[]){ { "protect", protect }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
