#include "identify/patience.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

// The entries that one thread works on. Both sides hold it; the last one frees it, with the entries that are still in it.
struct batch {
	struct patience patience;
	pthread_mutex_t lock;
	pthread_cond_t progress;
	int holders;
	bool abandoned;
	size_t count, finished;
	char entries[];
};

int64_t patience__now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static char *entry_of(struct batch *batch, size_t index)
{
	return batch->entries + index * batch->patience.entry_size;
}

static void release(struct batch *batch)
{
	pthread_mutex_lock(&batch->lock);
	bool last = --batch->holders == 0;
	pthread_mutex_unlock(&batch->lock);
	if (!last)
		return;
	for (size_t i = 0; i < batch->count; i++)
		batch->patience.clean(entry_of(batch, i));
	pthread_cond_destroy(&batch->progress);
	pthread_mutex_destroy(&batch->lock);
	free(batch);
}

static void *work(void *argument)
{
	struct batch *batch = argument;
	const struct patience *patience = &batch->patience;
	void *tools = patience->make_tools ? patience->make_tools() : NULL;
	bool stop = false;

	for (size_t i = 0; i < batch->count && !stop; i++) {
		patience->step(tools, entry_of(batch, i));
		pthread_mutex_lock(&batch->lock);
		batch->finished = i + 1;
		stop = batch->abandoned;
		pthread_cond_signal(&batch->progress);
		pthread_mutex_unlock(&batch->lock);
	}
	if (patience->free_tools)
		patience->free_tools(tools);
	release(batch);
	return NULL;
}

// Moves entries to a new thread. NULL: none could be made, the entries are where they were.
static struct batch *start(const struct patience *patience, const void *entries, size_t count)
{
	struct batch *batch = base__alloc(1, sizeof(*batch) + count * patience->entry_size);
	pthread_condattr_t clock;
	pthread_t thread;
	sigset_t all, before;

	batch->patience = *patience;
	batch->count = count;
	batch->holders = 2;
	memcpy(batch->entries, entries, count * patience->entry_size);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&batch->lock, NULL);
	pthread_cond_init(&batch->progress, &clock);
	pthread_condattr_destroy(&clock);
	// Ctrl-C and the like belong to the main thread.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, NULL, work, batch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error) {
		pthread_detach(thread);
		return batch;
	}
	batch->count = 0;
	batch->holders = 1;
	release(batch);
	return NULL;
}

// Waits until the thread is through or makes no progress. Returns the number of entries it has finished; it works on the next
// one then, and will not go beyond it.
static size_t await(struct batch *batch, int64_t deadline_ns)
{
	size_t finished = 0;

	pthread_mutex_lock(&batch->lock);
	while (batch->finished < batch->count) {
		int64_t until = patience__now_ns() + batch->patience.step_ns;
		int error = 0;

		if (until > deadline_ns)
			until = deadline_ns;
		struct timespec time = { until / (int64_t)NS_PER_SEC, until % (int64_t)NS_PER_SEC };
		while (batch->finished == finished && !error)
			error = pthread_cond_timedwait(&batch->progress, &batch->lock, &time);
		if (batch->finished == finished)
			break;
		finished = batch->finished;
	}
	finished = batch->finished;
	batch->abandoned = finished < batch->count;
	pthread_mutex_unlock(&batch->lock);
	return finished;
}

size_t patience__each(const struct patience *patience, void *entries, size_t count, int64_t deadline_ns)
{
	size_t size = patience->entry_size, first = 0, left_behind = 0;

	while (first < count && patience__now_ns() < deadline_ns) {
		char *rest = (char *)entries + first * size;
		struct batch *batch = start(patience, rest, count - first);

		if (!batch)
			break;
		size_t finished = await(batch, deadline_ns);
		memcpy(rest, batch->entries, finished * size);
		memset(batch->entries, 0, finished * size);
		first += finished;
		if (first < count) {
			// The one in work stays with its thread, those behind it come back.
			memset(rest + finished * size, 0, size);
			memset(entry_of(batch, finished + 1), 0, (count - first - 1) * size);
			first++;
			left_behind++;
		}
		release(batch);
	}
	return left_behind;
}
