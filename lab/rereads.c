// A program reads a file of 200 MiB over and over in a cgroup that may have 60 MiB: each page is dropped before it is wanted again and must be read from
// the disk once more. With the whole file in the page cache it would never touch the disk. Its neighbour is in no group and waits for nothing.
#include "diskfile.h"
#include "work.h"

#define FILE_BYTES (200L << 20)
#define LIMIT_BYTES (60L << 20)
#define PIECE_BYTES (128 << 10)

static void read_over_and_over(int fd, long busy_us, long period_us)
{
	static char piece[PIECE_BYTES];
	(void)busy_us, (void)period_us;
	for (off_t at = 0;; at = (at + PIECE_BYTES) % FILE_BYTES)
		if (pread(fd, piece, sizeof(piece), at) != sizeof(piece))
			return;
}

static int start(struct lab *lab)
{
	int fd = diskfile__make(lab, FILE_BYTES);
	if (fd < 0)
		return -1;
	if (lab_group__make_memory(&lab->group, "rereads", LIMIT_BYTES) < 0) {
		lab->needs = "a cgroup hierarchy with the memory controller in which root may make a group";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "report-reader", .role = "read", .part = LAB_VICTIM, .group = &lab->group, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "neighbour", .role = "pulse", .part = LAB_INNOCENT | LAB_UNHARMED, .busy_us = 1000,
					      .period_us = 10000 });
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "rereads",
		.causes = (const char *const[]){ "memory.limit", NULL },
		// What the limit brings about, and what it must wait for.
		.allowed = (const char *const[]){ "memory.thrash", "io.device", NULL },
		.roles = (const struct lab_role[]){ { "read", read_over_and_over }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
