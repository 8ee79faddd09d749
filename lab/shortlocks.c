// Two threads take short kernel locks at a high rate, on objects that they share: the file position, the table of descriptors and a
// pipe. They meet at times and wait some microseconds: busy locks, and no stall.
#include "work.h"

#define THREADS 2
#define OWN_WORK_US 20

static int shared_file, shared_pipe[2];

static __attribute__((noreturn)) void *take_locks(void *argument)
{
	char byte = 0;
	(void)argument;
	for (;;) {
		int copy = dup(shared_file);
		lseek(shared_file, 0, SEEK_SET);
		if (read(shared_file, &byte, 1) != 1 || write(shared_pipe[1], &byte, 1) != 1 || read(shared_pipe[0], &byte, 1) != 1)
			exit(1);
		close(copy);
		work__use_cpu(OWN_WORK_US);
	}
}

static void run_threads(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	shared_file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (shared_file < 0 || pipe2(shared_pipe, O_CLOEXEC) < 0)
		return;
	work__crowd(THREADS, take_locks, NULL);
}

static int start(struct lab *lab)
{
	if (lab__cpus(NULL, 0) < THREADS) {
		lab->needs = "two CPUs, so that its threads do not wait for one";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "log-shipper", .role = "locks", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "shortlocks",
		.roles = (const struct lab_role[]){ { "locks", run_threads }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
