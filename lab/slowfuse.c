// A program reads and writes a file on a file system in user space whose server takes long for each answer. Nothing here is busy.
#include "slowdisk.h"
#include "work.h"

#define FILE_BYTES (16 << 20)

static struct slowdisk served;

static void serve(int fd, long busy_us, long period_us)
{
	struct fuse_delays delays = { .read_us = period_us, .write_us = period_us };
	int file = memfd_create("served", MFD_CLOEXEC);
	(void)busy_us;
	if (file >= 0 && ftruncate(file, FILE_BYTES) == 0)
		fuse__serve(fd, file, FILE_BYTES, &delays);
}

static void use(int fd, long busy_us, long period_us)
{
	static char block[4096];
	int file = open(SLOWDISK_SERVED "/" FUSE_FILE, O_RDWR | O_CLOEXEC);
	(void)fd, (void)period_us;
	for (off_t offset = 0;; offset = (offset + (off_t)sizeof(block)) % FILE_BYTES) {
		if (pread(file, block, sizeof(block), offset) != sizeof(block) ||
		    (offset % 65536 == 0 && pwrite(file, block, sizeof(block), offset) != sizeof(block)))
			return;
		work__use_cpu(busy_us);
	}
}

static void clean_up(void)
{
	slowdisk__remove(&served);
}

static int start(struct lab *lab)
{
	lab->clean_up = clean_up;
	int fd = slowdisk__mount_served(lab, &served);
	if (fd < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "photo-server", .role = "serve", .part = LAB_CULPRIT, .fd = fd, .period_us = 20000 });
	close(fd);
	lab__start(lab, (struct lab_process){ .name = "photo-viewer", .role = "use", .part = LAB_VICTIM, .busy_us = 500 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "slowfuse",
		.causes = (const char *const[]){ "io.remote", NULL },
		.allowed = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "serve", serve }, { "use", use }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
