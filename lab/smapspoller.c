// A monitoring agent reads /proc/PID/smaps of a database without a pause. Each read holds the database's mmap_lock for reading
// while the kernel walks the page tables of some mappings, so whoever in the database maps, unmaps or faults by the slow path
// waits for the agent: the culprit is another process than the one that the lock belongs to.
//
// /proc/PID/maps takes no mmap_lock from 6.17 on, smaps still does in 6.18 (fs/proc/task_mmu.c, lock_vma_range: walks of the
// page tables need it). In 7.2 smaps takes the lock of one mapping at a time as well, and the very same agent stalls nobody: the
// truth depends on the kernel that runs. One file in memory, mapped many times, gives gigabytes to walk for little memory.
#include <sys/mman.h>

#include "kernel_version.h"
#include "work.h"

#define FILE_BYTES (64L << 20)
#define MAPPINGS 48
#define SESSIONS 4
#define SESSION_PERIOD_US 2000
#define BUFFER_BYTES (16 << 10)

static __attribute__((noreturn)) void *serve_session(void *argument)
{
	int64_t next = 0;
	(void)argument;
	prctl(PR_SET_NAME, "db-session");
	for (;;) {
		work__pace(&next, SESSION_PERIOD_US);
		char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer == MAP_FAILED)
			exit(1);
		buffer[0] = 1;
		munmap(buffer, BUFFER_BYTES);
	}
}

static void run_database(int fd, long busy_us, long period_us)
{
	int file = memfd_create("pool", MFD_CLOEXEC);
	(void)busy_us, (void)period_us;
	if (file < 0 || ftruncate(file, FILE_BYTES) < 0)
		return;
	for (int i = 0; i < MAPPINGS; i++)
		if (mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0) == MAP_FAILED)
			return;
	// The agent learns whom to watch when there is something to see.
	pid_t self = getpid();
	if (write(fd, &self, sizeof(self)) != sizeof(self))
		return;
	work__crowd(SESSIONS, serve_session, NULL);
}

static void run_agent(int fd, long busy_us, long period_us)
{
	static char buffer[1 << 20];
	char path[64];
	pid_t watched;
	(void)busy_us, (void)period_us;
	if (read(fd, &watched, sizeof(watched)) != sizeof(watched))
		return;
	snprintf(path, sizeof(path), "/proc/%d/smaps", watched);
	for (;;) {
		int smaps = open(path, O_RDONLY | O_CLOEXEC);
		if (smaps < 0)
			return;
		while (read(smaps, buffer, sizeof(buffer)) > 0)
			;
		close(smaps);
	}
}

static bool smaps_takes_mmap_lock(void)
{
	return kernel__is_older_than(7, 2);
}

static int start(struct lab *lab)
{
	bool stall = smaps_takes_mmap_lock();
	lab__start_pair(lab,
			(struct lab_process){ .name = "database", .role = "database", .part = LAB_INNOCENT | (stall ? LAB_VICTIM : 0) },
			(struct lab_process){ .name = "metrics-agent", .role = "agent", .part = stall ? LAB_CULPRIT : LAB_INNOCENT,
					      .operation = "read" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const char *const stall[] = { "lock.mmap", NULL }, *const none[] = { NULL };
	const struct lab_scenario scenario = {
		.name = "smapspoller",
		.causes = smaps_takes_mmap_lock() ? stall : none,
		.roles = (const struct lab_role[]){ { "database", run_database }, { "agent", run_agent }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
