#include "collect/pulse.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/base.h"

#define PERIOD_NS (20 * (long)NS_PER_MSEC)
#define GAP_NS (40 * (int64_t)NS_PER_MSEC)
#define GAPS 256                // until they are taken, every 100 ms

struct pulse {
	pthread_t thread;
	bool stop;
	uint32_t count, taken;
	struct { int64_t start_ns, end_ns; } gaps[GAPS];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static void *beat(void *argument)
{
	struct pulse *pulse = argument;
	const struct timespec period = { 0, PERIOD_NS };

	prctl(PR_SET_NAME, "whystall-pulse");
	for (int64_t last = now_ns(); !__atomic_load_n(&pulse->stop, __ATOMIC_RELAXED);) {
		nanosleep(&period, NULL);
		int64_t now = now_ns();

		if (now - last >= GAP_NS) {
			pulse->gaps[pulse->count % GAPS].start_ns = last;
			pulse->gaps[pulse->count % GAPS].end_ns = now;
			__atomic_store_n(&pulse->count, pulse->count + 1, __ATOMIC_RELEASE);
		}
		last = now;
	}
	return NULL;
}

struct pulse *pulse__start(void)
{
	struct pulse *pulse = base__alloc(1, sizeof(*pulse));

	if (pthread_create(&pulse->thread, NULL, beat, pulse) == 0)
		return pulse;
	free(pulse);
	return NULL;
}

void pulse__stop(struct pulse *pulse)
{
	if (!pulse)
		return;
	__atomic_store_n(&pulse->stop, true, __ATOMIC_RELAXED);
	pthread_join(pulse->thread, NULL);
	free(pulse);
}

bool pulse__take(struct pulse *pulse, int64_t *ret_start_ns, int64_t *ret_end_ns)
{
	uint32_t count = __atomic_load_n(&pulse->count, __ATOMIC_ACQUIRE);

	if (count == pulse->taken)
		return false;
	if (count - pulse->taken > GAPS)
		pulse->taken = count - GAPS;
	*ret_start_ns = pulse->gaps[pulse->taken % GAPS].start_ns;
	*ret_end_ns = pulse->gaps[pulse->taken++ % GAPS].end_ns;
	return true;
}
