#include "identify/stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
