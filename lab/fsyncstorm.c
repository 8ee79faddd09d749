// A database that makes each of its small transactions durable with fsync, on a disk that takes milliseconds for each write and more for a
// flush. Most of the time it wants to go on passes in fsync.
#include "slowdisk.h"
#include "work.h"

#define LOG_BYTES 8192

static struct slowdisk disk;

// Appends a record, syncs, computes: a transaction. What it measured of its own syncs goes to `fd` when it ends, where somebody listens.
static void commit(int fd, long busy_us, long period_us)
{
	static char record[LOG_BYTES];
	char path[96], line[96];
	int64_t synced_ns = 0, syncs = 0, since = work__clock_ns(CLOCK_MONOTONIC);
	(void)period_us;
	snprintf(path, sizeof(path), SLOWDISK_MOUNT "/log-%d", getpid());
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (;;) {
		if (write(file, record, sizeof(record)) != sizeof(record))
			return;
		int64_t begin = work__clock_ns(CLOCK_MONOTONIC);
		if (fsync(file) < 0)
			return;
		int64_t end = work__clock_ns(CLOCK_MONOTONIC);
		synced_ns += end - begin;
		syncs++;
		if (fd && end - since >= 1000000000LL) {
			int length = snprintf(line, sizeof(line), "%d %lld %lld %lld\n", getpid(), (long long)end, (long long)synced_ns, (long long)syncs);
			if (write(fd, line, (size_t)length) != length)
				return;
			since = end;
		}
		if (lseek(file, 0, SEEK_CUR) > (8 << 20))
			lseek(file, 0, SEEK_SET);
		work__use_cpu(busy_us);
	}
}

static void clean_up(void)
{
	slowdisk__remove(&disk);
}

static int start(struct lab *lab)
{
	const char *figures = getenv("WHYSTALL_LAB_FIGURES");
	int fd = figures ? open(figures, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : 0;
	lab->clean_up = clean_up;
	if (slowdisk__make(lab, &disk, 128 << 20) < 0)
		return -1;
	disk.delays->write_us = 1000;
	disk.delays->sync_us = 4000;
	for (int i = 0; i < 2; i++)
		lab__start(lab, (struct lab_process){ .name = "database", .role = "commit", .part = LAB_VICTIM, .busy_us = 1000, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "fsyncstorm",
		.causes = (const char *const[]){ "io.fsync", NULL },
		// The syncs hang on the journal of the file system and on the slow disk below it.
		.allowed = (const char *const[]){ "io.journal", "io.device", NULL },
		.roles = (const struct lab_role[]){ { "commit", commit }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
