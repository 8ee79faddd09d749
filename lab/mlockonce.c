// A program that locks its memory once, when it starts, and then works with it. Now and then it locks and unlocks a small buffer, as a program
// does that keeps a key: many calls, each of some microseconds.
#include "locktable.h"

#define WORK_US 1000
#define PERIOD_US 5000
#define KEY_BYTES 16384

static void run(int fd, long busy_us, long period_us)
{
	static char key[KEY_BYTES] __attribute__((aligned(4096)));
	struct locktable table;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)fd;
	if (locktable__make(&table) < 0)
		return;
	for (size_t at = 0;; at = (at + 65537 * 4096) % table.bytes) {
		work__pace(&next, period_us);
		if (mlock(key, sizeof(key)) < 0 || munlock(key, sizeof(key)) < 0)
			return;
		table.memory[at]++;
		work__use_cpu(busy_us);
	}
}

static int start(struct lab *lab)
{
	if (locktable__available(lab) < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "key-agent", .role = "run", .part = LAB_INNOCENT | LAB_UNHARMED, .busy_us = WORK_US,
					      .period_us = PERIOD_US });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "mlockonce",
		.ruled_out = (const char *const[]){ "kernel.syscall", NULL },
		.roles = (const struct lab_role[]){ { "run", run }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
