#include "collect/rtc_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

// Anybody may read this one at any time; /dev/rtc0 can be held by one program only, and its interrupts are emulated by polling where there is a HPET.
#define RTC "/sys/class/rtc/rtc0/since_epoch"
#define STEPS 64                // until they are taken, every 100 ms; there can be no two in a second
#define SUSPENDED_NS (10 * (int64_t)NS_PER_MSEC)

struct rtc_watch {
	int fd;
	const volatile uint32_t *times_set;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock;           // of all below
	pthread_cond_t changed;
	bool stop, hurry, works;        // hurry: read now
	struct rtc_follow follow;
	struct rtc_step steps[STEPS];
	unsigned count, taken;
	// Of the thread only.
	uint32_t times_set_seen;
	int64_t slept_ns;               // CLOCK_BOOTTIME less CLOCK_MONOTONIC
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ (time_t)(ns / (int64_t)NS_PER_SEC), (long)(ns % (int64_t)NS_PER_SEC) };
}

struct rtc_watch *rtc_watch__open(const volatile uint32_t *times_set, int *ret_error)
{
	struct rtc_watch *watch;
	pthread_condattr_t attributes;
	int fd = open(RTC, O_RDONLY | O_CLOEXEC);

	*ret_error = fd < 0 ? errno : 0;
	if (fd < 0)
		return NULL;
	watch = base__alloc(1, sizeof(*watch));
	watch->fd = fd;
	watch->times_set = times_set;
	pthread_mutex_init(&watch->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return watch;
}

static bool read_clock(const struct rtc_watch *watch, struct rtc_read *ret)
{
	char text[32];
	ssize_t length;

	ret->raw_before_ns = clock_ns(CLOCK_MONOTONIC_RAW);
	length = pread(watch->fd, text, sizeof(text) - 1, 0);
	ret->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	ret->raw_after_ns = clock_ns(CLOCK_MONOTONIC_RAW);
	text[length > 0 ? length : 0] = '\0';
	ret->seconds = strtoll(text, NULL, 10);
	return ret->seconds > 0;
}

static void keep(struct rtc_watch *watch, const struct rtc_step *step)
{
	if (watch->count - watch->taken < STEPS)
		watch->steps[watch->count++ % STEPS] = *step;
}

// Set by somebody, or gone on while this system was suspended: what was known holds no longer.
static bool was_set(struct rtc_watch *watch)
{
	int64_t slept = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
	uint32_t times = *watch->times_set;
	bool set = times != watch->times_set_seen || llabs(slept - watch->slept_ns) > SUSPENDED_NS;

	watch->times_set_seen = times;
	watch->slept_ns = slept;
	return set;
}

static void look(struct rtc_watch *watch)
{
	struct rtc_read now;
	struct rtc_step step;
	bool done = read_clock(watch, &now), set = was_set(watch);

	pthread_mutex_lock(&watch->lock);
	if (set)
		rtc_follow__forget(&watch->follow);
	if (done && rtc_follow__read(&watch->follow, &now, &step))
		keep(watch, &step);
	watch->works = watch->works || done;
	watch->hurry = false;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static void *follow(void *argument)
{
	struct rtc_watch *watch = argument;

	prctl(PR_SET_NAME, "whystall-clock");
	pthread_mutex_lock(&watch->lock);
	while (!watch->stop) {
		int64_t raw = clock_ns(CLOCK_MONOTONIC_RAW), next = rtc_follow__next(&watch->follow, raw);

		if (!watch->hurry && next > raw) {
			struct timespec until = timespec_of(clock_ns(CLOCK_MONOTONIC) + next - raw);

			pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
			if (watch->stop || (!watch->hurry && clock_ns(CLOCK_MONOTONIC_RAW) < next))
				continue;
		}
		pthread_mutex_unlock(&watch->lock);
		look(watch);
		pthread_mutex_lock(&watch->lock);
	}
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

int rtc_watch__start(struct rtc_watch *watch)
{
	const struct sched_param lowest = { .sched_priority = 1 };
	pthread_attr_t attributes;
	int error;

	watch->times_set_seen = *watch->times_set;
	watch->slept_ns = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &lowest);
	error = pthread_create(&watch->thread, &attributes, follow, watch);
	pthread_attr_destroy(&attributes);
	if (error)
		error = pthread_create(&watch->thread, NULL, follow, watch);
	watch->runs = !error;
	return -error;
}

bool rtc_watch__works(struct rtc_watch *watch)
{
	bool works;

	pthread_mutex_lock(&watch->lock);
	works = watch->works;
	pthread_mutex_unlock(&watch->lock);
	return works;
}

bool rtc_watch__take(struct rtc_watch *watch, struct rtc_step *ret)
{
	bool found;

	pthread_mutex_lock(&watch->lock);
	found = watch->taken != watch->count;
	if (found)
		*ret = watch->steps[watch->taken++ % STEPS];
	pthread_mutex_unlock(&watch->lock);
	return found;
}

static void stop(struct rtc_watch *watch)
{
	if (!watch->runs)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->stop = true;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
	pthread_join(watch->thread, NULL);
	watch->runs = false;
}

void rtc_watch__finish(struct rtc_watch *watch, int64_t longest_ns)
{
	struct timespec until = timespec_of(clock_ns(CLOCK_MONOTONIC) + longest_ns);
	struct rtc_step step;
	int error = 0;

	if (!watch->runs)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->hurry = true;
	pthread_cond_broadcast(&watch->changed);
	while (!error && (watch->hurry || watch->follow.stepped))
		error = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
	pthread_mutex_unlock(&watch->lock);
	stop(watch);
	if (rtc_follow__unfinished(&watch->follow, &step))
		keep(watch, &step);
	watch->follow.stepped = false;
}

void rtc_watch__close(struct rtc_watch *watch)
{
	if (!watch)
		return;
	stop(watch);
	close(watch->fd);
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}
