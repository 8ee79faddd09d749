// Two writers that make each small record durable, each in a file of its own: most of the time passes in fsync, in very many short waits. Nobody
// else is to blame for that. A program that reads a record of another file now and then waits for the disk for a moment, and loses nothing.
#include "diskfile.h"
#include "work.h"

#define RECORD_BYTES 4096
#define LOG_BYTES (8L << 20)
#define READ_BYTES (64L << 20)

static void commit(int fd, long busy_us, long period_us)
{
	static char record[RECORD_BYTES] __attribute__((aligned(4096)));
	(void)busy_us, (void)period_us;
	for (off_t offset = 0;; offset = (offset + RECORD_BYTES) % LOG_BYTES) {
		record[0]++;
		if (pwrite(fd, record, sizeof(record), offset) != sizeof(record) || fsync(fd) < 0)
			return;
	}
}

// Past the page cache, at places that are spread over the file.
static void look_up(int fd, long busy_us, long period_us)
{
	static char record[RECORD_BYTES] __attribute__((aligned(4096)));
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
		return;
	for (off_t offset = 0;; offset = (offset + 4099L * RECORD_BYTES) % READ_BYTES) {
		work__pace(&next, period_us);
		if (pread(fd, record, sizeof(record), offset) != sizeof(record))
			return;
		work__use_cpu(busy_us);
	}
}

static int start(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		int log = diskfile__make(lab, LOG_BYTES);
		if (log < 0)
			return -1;
		lab__start(lab, (struct lab_process){ .name = "record-writer", .role = "commit", .part = LAB_CULPRIT | LAB_VICTIM, .fd = log });
		close(log);
	}
	int file = diskfile__make(lab, READ_BYTES);
	if (file < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "catalog-reader", .role = "look-up", .part = LAB_INNOCENT | LAB_UNHARMED, .fd = file,
					      .busy_us = 500, .period_us = 20000 });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT | LAB_UNHARMED });
	close(file);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "ownsyncs",
		.busy = (const char *const[]){ "io.fsync", NULL },
		// The syncs hang on the journal of the file system and on the disk.
		.allowed = (const char *const[]){ "io.journal", "io.device", NULL },
		.state = "stalled|partly_stalled|busy",
		.roles = (const struct lab_role[]){ { "commit", commit }, { "look-up", look_up }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
