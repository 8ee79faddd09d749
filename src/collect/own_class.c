#include "collect/own_class.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#define FLAG_RESET_ON_FORK 1
// A backstop behind the lifter, for SCHED_FIFO only: the kernel ends a process of ours that runs for so long without ever sleeping.
#define ENDLESS_US (10 * 1000 * 1000)

const struct own_budget own_budget_lifter = { NS_PER_MSEC, 10 * NS_PER_MSEC };
const struct own_budget own_budget_loop = { 10 * NS_PER_MSEC, 50 * NS_PER_MSEC };
const struct own_budget own_budget_lift = { 14 * NS_PER_MSEC, 20 * NS_PER_MSEC };
const struct own_budget own_budget_half = { 10 * NS_PER_MSEC, 20 * NS_PER_MSEC };
const struct own_budget own_budget_help = { 4 * NS_PER_MSEC, 20 * NS_PER_MSEC };
const struct own_budget own_budget_errand = { NS_PER_MSEC, 20 * NS_PER_MSEC };

// include/uapi/linux/sched/types.h, first version. Of our own, because newer C libraries declare it in another header.
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

const char *own_class__name(enum own_class own)
{
	static const char *const names[] = { "ordinary", "fifo", "deadline" };

	return names[own];
}

static int set(pid_t thread, const struct attributes *attributes)
{
	return syscall(SYS_sched_setattr, thread, attributes, 0) ? -errno : 0;
}

// The nice value is kept for a thread of any class; getpriority's -1 is a value, too.
static int32_t nice_of(pid_t thread)
{
	return getpriority(PRIO_PROCESS, (id_t)thread);
}

enum own_class own_class__take_deadline(pid_t thread, const struct own_budget *budget)
{
	struct attributes attributes = { .size = sizeof(attributes), .policy = SCHED_DEADLINE, .flags = FLAG_RESET_ON_FORK,
		.runtime = budget->runtime_ns, .deadline = budget->period_ns, .period = budget->period_ns };

	return set(thread, &attributes) ? OWN_CLASS_ORDINARY : OWN_CLASS_DEADLINE;
}

enum own_class own_class__take_fifo(pid_t thread, int fifo_below_top)
{
	struct attributes fifo = { .size = sizeof(fifo), .policy = SCHED_FIFO, .flags = FLAG_RESET_ON_FORK,
		.priority = (uint32_t)(sched_get_priority_max(SCHED_FIFO) - fifo_below_top) };
	const struct rlimit endless = { ENDLESS_US, ENDLESS_US };

	// A child that has become another user (isolate/sandbox.h) is refused that limit; its own one of CPU time is lower.
	if ((prlimit(thread, RLIMIT_RTTIME, &endless, NULL) && errno != EPERM) || set(thread, &fifo))
		return OWN_CLASS_ORDINARY;
	return OWN_CLASS_FIFO;
}

enum own_class own_class__take(pid_t thread, const struct own_budget *budget, int fifo_below_top)
{
	if (own_class__take_deadline(thread, budget) == OWN_CLASS_DEADLINE)
		return OWN_CLASS_DEADLINE;
	return own_class__take_fifo(thread, fifo_below_top);
}

int own_class__leave(pid_t thread)
{
	const struct attributes attributes = { .size = sizeof(attributes), .policy = SCHED_OTHER, .flags = FLAG_RESET_ON_FORK,
		.nice = nice_of(thread) };
	struct own_setting setting = { 0 };

	if (!thread && !own_class__read(0, &setting) && setting.policy == SCHED_DEADLINE)
		sched_yield();
	return set(thread, &attributes);
}

int own_class__read(pid_t thread, struct own_setting *ret)
{
	struct attributes attributes = { .size = sizeof(attributes) };

	if (syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0))
		return -errno;
	*ret = (struct own_setting){ attributes.policy, attributes.priority, { attributes.runtime, attributes.period } };
	return 0;
}
