// Waits at a lock that the program measures itself, for tests/live/futex.test: usage futex_load SECONDS. One thread, the keeper, holds a mutex for
// 4 ms again and again; the others only look in. Prints one line of JSON: what they waited by their own clocks, the keeper's number, and how often
// the keeper gave the lock up.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VISITORS 6
#define KEPT_NS 4000000LL

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over;
static atomic_long keeper_tid, given_up;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void *keep(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "keeper");
	keeper_tid = syscall(SYS_gettid);
	while (!over) {
		pthread_mutex_lock(&lock);
		for (int64_t end = now_ns() + KEPT_NS; now_ns() < end;)
			;
		pthread_mutex_unlock(&lock);
		given_up++;
		usleep(1000);
	}
	return NULL;
}

static void *visit(void *result)
{
	int64_t *waited_ns = result;

	while (!over) {
		int64_t began = now_ns();

		pthread_mutex_lock(&lock);
		*waited_ns += now_ns() - began;
		pthread_mutex_unlock(&lock);
		usleep(300);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t waited_ns[VISITORS] = { 0 }, sum = 0;
	pthread_t keeper, visitors[VISITORS];

	if (argc != 2)
		return 2;
	if (pthread_create(&keeper, NULL, keep, NULL))
		return 1;
	for (int i = 0; i < VISITORS; i++)
		if (pthread_create(&visitors[i], NULL, visit, &waited_ns[i]))
			return 1;
	usleep((useconds_t)(atof(argv[1]) * 1e6));
	over = true;
	pthread_join(keeper, NULL);
	for (int i = 0; i < VISITORS; i++) {
		pthread_join(visitors[i], NULL);
		sum += waited_ns[i];
	}
	printf("{\"pid\":%d,\"waited_ns\":%lld,\"keeper\":%ld,\"given_up\":%ld}\n", (int)getpid(), (long long)sum, (long)keeper_tid, (long)given_up);
	return 0;
}
