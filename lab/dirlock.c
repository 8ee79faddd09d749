// Many processes create and remove files in one directory, as mail delivery or a job queue does: each change holds the lock of the
// directory's inode for writing. The directory is in memory, in a mount that only the scenario sees and that goes with it.
#include <sys/mount.h>

#include "work.h"

#define WORKERS 12
#define DIRECTORY "/tmp"

static void deliver(int fd, long busy_us, long period_us)
{
	char path[64];
	(void)fd, (void)busy_us, (void)period_us;
	snprintf(path, sizeof(path), DIRECTORY "/message-%d", getpid());
	for (;;) {
		int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (file < 0)
			return;
		close(file);
		unlink(path);
	}
}

static int start(struct lab *lab)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("whystall-lab", DIRECTORY, "tmpfs", 0, "mode=0700") < 0) {
		lab->needs = "root, to mount a file system in memory on " DIRECTORY;
		return -1;
	}
	for (int i = 0; i < WORKERS; i++)
		lab__start(lab, (struct lab_process){ .name = "mail-worker", .role = "deliver", .part = LAB_CULPRIT | LAB_VICTIM,
						      .operation = "open|openat|unlink" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "dirlock",
		.causes = (const char *const[]){ "lock.kernel", NULL },
		// Whoever is not asleep on the lock never pauses: some four of them want the CPUs at a time.
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "deliver", deliver }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
