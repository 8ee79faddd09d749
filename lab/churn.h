// A thread that maps, fills and unmaps a buffer over and over.
#ifndef WHYSTALL_LAB_CHURN_H
#define WHYSTALL_LAB_CHURN_H

#include <sys/mman.h>

#include "work.h"

#define CHURN_BYTES (4 << 20)

// One touch of a page, as little as a program can do with it. Returns when there is no memory.
static inline void churn__run(void)
{
	// Huge pages would make one fault of each 512: the same work in other figures.
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (;;) {
		volatile char *buffer = mmap(NULL, CHURN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer == MAP_FAILED)
			return;
		for (size_t at = 0; at < CHURN_BYTES; at += 4096)
			buffer[at] = 1;
		munmap((void *)buffer, CHURN_BYTES);
	}
}

// Servers that want 60 % of a CPU each, one tied to each CPU: two on one would wait for each other more than for anybody else.
static inline void churn__start_servers(struct lab *lab)
{
	int cpu[64], cpus = lab__cpus(cpu, 64);
	for (int i = 0; i < cpus && i < 64; i++)
		lab__start_pair(lab,
				(struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_VICTIM, .cpu = 1 + cpu[i], .busy_us = 3000 },
				(struct lab_process){ .name = "shop-client", .role = "ask", .period_us = 5000 });
}

#endif
