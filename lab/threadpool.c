// A pool whose workers make work for each other: each job ends by handing the next one to the pool. The same threads wait on the condition
// variable and wake there, one runs and the others sleep, just as at a lock; but nobody wants to run who does not.
#include "work.h"

#define WORKERS 8
#define CHAINS 1                 // jobs under way at any time
#define JOB_US 700

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	int jobs;
};

static __attribute__((noreturn)) void *work(void *argument)
{
	struct pool *pool = argument;
	for (;;) {
		pthread_mutex_lock(&pool->lock);
		while (!pool->jobs)
			pthread_cond_wait(&pool->filled, &pool->lock);
		pool->jobs--;
		pthread_mutex_unlock(&pool->lock);
		work__use_cpu(JOB_US);
		usleep(1000);           // the next step's data has to come
		pthread_mutex_lock(&pool->lock);
		pool->jobs++;
		pthread_cond_signal(&pool->filled);
		pthread_mutex_unlock(&pool->lock);
	}
}

static void run_pool(int fd, long busy_us, long period_us)
{
	static struct pool pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, CHAINS };
	(void)fd, (void)busy_us, (void)period_us;
	work__crowd(WORKERS, work, &pool);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "pipeline-pool", .role = "pool", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "threadpool",
		.roles = (const struct lab_role[]){ { "pool", run_pool }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
