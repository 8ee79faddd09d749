// A delivery agent creates, moves and removes files and syncs nothing. A database on the same file system syncs its log all the time: while the
// journal commits, whoever wants to change the same blocks of metadata waits until the slow disk has the commit.
#include <limits.h>
#include <sys/stat.h>

#include "slowdisk.h"
#include "work.h"

#define STEP 4096
#define MOST (32 << 20)
#define FILES 64

static struct slowdisk disk;

// Makes room for its log and makes that durable: nothing but metadata again, so that the disk writes little beside the journal.
static void commit(int fd, long busy_us, long period_us)
{
	int file = open(SLOWDISK_MOUNT "/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)fd, (void)period_us;
	for (off_t size = 0;; size += STEP) {
		if (size >= MOST && ftruncate(file, size = 0) < 0)
			return;
		if (posix_fallocate(file, size, STEP) || fsync(file) < 0)
			return;
		work__use_cpu(busy_us);
	}
}

// Empty files that are made, moved and removed: nothing but metadata.
static void deliver(int fd, long busy_us, long period_us)
{
	char from[96], to[96];
	(void)fd, (void)period_us;
	mkdir(SLOWDISK_MOUNT "/mail", 0700);
	for (unsigned number = 0;; number++) {
		snprintf(from, sizeof(from), SLOWDISK_MOUNT "/mail/.new-%u", number % FILES);
		snprintf(to, sizeof(to), SLOWDISK_MOUNT "/mail/message-%u", number % FILES);
		int file = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0 || close(file) < 0 || rename(from, to) < 0 || unlink(to) < 0)
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
	disk.delays->write_us = 12000;
	disk.delays->sync_us = 1000;
	lab__start(lab, (struct lab_process){ .name = "database", .role = "commit", .part = LAB_CULPRIT, .cause = "io.journal", .busy_us = 200 });
	lab__start(lab, (struct lab_process){ .name = "mail-delivery", .role = "deliver", .part = LAB_VICTIM, .cause = "io.journal", .busy_us = 200 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "journal",
		.causes = (const char *const[]){ "io.journal", NULL },
		// The database waits for its own syncs meanwhile, both for the slow disk.
		.allowed = (const char *const[]){ "io.fsync", "io.device", NULL },
		.roles = (const struct lab_role[]){ { "commit", commit }, { "deliver", deliver }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
