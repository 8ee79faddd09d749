#include "collect/clocks.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

#define TRIES 3                 // the reading that took the shortest time counts
#define GOOD_SPREAD_NS (50 * (int64_t)NS_PER_USEC)

struct clocks {
	int scheduler;                  // a perf event: its time is the kernel's sched_clock
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static uint64_t counter(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
	return value;
#else
	return 0;
#endif
}

// The time for which a perf event has been enabled is kept in perf_clock(), which is local_clock() on all versions (kernel/events/core.c). An
// event of a CPU, not of a task, for that is enabled all the time.
static int open_scheduler_clock(void)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_DUMMY,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED };

	return (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static int64_t scheduler_ns(int fd)
{
	uint64_t values[2];

	return fd >= 0 && read(fd, values, sizeof(values)) == sizeof(values) ? (int64_t)values[1] : 0;
}

struct clocks *clocks__open(void)
{
	struct clocks *clocks = base__alloc(1, sizeof(*clocks));

	clocks->scheduler = open_scheduler_clock();
	return clocks;
}

void clocks__close(struct clocks *clocks)
{
	if (!clocks)
		return;
	if (clocks->scheduler >= 0)
		close(clocks->scheduler);
	free(clocks);
}

static void read_once(const struct clocks *clocks, struct clock_sample *ret)
{
	int64_t began = clock_ns(CLOCK_MONOTONIC_RAW);

	ret->scheduler_ns = scheduler_ns(clocks->scheduler);
	ret->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	ret->realtime_ns = clock_ns(CLOCK_REALTIME);
	ret->boottime_ns = clock_ns(CLOCK_BOOTTIME);
	ret->raw_ns = clock_ns(CLOCK_MONOTONIC_RAW);
	ret->counter = counter();
	ret->spread_ns = clock_ns(CLOCK_MONOTONIC_RAW) - began;
}

void clocks__read(const struct clocks *clocks, struct clock_sample *ret)
{
	struct clock_sample sample;

	read_once(clocks, ret);
	for (int i = 1; i < TRIES && ret->spread_ns > GOOD_SPREAD_NS; i++) {
		read_once(clocks, &sample);
		if (sample.spread_ns < ret->spread_ns)
			*ret = sample;
	}
}
