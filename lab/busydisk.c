// A disk that is busy all the time with a queue, and nobody waits for it: an archiver writes asynchronously and looks only now and then what is
// done, and a reader finds all that it wants in the page cache. Truth: nothing.
#include "aio.h"
#include "rawdisk.h"

#define WRITE_US 5000
#define DEPTH 8
#define CACHED_BYTES (4u << 20)

// Never waits for a request: what is done it takes when its timer comes. It keeps away from what the other reads: writing past the page cache
// drops what is cached of that place.
static void archive(int fd, long busy_us, long period_us)
{
	struct aio aio;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)busy_us;
	if (aio__open(&aio, fd, IOCB_CMD_PWRITE, CACHED_BYTES, RAWDISK_BYTES - CACHED_BYTES, 4096) < 0)
		return;
	for (;;) {
		work__pace(&next, period_us);
		if (aio__take(&aio, 0) < 0 || aio__fill(&aio, DEPTH) < 0)
			return;
	}
}

static void read_cached(int fd, long busy_us, long period_us)
{
	static char buffer[65536];
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	// Locked, so that nothing drops it meanwhile.
	void *cached = mmap(NULL, CACHED_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (cached == MAP_FAILED || mlock(cached, CACHED_BYTES) < 0)
		return;
	for (off_t at = 0;; at = (at + (off_t)sizeof(buffer)) % CACHED_BYTES) {
		work__pace(&next, period_us);
		if (pread(fd, buffer, sizeof(buffer), at) != sizeof(buffer))
			return;
		work__use_cpu(busy_us);
	}
}

// While the disk is still fast.
static int fill_cache(int fd)
{
	static char buffer[1 << 20];
	for (off_t at = 0; at < (off_t)CACHED_BYTES; at += (off_t)sizeof(buffer))
		if (pread(fd, buffer, sizeof(buffer), at) != sizeof(buffer))
			return -1;
	return 0;
}

static int start(struct lab *lab)
{
	lab->clean_up = rawdisk__remove;
	if (rawdisk__make_slow(lab) < 0)
		return -1;
	int direct = rawdisk__open(O_WRONLY | O_DIRECT), cached = rawdisk__open(O_RDONLY);
	if (direct < 0 || cached < 0 || fill_cache(cached) < 0)
		return slowdisk__fail(lab, "a loop device that can be read and written");
	rawdisk.delays->write_us = WRITE_US;
	rawdisk.delays->read_us = WRITE_US;
	lab__start(lab, (struct lab_process){ .name = "archiver", .role = "archive", .part = LAB_INNOCENT, .period_us = 20000, .fd = direct });
	lab__start(lab, (struct lab_process){ .name = "cached-reader", .role = "read-cached", .part = LAB_INNOCENT, .busy_us = 500,
					      .period_us = 5000, .fd = cached });
	close(direct);
	close(cached);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "busydisk",
		.causes = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "archive", archive }, { "read-cached", read_cached }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
