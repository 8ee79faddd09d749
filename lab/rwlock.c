// A table behind one rwlock: few writers, whose changes take 3 ms under the lock, and many readers, which look something up for a
// moment. Everybody waits for the writers; one CPU is busy at most.
#include "work.h"

#define WRITERS 4
#define READERS 10
#define CHANGE_US 3000
#define LOOK_US 50
#define REST_US 1000

static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;

static __attribute__((noreturn)) void *change(void *argument)
{
	(void)argument;
	prctl(PR_SET_NAME, "table-writer");
	for (;;) {
		pthread_rwlock_wrlock(&table);
		work__use_cpu(CHANGE_US);
		pthread_rwlock_unlock(&table);
		usleep(REST_US);
	}
}

static __attribute__((noreturn)) void *look(void *argument)
{
	(void)argument;
	prctl(PR_SET_NAME, "table-reader");
	for (;;) {
		pthread_rwlock_rdlock(&table);
		work__use_cpu(LOOK_US);
		pthread_rwlock_unlock(&table);
		usleep(REST_US);
	}
}

static void run_table(int fd, long busy_us, long period_us)
{
	pthread_t thread;
	(void)fd, (void)busy_us, (void)period_us;
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&thread, NULL, change, NULL) != 0)
			return;
	work__crowd(READERS, look, NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "lookup-table", .role = "table", .part = LAB_CULPRIT | LAB_VICTIM, .cause = "lock.futex" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "rwlock",
		.causes = (const char *const[]){ "lock.futex", NULL },
		.roles = (const struct lab_role[]){ { "table", run_table }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
