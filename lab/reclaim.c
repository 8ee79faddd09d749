// An import takes memory without end, faster than the kernel frees it in the background: in compressed swap there is room, but whoever wants
// a page must first push another one out. So must a server that takes and returns little. The import is to blame; both are held up.
#include <sys/mman.h>

#include "smallmemory.h"
#include "swap.h"
#include "work.h"

#define SWAP_BYTES (4L << 30)
#define CHUNK_BYTES (1L << 20)
#define REQUEST_BYTES (2L << 20)

// Compressible, but not of one value: such pages take no room in swap.
static void touch(char *memory, long bytes)
{
	long page = sysconf(_SC_PAGESIZE);
	for (long at = 0; at < bytes; at += page)
		memset(memory + at, (int)(at / page) | 1, 64);
}

static void import(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		char *memory = mmap(NULL, SWAP_BYTES / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			return;
		madvise(memory, SWAP_BYTES / 2, MADV_NOHUGEPAGE);
		for (long at = 0; at < SWAP_BYTES / 2; at += CHUNK_BYTES)
			touch(memory + at, CHUNK_BYTES);
		munmap(memory, SWAP_BYTES / 2);
	}
}

static void answer(int fd, long busy_us, long period_us)
{
	int64_t next = 0;
	(void)fd, (void)busy_us;
	for (;;) {
		work__pace(&next, period_us);
		char *memory = mmap(NULL, REQUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return;
		madvise(memory, REQUEST_BYTES, MADV_NOHUGEPAGE);
		touch(memory, REQUEST_BYTES);
		munmap(memory, REQUEST_BYTES);
	}
}

static int start(struct lab *lab)
{
	if (!lab__small_memory()) {
		lab->needs = LAB_SMALL_MEMORY_NEEDS;
		return -1;
	}
	lab->clean_up = lab_swap__end;
	if (lab_swap__begin(SWAP_BYTES) < 0) {
		lab->needs = "a kernel with zram, and root";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "import-job", .role = "import", .part = LAB_CULPRIT | LAB_VICTIM });
	lab__start(lab, (struct lab_process){ .name = "shop-server", .role = "answer", .part = LAB_VICTIM, .period_us = 200000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "reclaim",
		.causes = (const char *const[]){ "memory.reclaim", NULL },
		.allowed = (const char *const[]){ "memory.kswapd", "memory.thrash", "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "import", import }, { "answer", answer }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
