// Roles that several scenarios share: how a process spends its time.
#ifndef WHYSTALL_LAB_WORK_H
#define WHYSTALL_LAB_WORK_H

#include <pthread.h>
#include <stdint.h>

#include "lab.h"

static inline int64_t work__clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Pure computation without system calls, about 10 µs on a CPU of the 2020s.
static inline void work__compute(void)
{
	for (volatile int i = 0; i < 5000; i++)
		;
}

// Uses busy_us of CPU time, however long that takes: the demand stays the same when the CPU is scarce.
static inline void work__use_cpu(long busy_us)
{
	int64_t end = work__clock_ns(CLOCK_THREAD_CPUTIME_ID) + busy_us * 1000LL;
	while (work__clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		work__compute();
}

// Sleeps until *next, then moves *next on by one period. A period that has passed already is dropped, not caught up:
// a backlog would turn a short disturbance into a long one.
static inline void work__pace(int64_t *next, long period_us)
{
	int64_t now = work__clock_ns(CLOCK_MONOTONIC);
	if (*next < now)
		*next = now;
	struct timespec until = { *next / 1000000000LL, *next % 1000000000LL };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	*next += period_us * 1000LL;
}

// Computes for ever.
static inline void work__spin(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	for (;;)
		work__compute();
}

// Computes for busy_us of wall time, then sleeps until the period is over: a share of one CPU that never grows.
static inline void work__pulse(int fd, long busy_us, long period_us)
{
	(void)fd;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		work__pace(&next, period_us);
		int64_t end = work__clock_ns(CLOCK_MONOTONIC) + busy_us * 1000LL;
		while (work__clock_ns(CLOCK_MONOTONIC) < end)
			work__compute();
	}
}

// Sleeps for ever.
static inline void work__sleep(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	for (;;)
		pause();
}

// A server: each request costs busy_us of CPU time. Ends when the client is gone.
static inline void work__serve(int fd, long busy_us, long period_us)
{
	char request;
	(void)period_us;
	while (read(fd, &request, 1) == 1) {
		work__use_cpu(busy_us);
		if (write(fd, &request, 1) != 1)
			break;
	}
}

// A client: one request each period, or as soon as the answer is there with period 0; busy_us of its own work after it.
static inline void work__ask(int fd, long busy_us, long period_us)
{
	char answer = 0;
	int64_t next = work__clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		if (period_us)
			work__pace(&next, period_us);
		if (write(fd, &answer, 1) != 1 || read(fd, &answer, 1) != 1)
			return;
		if (busy_us)
			work__use_cpu(busy_us);
	}
}

// Starts `count` threads with the same body and argument, which name themselves, then sleeps for ever. Returns only when one
// cannot be started.
static inline void work__crowd(int count, void *(*body)(void *), void *argument)
{
	for (int i = 0; i < count; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, body, argument) != 0)
			return;
		pthread_detach(thread);
	}
	for (;;)
		pause();
}

#define WORK_ROLES \
	{ "spin", work__spin }, { "pulse", work__pulse }, { "sleep", work__sleep }, { "serve", work__serve }, { "ask", work__ask }

#endif
