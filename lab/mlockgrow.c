// A store keeps a table in locked memory, behind a mutex. Each time the table grows, the store locks all of it again, which takes the kernel
// some 15 ms although nearly every page is locked already, and it holds the mutex all that time.
#include "locktable.h"

#define GROW_US 40000           // from the end of one growth to the next
#define CLIENTS 3
#define REQUEST_US 700

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct locktable table;

static __attribute__((noreturn)) void *use_table(void *argument)
{
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	prctl(PR_SET_NAME, "store-client");
	(void)argument;
	for (size_t at = 0;; at = (at + 65537 * 4096) % table.bytes) {
		work__pace(&next, REQUEST_US);
		pthread_mutex_lock(&mutex);
		table.memory[at]++;
		pthread_mutex_unlock(&mutex);
	}
}

static void keep_store(int fd, long busy_us, long period_us)
{
	pthread_t thread;
	(void)fd, (void)busy_us;
	for (int i = 0; i < CLIENTS; i++)
		if (pthread_create(&thread, NULL, use_table, NULL) != 0)
			return;
	for (;;) {
		usleep((useconds_t)period_us);
		pthread_mutex_lock(&mutex);
		int64_t took = locktable__lock(&table);
		pthread_mutex_unlock(&mutex);
		if (took < 0)
			return;
	}
}

static void run_store(int fd, long busy_us, long period_us)
{
	if (locktable__make(&table) == 0)
		keep_store(fd, busy_us, period_us);
}

static int start(struct lab *lab)
{
	if (locktable__available(lab) < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "table-store", .role = "store", .part = LAB_CULPRIT, .operation = "mlock", .period_us = GROW_US });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT | LAB_UNHARMED });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "mlockgrow",
		.busy = (const char *const[]){ "kernel.syscall", NULL },
		// Its clients wait for the mutex meanwhile.
		.allowed = (const char *const[]){ "lock.futex", NULL },
		.state = "stalled|partly_stalled|busy",
		.roles = (const struct lab_role[]){ { "store", run_store }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
