// A copy program writes faster than its disk takes it: the kernel holds it back as soon as too much is dirty. So that the rest of the machine is
// not touched, the limit is that of the disk alone (strict_limit and max_bytes of its writeback device, Linux 6.2); the machine's own is far away.
#include "slowdisk.h"
#include "work.h"

#define PIECE (256 << 10)
#define FILE_BYTES (48 << 20)

static struct slowdisk disk;

static void copy(int fd, long busy_us, long period_us)
{
	static char piece[PIECE];
	int file = open(SLOWDISK_MOUNT "/copy", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)fd, (void)period_us;
	for (off_t offset = 0;; offset = (offset + PIECE) % FILE_BYTES) {
		if (pwrite(file, piece, sizeof(piece), offset) != sizeof(piece))
			return;
		work__use_cpu(busy_us);
	}
}

// Writes little, to another file system, in memory: it is held back by nothing.
static void log_elsewhere(int fd, long busy_us, long period_us)
{
	int file = memfd_create("log", MFD_CLOEXEC);
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)fd;
	for (off_t offset = 0;; offset = (offset + 4096) % (1 << 20)) {
		static char line[4096];
		work__pace(&next, period_us);
		if (pwrite(file, line, sizeof(line), offset) != sizeof(line))
			return;
		work__use_cpu(busy_us);
	}
}

static void clean_up(void)
{
	slowdisk__remove(&disk);
}

static int limit(struct lab *lab, const char *name, const char *value)
{
	char path[96];
	snprintf(path, sizeof(path), "/sys/class/bdi/%s/%s", disk.number, name);
	int file = open(path, O_WRONLY | O_CLOEXEC);
	int written = file < 0 ? -1 : (int)write(file, value, strlen(value));
	close(file);
	return written > 0 ? 0 : slowdisk__fail(lab, "limits of single devices for dirty memory (/sys/class/bdi/*/max_bytes, Linux 6.2)");
}

static int start(struct lab *lab)
{
	lab->clean_up = clean_up;
	if (slowdisk__make(lab, &disk, 128 << 20) < 0 || limit(lab, "strict_limit", "1") < 0 || limit(lab, "max_bytes", "4194304") < 0)
		return -1;
	disk.delays->write_us = 1000;
	disk.delays->per_mib_us = 100000;
	lab__start(lab, (struct lab_process){ .name = "copy-program", .role = "copy", .part = LAB_CULPRIT | LAB_VICTIM, .busy_us = 500 });
	lab__start(lab, (struct lab_process){ .name = "light-logger", .role = "log", .part = LAB_INNOCENT, .busy_us = 100, .period_us = 5000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "dirtythrottle",
		.causes = (const char *const[]){ "io.dirty", NULL },
		.allowed = (const char *const[]){ "io.device", NULL },
		.roles = (const struct lab_role[]){ { "copy", copy }, { "log", log_elsewhere }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
