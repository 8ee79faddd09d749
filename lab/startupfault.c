// A program that fills its memory once and keeps it: page faults at a high rate, in bursts that may make others wait for a moment, and not one
// page is given back. Then it works with what it has. A server beside it has the CPUs as it needs them.
#include <sys/mman.h>

#include "smallmemory.h"
#include "work.h"

#define MODEL_BYTES (2L << 30)
#define MODEL_SHARE 4           // at most the fourth part of the machine's memory
#define BURST_BYTES (16L << 20)
#define BURST_US 200000         // from one burst to the next: the start lasts as long as a recording
#define WORK_US 2000

static size_t model_bytes(void)
{
	struct sysinfo info;
	long most = sysinfo(&info) < 0 ? 0 : (long)(info.totalram * info.mem_unit / MODEL_SHARE);
	return (size_t)(most < MODEL_BYTES ? most : MODEL_BYTES) / BURST_BYTES * BURST_BYTES;
}

static void load(int fd, long busy_us, long period_us)
{
	size_t bytes = model_bytes(), filled = 0;
	volatile char *model = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)fd;
	if (model == MAP_FAILED)
		return;
	madvise((void *)model, bytes, MADV_NOHUGEPAGE);
	for (;;) {
		work__pace(&next, period_us);
		size_t end = filled + BURST_BYTES < bytes ? filled + BURST_BYTES : bytes;
		for (; filled < end; filled += 4096)
			model[filled] = 1;
		work__use_cpu(busy_us);
	}
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "model-loader", .role = "load", .part = LAB_INNOCENT, .busy_us = WORK_US, .period_us = BURST_US });
	lab__start_pair(lab, (struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_INNOCENT | LAB_UNHARMED, .busy_us = 1500 },
			(struct lab_process){ .name = "shop-client", .role = "ask", .period_us = 8000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "startupfault",
		.ruled_out = (const char *const[]){ "memory.churn", NULL },
		.roles = (const struct lab_role[]){ { "load", load }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
