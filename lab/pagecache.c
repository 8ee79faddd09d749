// A backup reads files larger than anything else in memory and fills the page cache with them, while there is memory to spare. Nobody
// waits for memory: a full page cache is a use of what lay idle. The file is a hole, so no disk is read either.
#include "work.h"

#define FILE_BYTES (1500L << 20)
#define PIECE_BYTES (1L << 20)

static void read_file(int fd, long busy_us, long period_us)
{
	static char buffer[PIECE_BYTES];
	int64_t next = 0;
	(void)busy_us;
	for (;;) {
		for (off_t at = 0; at < FILE_BYTES; at += PIECE_BYTES) {
			work__pace(&next, period_us);
			if (pread(fd, buffer, PIECE_BYTES, at) != PIECE_BYTES)
				return;
		}
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

static int start(struct lab *lab)
{
	char path[] = "/var/tmp/whystall-lab-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || unlink(path) < 0 || ftruncate(fd, FILE_BYTES) < 0) {
		lab->needs = "a directory /var/tmp that can be written to";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "backup-reader", .role = "read", .part = LAB_INNOCENT, .fd = fd, .period_us = 3000 });
	close(fd);
	lab__start_pair(lab, (struct lab_process){ .name = "shop-server", .role = "serve", .part = LAB_INNOCENT, .busy_us = 1500 },
			(struct lab_process){ .name = "shop-client", .role = "ask", .period_us = 8000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "pagecache",
		.causes = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "read", read_file }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
