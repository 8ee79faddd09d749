// The case: a backup daemon fights over its own address space lock, beside a server of another runtime that has nothing to
// do with it, and CPU pressure that has a third cause.
//
// The daemon's workers bear the name of a runtime that the server's accusers know from elsewhere. Its malloc gives every
// buffer of 128 KiB and more a mapping of its own, by a call in its code: each 4 MiB buffer is one mmap, 1024 page
// faults and one munmap. Data trickles in and fills the buffers, a group of chunks is complete every 250 ms, and then all
// workers free theirs at once. To touch a buffer costs some five times the CPU time of unmapping it; the pace of the data leaves
// CPU time over, so that the workers wait for the lock and not for each other's CPU.
#include <malloc.h>

#include "work.h"

#define WORKERS 32
#define BUFFER_BYTES (4 << 20)
#define THRESHOLD_BYTES (128 << 10)
#define PART_BYTES (256 << 10)
#define REST_FACTOR 27
#define WORKER_BUFFERS 6        // at most: 768 MiB in all, on a machine that fills them so quickly
#define PERIOD_US 250000
#define ACKNOWLEDGE_US 10000    // between one buffer of a worker and its next: the lock's next owner finds a CPU
#define QUOTA_PERCENT 20

// Touches a part of a buffer, then rests REST_FACTOR times as long as that took, on fast and slow machines alike.
static void fill_part(volatile char *part, int64_t complete_ns)
{
	int64_t start = work__clock_ns(CLOCK_MONOTONIC);
	for (size_t at = 0; at < PART_BYTES; at += 4096)
		part[at] = 1;
	int64_t until = start + (work__clock_ns(CLOCK_MONOTONIC) - start) * (1 + REST_FACTOR);
	if (until > complete_ns)
		until = complete_ns;
	work__pace(&until, 0);
}

static __attribute__((noreturn)) void *work_on_chunks(void *argument)
{
	int64_t period_ns = *(const long *)argument * 1000LL;
	char *buffers[WORKER_BUFFERS];
	prctl(PR_SET_NAME, "tokio-runtime-w");
	for (;;) {
		// All workers share the clock's grid: a group is complete for all of them at once.
		int64_t complete = (work__clock_ns(CLOCK_MONOTONIC) / period_ns + 1) * period_ns;
		int count = 0;
		while (count < WORKER_BUFFERS && work__clock_ns(CLOCK_MONOTONIC) < complete) {
			char *buffer = buffers[count++] = malloc(BUFFER_BYTES);
			if (!buffer)
				exit(1);
			for (size_t at = 0; at < BUFFER_BYTES && work__clock_ns(CLOCK_MONOTONIC) < complete; at += PART_BYTES)
				fill_part(buffer + at, complete);
		}
		work__pace(&complete, 0);
		while (count) {
			free(buffers[--count]);
			usleep(ACKNOWLEDGE_US);
		}
	}
}

static void run_backup(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us;
	mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES);
	work__crowd(WORKERS, work_on_chunks, &period_us);
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
					      .cause = "lock.mmap", .operation = "munmap", .period_us = PERIOD_US });
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
		// When a group is complete 32 workers wake at once, and they wait for a CPU first.
		// The buffers that the daemon fills and gives back are work of the kernel's besides.
		.allowed = (const char *const[]){ "cpu.oversubscription", "memory.churn", NULL },
		.roles = (const struct lab_role[]){ { "backup", run_backup }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
