// The same noise without anyone suffering: a program that syncs all the time a file in memory, and one that writes a lot and syncs nothing on a
// disk that takes it at once.
#include "slowdisk.h"
#include "work.h"

#define LOG_BYTES 8192
#define PIECE (64 << 10)
#define FILE_BYTES (32 << 20)

static struct slowdisk disk;

static void sync_in_memory(int fd, long busy_us, long period_us)
{
	static char record[LOG_BYTES];
	int file = memfd_create("log", MFD_CLOEXEC);
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)fd;
	for (off_t offset = 0;; offset = (offset + LOG_BYTES) % (8 << 20)) {
		work__pace(&next, period_us);
		if (pwrite(file, record, sizeof(record), offset) != sizeof(record) || fsync(file) < 0)
			return;
		work__use_cpu(busy_us);
	}
}

static void write_behind(int fd, long busy_us, long period_us)
{
	static char piece[PIECE];
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	int file = open(SLOWDISK_MOUNT "/data", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)fd;
	for (off_t offset = 0;; offset = (offset + PIECE) % FILE_BYTES) {
		work__pace(&next, period_us);
		if (pwrite(file, piece, sizeof(piece), offset) != sizeof(piece))
			return;
		work__use_cpu(busy_us);
	}
}

static void clean_up(void)
{
	slowdisk__remove(&disk);
}

static int start(struct lab *lab)
{
	lab->clean_up = clean_up;
	if (slowdisk__make(lab, &disk, 128 << 20) < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "memory-log", .role = "sync", .part = LAB_INNOCENT, .busy_us = 200, .period_us = 1000 });
	lab__start(lab, (struct lab_process){ .name = "write-behind", .role = "write", .part = LAB_INNOCENT, .busy_us = 200, .period_us = 4000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "fastsyncs",
		.causes = (const char *const[]){ NULL },
		.allowed = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "sync", sync_in_memory }, { "write", write_behind }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
