#include "collect/saver.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"
#include "collect/pace.h"
#include "recording/recording.h"

#define PAUSE_LEAST_NS (3 * NS_PER_SEC)
#define PAUSE_COSTS 50          // 2 %

struct saver {
	saver_fn *save;
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;           // guards `recording`, `stop`
	pthread_cond_t wake;
	struct recording *recording;    // at hand; NULL: idle
	bool stop;
};

static void *run(void *argument)
{
	struct saver *saver = argument;

	pthread_mutex_lock(&saver->lock);
	for (;;) {
		struct recording *recording;

		while (!saver->recording && !saver->stop)
			pthread_cond_wait(&saver->wake, &saver->lock);
		recording = saver->recording;
		if (!recording)
			break;
		pthread_mutex_unlock(&saver->lock);
		saver->save(saver->context, recording);
		pthread_mutex_lock(&saver->lock);
		recording__free(recording);
		saver->recording = NULL;
	}
	pthread_mutex_unlock(&saver->lock);
	return NULL;
}

static void destroy(struct saver *saver)
{
	pthread_cond_destroy(&saver->wake);
	pthread_mutex_destroy(&saver->lock);
	free(saver);
}

struct saver *saver__start(saver_fn *save, void *context)
{
	struct saver *saver = base__alloc(1, sizeof(*saver));

	saver->save = save;
	saver->context = context;
	pthread_mutex_init(&saver->lock, NULL);
	pthread_cond_init(&saver->wake, NULL);
	if (pthread_create(&saver->thread, NULL, run, saver)) {
		destroy(saver);
		return NULL;
	}
	return saver;
}

bool saver__is_idle(struct saver *saver)
{
	bool idle;

	pthread_mutex_lock(&saver->lock);
	idle = !saver->recording;
	pthread_mutex_unlock(&saver->lock);
	return idle;
}

void saver__save(struct saver *saver, struct recording *recording)
{
	pthread_mutex_lock(&saver->lock);
	saver->recording = recording;
	pthread_cond_signal(&saver->wake);
	pthread_mutex_unlock(&saver->lock);
}

uint64_t saver__pause_ns(uint64_t cost_ns)
{
	return pace__pause_ns(cost_ns, PAUSE_LEAST_NS, PAUSE_COSTS);
}

void saver__end(struct saver *saver)
{
	if (!saver)
		return;
	pthread_mutex_lock(&saver->lock);
	saver->stop = true;
	pthread_cond_signal(&saver->wake);
	pthread_mutex_unlock(&saver->lock);
	pthread_join(saver->thread, NULL);
	destroy(saver);
}
