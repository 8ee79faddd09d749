// A database asks for huge pages on a machine whose free memory is in small pieces: at each page fault the kernel moves other pages out of
// the way first, and the database waits. Between its rounds a cache takes all memory in small pages and gives every second one back, so that the
// pieces are small again.
#include <sys/mman.h>

#include "smallmemory.h"
#include "work.h"

#define HUGE_BYTES (2L << 20)
#define ROUND_SHARE 0.7         // of what is free: the database takes so much in each round
#define SPARE_BYTES (110L << 20) // that the cache leaves to others, a recorder among them

static long free_bytes(void)
{
	struct sysinfo info;
	return sysinfo(&info) < 0 ? 0 : (long)(info.freeram * info.mem_unit);
}

static void scatter(int fd, long busy_us, long period_us)
{
	long page = sysconf(_SC_PAGESIZE), bytes = free_bytes() - SPARE_BYTES;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), token = 0;
	(void)busy_us, (void)period_us;
	if (bytes < SPARE_BYTES / 2 || memory == MAP_FAILED)
		return;
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (;;) {
		for (long at = 0; at < bytes; at += page)
			memory[at] = 1;
		for (long at = 0; at + page < bytes; at += 2 * page)
			madvise(memory + at, page, MADV_DONTNEED);
		if (write(fd, &token, 1) != 1 || read(fd, &token, 1) != 1)
			return;
	}
}

static void use_huge_pages(int fd, long busy_us, long period_us)
{
	char token;
	(void)busy_us, (void)period_us;
	while (read(fd, &token, 1) == 1) {
		long pages = (long)(ROUND_SHARE * (double)free_bytes()) / HUGE_BYTES;
		char *memory = mmap(NULL, (pages + 1) * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return;
		char *first = (char *)(((uintptr_t)memory + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
		madvise(first, pages * HUGE_BYTES, MADV_HUGEPAGE);
		for (long i = 0; i < pages; i++)
			first[i * HUGE_BYTES] = 1;
		munmap(memory, (pages + 1) * HUGE_BYTES);
		if (write(fd, &token, 1) != 1)
			return;
	}
}

static int start(struct lab *lab)
{
	if (!lab__small_memory()) {
		lab->needs = LAB_SMALL_MEMORY_NEEDS;
		return -1;
	}
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0) {
		lab->needs = "a kernel with transparent huge pages";
		return -1;
	}
	lab__start_pair(lab, (struct lab_process){ .name = "database", .role = "huge", .part = LAB_VICTIM },
			(struct lab_process){ .name = "small-cache", .role = "scatter" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "compaction",
		.causes = (const char *const[]){ "memory.compaction", NULL },
		.allowed = (const char *const[]){ "memory.reclaim", "memory.kswapd", "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "scatter", scatter }, { "huge", use_huge_pages }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
