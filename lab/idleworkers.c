// Hundreds of threads that wait for work which seldom comes: futex, condition variable and epoll waits of minutes
// that are no stall. An off-CPU sum over them is hundreds of seconds for each second of wall time.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "work.h"

#define THREADS_OF_EACH_KIND 100

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	int jobs;
	int event;              // an eventfd that counts as a semaphore
	int poll;               // an epoll that watches it
	uint32_t word;          // a futex that never changes
};

static __attribute__((noreturn)) void *wait_on_condition(void *argument)
{
	struct queue *queue = argument;
	for (;;) {
		pthread_mutex_lock(&queue->lock);
		while (!queue->jobs)
			pthread_cond_wait(&queue->filled, &queue->lock);
		queue->jobs--;
		pthread_mutex_unlock(&queue->lock);
		work__use_cpu(200);
	}
}

static __attribute__((noreturn)) void *wait_on_epoll(void *argument)
{
	struct queue *queue = argument;
	struct epoll_event event;
	uint64_t one;
	for (;;)
		if (epoll_wait(queue->poll, &event, 1, -1) == 1 && read(queue->event, &one, sizeof(one)) == sizeof(one))
			work__use_cpu(200);
}

static __attribute__((noreturn)) void *wait_on_futex(void *argument)
{
	struct queue *queue = argument;
	for (;;)
		syscall(SYS_futex, &queue->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

// One job for a condition waiter and one for an epoll waiter each period.
static void feed(struct queue *queue, long period_us)
{
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		uint64_t one = 1;
		work__pace(&next, period_us);
		pthread_mutex_lock(&queue->lock);
		queue->jobs++;
		pthread_cond_signal(&queue->filled);
		pthread_mutex_unlock(&queue->lock);
		if (write(queue->event, &one, sizeof(one)) != sizeof(one))
			return;
	}
}

static void run_pool(int fd, long busy_us, long period_us)
{
	static struct queue queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };
	struct epoll_event watch = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	void *(*const waits[])(void *) = { wait_on_condition, wait_on_epoll, wait_on_futex };
	(void)fd, (void)busy_us;
	queue.event = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK);
	queue.poll = epoll_create1(EPOLL_CLOEXEC);
	if (queue.event < 0 || queue.poll < 0 || epoll_ctl(queue.poll, EPOLL_CTL_ADD, queue.event, &watch) < 0)
		return;
	for (int i = 0; i < 3 * THREADS_OF_EACH_KIND; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, waits[i % 3], &queue) != 0)
			return;
		pthread_detach(thread);
	}
	feed(&queue, period_us);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "worker-pool", .role = "pool", .part = LAB_INNOCENT, .period_us = 100000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "idleworkers",
		.roles = (const struct lab_role[]){ { "pool", run_pool }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
