// A disk that takes 30 ms for each request, whoever asks: a database reads one record after the other and stands most of the time.
#include "rawdisk.h"

#define READ_US 30000

static int start(struct lab *lab)
{
	lab->clean_up = rawdisk__remove;
	if (rawdisk__make_slow(lab) < 0)
		return -1;
	rawdisk.delays->read_us = READ_US;
	int fd = rawdisk__open(O_RDONLY | O_DIRECT);
	lab__start(lab, (struct lab_process){ .name = "database", .role = "read", .part = LAB_VICTIM, .busy_us = 1000, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	lab__add_other(lab, (struct lab_other){ .kind = "device", .name = rawdisk__name(), .cause = "io.device" });
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "slowdisk",
		.causes = (const char *const[]){ "io.device", NULL },
		.roles = (const struct lab_role[]){ { "read", rawdisk__read }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
