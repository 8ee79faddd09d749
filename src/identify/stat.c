#include "identify/stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define PF_KTHREAD 0x00200000   // include/linux/sched.h

int stat__parse(const char *line, long ticks_per_second, struct stat_facts *ret)
{
	// The name may hold anything, parentheses and spaces too: it ends at the last ")".
	const char *open = strchr(line, '('), *close = strrchr(line, ')');
	int64_t parent;
	uint64_t flags, start;

	if (!open || !close || close < open || ticks_per_second <= 0)
		return -EINVAL;
	// After the name: state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime
	// priority nice threads itrealvalue starttime.
	if (sscanf(close + 1, " %*c %" SCNd64 " %*d %*d %*d %*d %" SCNu64 " %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &parent, &flags, &start) != 3)
		return -EINVAL;
	size_t length = (size_t)(close - open - 1);
	if (length >= sizeof(ret->name))
		length = sizeof(ret->name) - 1;
	memcpy(ret->name, open + 1, length);
	ret->name[length] = '\0';
	ret->parent_pid = parent;
	ret->kernel_thread = flags & PF_KTHREAD;
	ret->start_ns = (int64_t)(start * (NS_PER_SEC / (uint64_t)ticks_per_second));
	return 0;
}

// Probes give the exact start, /proc one that is rounded down to a tick; two ticks are too short for a number to come round.
bool stat__is_process(int64_t pid, int64_t start_ns)
{
	long ticks_per_second = sysconf(_SC_CLK_TCK);
	int64_t tolerance_ns = 2 * (int64_t)NS_PER_SEC / ticks_per_second;
	cleanup_free char *path = base__format("/proc/%lld/stat", (long long)pid), *text = NULL;
	struct stat_facts facts;

	return base__read_file(path, 4096, &text) > 0 && !stat__parse(text, ticks_per_second, &facts) &&
	       (!start_ns || llabs(facts.start_ns - start_ns) < tolerance_ns);
}
