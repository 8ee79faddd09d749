// The fields of /proc/PID/stat that say who a process is (proc_pid_stat(5)).
#ifndef WHYSTALL_IDENTIFY_STAT_H
#define WHYSTALL_IDENTIFY_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct stat_facts {
	char name[64];                  // comm as the kernel gives it; of a workqueue's worker with "-WORKQUEUE" behind it
	int64_t parent_pid;
	int64_t start_ns;               // since boot, CLOCK_BOOTTIME, rounded down to a clock tick
	bool kernel_thread;
};

// Parses one line. `ticks_per_second`: sysconf(_SC_CLK_TCK). Returns 0, or -EINVAL with *ret untouched.
int stat__parse(const char *line, long ticks_per_second, struct stat_facts *ret);

// Whether `pid` is still the process that started at `start_ns`: exact, or rounded down to clock ticks, 0: whoever has it.
bool stat__is_process(int64_t pid, int64_t start_ns);

#endif
