// A batch job keeps 24 reads under way on a disk that needs 2 ms for each and serves one at a time. A server's few reads wait in that queue.
#include "aio.h"
#include "rawdisk.h"

#define READ_US 2000
#define DEPTH 24

static void flood(int fd, long busy_us, long period_us)
{
	struct aio aio;
	(void)busy_us, (void)period_us;
	if (aio__open(&aio, fd, IOCB_CMD_PREAD, 0, RAWDISK_BYTES, 4096) < 0)
		return;
	while (aio__fill(&aio, DEPTH) == 0 && aio__take(&aio, 1) > 0)
		;
}

static int start(struct lab *lab)
{
	lab->clean_up = rawdisk__remove;
	if (rawdisk__make_slow(lab) < 0)
		return -1;
	rawdisk.delays->read_us = READ_US;
	int fd = rawdisk__open(O_RDONLY | O_DIRECT);
	lab__start(lab, (struct lab_process){ .name = "batch-reader", .role = "flood", .part = LAB_CULPRIT, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "shop-server", .role = "read", .part = LAB_VICTIM, .busy_us = 1000, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "diskhog",
		.causes = (const char *const[]){ "io.device", NULL },
		.roles = (const struct lab_role[]){ { "flood", flood }, { "read", rawdisk__read }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
