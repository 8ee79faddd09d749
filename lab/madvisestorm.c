// Threads of one process drop their pages with madvise(MADV_DONTNEED) and fault them in again, as many threads as there are CPUs, while
// one more maps and unmaps a page every half a millisecond.
//
// Up to Linux 6.16 madvise holds the process' mmap_lock for reading: the mapper waits for it, and the others then queue behind
// the waiting writer. From 6.17 on MADV_DONTNEED takes the lock of the one mapping only (mm/madvise.c,
// MADVISE_VMA_READ_LOCK), and the very same program stalls nobody: the truth depends on the kernel that runs.
// The pages belong to one file in memory, and one page of 16 is touched: a fault brings in its neighbours too (fault_around_bytes), so that
// to fault them in is cheap and to drop them is the larger part.
#include <sys/mman.h>

#include "kernel_version.h"
#include "work.h"

#define REGION_BYTES (64 << 20)
#define FAULT_BYTES (64 << 10)
#define MAPPER_PAUSE_US 500

static bool madvise_takes_mmap_lock(void)
{
	return kernel__is_older_than(6, 17);
}

// Page faults took the lock too, before mappings had locks of their own.
static const char *operations(void)
{
	return kernel__is_older_than(6, 4) ? "madvise|page fault" : "madvise";
}

static __attribute__((noreturn)) void *drop_and_fault(void *argument)
{
	volatile char *region = mmap(NULL, REGION_BYTES, PROT_READ, MAP_SHARED, *(int *)argument, 0);
	if (region == MAP_FAILED)
		exit(1);
	for (;;) {
		int64_t start = work__clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (size_t at = 0; at < REGION_BYTES; at += FAULT_BYTES)
			(void)region[at];
		madvise((void *)region, REGION_BYTES, MADV_DONTNEED);
		// A third of the time for others: threads that hardly leave the kernel would let them wait for long. Of the CPU time, because a
		// round may hold a time in which the whole program was frozen.
		int64_t worked = work__clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		int64_t until = work__clock_ns(CLOCK_MONOTONIC) + worked / 2;
		work__pace(&until, 0);
	}
}

static __attribute__((noreturn)) void *map_and_unmap(void *argument)
{
	int64_t next = 0;
	(void)argument;
	for (;;) {
		work__pace(&next, MAPPER_PAUSE_US);
		void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED || munmap(page, 4096) < 0)
			exit(1);
	}
}

static void run_cache(int fd, long busy_us, long period_us)
{
	pthread_t mapper;
	int file = memfd_create("cache", MFD_CLOEXEC);
	(void)fd, (void)busy_us, (void)period_us;
	if (file < 0 || ftruncate(file, REGION_BYTES) < 0)
		return;
	char *pages = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (pages == MAP_FAILED)
		return;
	memset(pages, 1, REGION_BYTES);
	munmap(pages, REGION_BYTES);
	if (pthread_create(&mapper, NULL, map_and_unmap, NULL) != 0)
		return;
	work__crowd(lab__cpus(NULL, 0), drop_and_fault, &file);
}

static int start(struct lab *lab)
{
	unsigned part = madvise_takes_mmap_lock() ? LAB_CULPRIT | LAB_VICTIM : LAB_INNOCENT;
	lab__start(lab, (struct lab_process){ .name = "page-cache", .role = "cache", .part = part, .operation = operations() });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const char *const stall[] = { "lock.mmap", NULL }, *const none[] = { NULL };
	const struct lab_scenario scenario = {
		.name = "madvisestorm",
		.causes = madvise_takes_mmap_lock() ? stall : none,
		.roles = (const struct lab_role[]){ { "cache", run_cache }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
