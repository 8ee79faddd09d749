// A cache server whose working set is more than twice as large as its cgroup's memory limit: many look-ups find their page swapped
// out, and to bring it in another one must go that will be wanted again. The limit is the cause, the thrashing its effect; both must be told.
#include <sys/mman.h>

#include "swap.h"
#include "work.h"

#define LIMIT_BYTES (96L << 20)
#define CACHE_BYTES (256L << 20)
#define SWAP_BYTES (1L << 30)

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void look_up(int fd, long busy_us, long period_us)
{
	long page = sysconf(_SC_PAGESIZE), pages = CACHE_BYTES / page;
	uint64_t random = 88172645463325252ULL;
	char *cache = mmap(NULL, CACHE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)fd, (void)busy_us, (void)period_us;
	if (cache == MAP_FAILED)
		return;
	for (long i = 0; i < pages; i++)
		for (long at = 0; at < page; at += 64)
			cache[i * page + at] = (char)(i + at);
	for (long count = 0;; count++) {
		long index = (long)(next_random(&random) % pages);
		cache[index * page] ^= 1;
		// Where the kernel finds none but pages that were used a moment ago, it takes the group to be out of memory at times, and kills.
		if (count % 64 == 0)
			madvise(cache + (long)(next_random(&random) % (pages - 64)) * page, 64 * page, MADV_COLD);
		work__compute();
	}
}

static int start(struct lab *lab)
{
	lab->clean_up = lab_swap__end;
	if (lab_swap__begin(SWAP_BYTES) < 0) {
		lab->needs = "a kernel with zram, and root";
		return -1;
	}
	if (lab_group__make_memory(&lab->group, "thrash", LIMIT_BYTES) < 0) {
		lab->needs = "a cgroup hierarchy with the memory controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "cache-server", .role = "look-up", .part = LAB_VICTIM, .group = &lab->group });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "thrash",
		.causes = (const char *const[]){ "memory.limit", "memory.thrash", NULL },
		.roles = (const struct lab_role[]){ { "look-up", look_up }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
