// A stall that is handed on: threads of a server answer requests, each answer needs the table's mutex, and the thread that keeps the table
// holds that mutex while it writes to a pipe whose reader, another process, takes its time. The root lies two wake-ups away from the client.
#include "work.h"

#define ANSWERERS 3
#define BLOCK 65536

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noreturn)) void *answer(void *argument)
{
	(void)argument;
	prctl(PR_SET_NAME, "answerer");
	for (;;) {
		pthread_mutex_lock(&table);
		work__use_cpu(200);
		pthread_mutex_unlock(&table);
		usleep(2000);
	}
}

static void *keep(void *argument)
{
	static char block[BLOCK];
	int fd = *(int *)argument;
	prctl(PR_SET_NAME, "table-keeper");
	for (;;) {
		pthread_mutex_lock(&table);
		ssize_t written = write(fd, block, sizeof(block));
		pthread_mutex_unlock(&table);
		if (written <= 0)
			exit(1);
		usleep(2000);
	}
}

static void run_server(int fd, long busy_us, long period_us)
{
	pthread_t thread;
	(void)busy_us, (void)period_us;
	if (pthread_create(&thread, NULL, keep, &fd) != 0)
		return;
	work__crowd(ANSWERERS, answer, NULL);
}

// Takes a block each period, however much is waiting for it.
static void run_archive(int fd, long busy_us, long period_us)
{
	static char block[BLOCK];
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	(void)busy_us;
	for (;;) {
		work__pace(&next, period_us);
		for (size_t left = sizeof(block); left;) {
			ssize_t got = read(fd, block, left);
			if (got <= 0)
				return;
			left -= (size_t)got;
		}
	}
}

static int start(struct lab *lab)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "table-server", .role = "server", .part = LAB_CULPRIT | LAB_VICTIM, .cause = "lock.futex",
					      .fd = ends[1] });
	lab__start(lab, (struct lab_process){ .name = "slow-archive", .role = "archive", .fd = ends[0], .period_us = 40000 });
	close(ends[0]);
	close(ends[1]);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "chain",
		.causes = (const char *const[]){ "lock.futex", NULL },
		.roles = (const struct lab_role[]){ { "server", run_server }, { "archive", run_archive }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
