// A tenant that may read 40 times a second from a disk which would answer within microseconds; another one beside it has no limit and is innocent.
#include "iogroup.h"
#include "rawdisk.h"

#define READS 40

static struct io_group limited;

static void clean_up(void)
{
	io_group__remove(&limited);
	rawdisk__remove();
}

static int start(struct lab *lab)
{
	lab->clean_up = clean_up;
	if (rawdisk__make_fast(lab) < 0)
		return -1;
	if (io_group__make(&limited, "iolimit", rawdisk.number, READS) < 0)
		return slowdisk__fail(lab, "a cgroup hierarchy with the io (v1: blkio) controller, throttling, and root");
	int fd = rawdisk__open(O_RDONLY | O_DIRECT);
	lab__start(lab, (struct lab_process){ .name = "limited-tenant", .role = "read", .part = LAB_VICTIM, .busy_us = 1000, .fd = fd,
					      .group = &limited.group });
	lab__start(lab, (struct lab_process){ .name = "free-tenant", .role = "read", .part = LAB_INNOCENT, .busy_us = 4000, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	lab__add_other(lab, (struct lab_other){ .kind = "quota", .cgroup = limited.group.path, .cause = "io.limit" });
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "iolimit",
		.causes = (const char *const[]){ "io.limit", NULL },
		.roles = (const struct lab_role[]){ { "read", rawdisk__read }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
