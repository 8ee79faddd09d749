// A queue between producers and consumers, with a mutex and two condition variables: consumers sleep until a job is there. They wait
// for work; the mutex is held for a moment only. An off-CPU sum shows the same futex waits as that of a lock.
#include "work.h"

#define CONSUMERS 8
#define PLACES 16
#define JOB_US 400

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	int jobs;
	long period_us;
};

static __attribute__((noreturn)) void *consume(void *argument)
{
	struct queue *queue = argument;
	for (;;) {
		pthread_mutex_lock(&queue->lock);
		while (!queue->jobs)
			pthread_cond_wait(&queue->filled, &queue->lock);
		queue->jobs--;
		pthread_cond_signal(&queue->drained);
		pthread_mutex_unlock(&queue->lock);
		work__use_cpu(JOB_US);
	}
}

static __attribute__((noreturn)) void *produce(void *argument)
{
	struct queue *queue = argument;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		work__pace(&next, queue->period_us);
		pthread_mutex_lock(&queue->lock);
		while (queue->jobs == PLACES)
			pthread_cond_wait(&queue->drained, &queue->lock);
		queue->jobs++;
		pthread_cond_signal(&queue->filled);
		pthread_mutex_unlock(&queue->lock);
	}
}

static void run_queue(int fd, long busy_us, long period_us)
{
	static struct queue queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };
	pthread_t thread;
	(void)fd, (void)busy_us;
	queue.period_us = period_us;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, produce, &queue) != 0)
			return;
	work__crowd(CONSUMERS, consume, &queue);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "job-queue", .role = "queue", .part = LAB_INNOCENT, .period_us = 4000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "condqueue",
		.roles = (const struct lab_role[]){ { "queue", run_queue }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
