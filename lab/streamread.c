// A program reads each page of a large file once, in a cgroup that is at its memory limit all the time: the limit takes pages from it that nobody will
// want again. What it waits for is the disk, and it would wait as long without a limit. A second one reads a file over and over in the same way
// under a limit that has room for it.
#include "diskfile.h"
#include "smallmemory.h"
#include "work.h"

#define LARGE_BYTES (768L << 20)
#define SMALL_BYTES (128L << 20)        // where the disk or the memory is small
#define CACHED_BYTES (16L << 20)
#define LIMIT_BYTES (60L << 20)
#define PAGE_BYTES 4096
#define PAGE_US 120                     // from one page to the next: the large file lasts for 24 s
#define SMALL_PAGE_US 1000
#define CACHED_US 4000

static struct lab_group roomy;

// The page after the given one, in an order that no read-ahead guesses and in which each comes once.
static off_t page_after(off_t page, off_t pages)
{
	return (page + 7919) % pages;
}

static void read_once(int fd, long busy_us, long period_us)
{
	static char buffer[PAGE_BYTES];
	off_t pages = lseek(fd, 0, SEEK_END) / PAGE_BYTES, page = 0;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)busy_us;
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	for (off_t i = 0; i < pages; i++, page = page_after(page, pages)) {
		work__pace(&next, period_us);
		if (pread(fd, buffer, sizeof(buffer), page * PAGE_BYTES) != sizeof(buffer))
			return;
	}
	work__sleep(0, 0, 0);
}

static void read_cached(int fd, long busy_us, long period_us)
{
	static char buffer[PAGE_BYTES];
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (off_t at = 0;; at = (at + PAGE_BYTES) % CACHED_BYTES) {
		if (at % (64 * PAGE_BYTES) == 0)
			work__pace(&next, period_us);
		if (pread(fd, buffer, sizeof(buffer), at) != sizeof(buffer))
			return;
		work__use_cpu(busy_us);
	}
}

static void clean_up(void)
{
	lab_group__remove(&roomy);
}

static int start(struct lab *lab)
{
	bool small = lab__small_memory() || diskfile__free() < 2 * LARGE_BYTES;
	int large = diskfile__make(lab, small ? SMALL_BYTES : LARGE_BYTES), cached = large < 0 ? -1 : diskfile__make(lab, CACHED_BYTES);
	if (large < 0 || cached < 0)
		return -1;
	lab->clean_up = clean_up;
	lab->limit_is_innocent = true;
	if (lab_group__make_memory(&lab->group, "streamread", LIMIT_BYTES) < 0 ||
	    lab_group__make_memory(&roomy, "roomyread", LIMIT_BYTES) < 0) {
		lab->needs = "a cgroup hierarchy with the memory controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "once-reader", .role = "read-once", .part = LAB_INNOCENT, .group = &lab->group, .fd = large,
					      .period_us = small ? SMALL_PAGE_US : PAGE_US });
	lab__start(lab, (struct lab_process){ .name = "cached-reader", .role = "read-cached", .part = LAB_INNOCENT | LAB_UNHARMED, .group = &roomy,
					      .fd = cached, .period_us = CACHED_US });
	close(large);
	close(cached);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "streamread",
		// It waits for the disk and for nobody else.
		.allowed = (const char *const[]){ "io.device", NULL },
		.ruled_out = (const char *const[]){ "memory.limit", "memory.thrash", NULL },
		.roles = (const struct lab_role[]){ { "read-once", read_once }, { "read-cached", read_cached }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
