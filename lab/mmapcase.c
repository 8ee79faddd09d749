// The case: a backup daemon fights over its own address space lock, beside a server of another runtime that has nothing to
// do with it, and CPU pressure that has a third cause.
//
// The daemon's workers bear the name of a runtime that the server's accusers know from elsewhere. Its malloc gives every
// buffer of 128 KiB and more a mapping of its own, by a call in its code: each 4 MiB buffer is one mmap, 1024 page
// faults and one munmap. A chunk of backup arrives for all of them every 400 ms and keeps them busy for 100 ms: tasks asleep on
// the lock use no CPU, so the machine is mostly idle and the pressure is not theirs, but for what they take of each other in a burst.
#include <malloc.h>

#include "work.h"

#define WORKERS 32
#define BUFFER_BYTES (4 << 20)
#define THRESHOLD_BYTES (128 << 10)
#define BURST_US 100000
#define PERIOD_US 400000
#define QUOTA_PERCENT 20

struct schedule { long burst_us, period_us; };

// Allocates, touches and frees buffers until this moment.
static void pass_buffers(int64_t end_ns)
{
	while (work__clock_ns(CLOCK_MONOTONIC) < end_ns) {
		volatile char *buffer = malloc(BUFFER_BYTES);
		if (!buffer)
			exit(1);
		for (size_t at = 0; at < BUFFER_BYTES; at += 4096)
			buffer[at] = 1;
		free((void *)buffer);
	}
}

static __attribute__((noreturn)) void *work_on_chunks(void *argument)
{
	const struct schedule *schedule = argument;
	int64_t period_ns = schedule->period_us * 1000LL;
	prctl(PR_SET_NAME, "tokio-runtime-w");
	for (;;) {
		// All workers share the clock's grid: a chunk arrives for all of them at once.
		int64_t next = (work__clock_ns(CLOCK_MONOTONIC) / period_ns + 1) * period_ns;
		work__pace(&next, 0);
		pass_buffers(next + schedule->burst_us * 1000LL);
	}
}

static void run_backup(int fd, long busy_us, long period_us)
{
	struct schedule schedule = { busy_us, period_us };
	(void)fd;
	mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES);
	work__crowd(WORKERS, work_on_chunks, &schedule);
}

static int start(struct lab *lab)
{
	char program[4096];
	if (lab__find_companion("storagenode", program, sizeof(program)) < 0) {
		lab->needs = "the program companions/storagenode beside it";
		return -1;
	}
	if (lab_group__make(&lab->group, "mmapcase", QUOTA_PERCENT) < 0) {
		lab->needs = "a cgroup hierarchy with the cpu controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "backup-daemon", .role = "backup", .part = LAB_CULPRIT | LAB_VICTIM,
					      .cause = "lock.mmap", .operation = "munmap", .busy_us = BURST_US,
					      .period_us = PERIOD_US });
	lab__start(lab, (struct lab_process){ .name = "storagenode", .role = "serve", .part = LAB_INNOCENT, .program = "storagenode" });
	lab__start(lab, (struct lab_process){ .name = "indexer", .role = "spin", .part = LAB_VICTIM, .group = &lab->group,
					      .cause = "cpu.quota" });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "mmapcase",
		.causes = (const char *const[]){ "lock.mmap", "cpu.quota", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "backup", run_backup }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
