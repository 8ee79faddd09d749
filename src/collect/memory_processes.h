// How much memory each process holds and how much it grew, from /proc/PID/statm and stat. Neither takes the process' mmap_lock.
#ifndef WHYSTALL_COLLECT_MEMORY_PROCESSES_H
#define WHYSTALL_COLLECT_MEMORY_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_process {
	int64_t pid, start_ticks;       // field 22 of stat: tells a pid from its successor's
	int64_t anonymous_bytes;        // resident pages that belong to no file and no shared memory
	int64_t swap_bytes;             // 0 where no swap was in use
	int64_t major_faults;
};
struct memory_processes { struct memory_process *all; size_t count; bool swap; };

// `swap`: reads VmSwap of /proc/PID/status too. Kernel threads are left out; sorted by pid. Free with memory_processes__free.
struct memory_processes *memory_processes__read(bool swap);
void memory_processes__free(struct memory_processes *processes);
// The same process in an earlier reading; NULL: it was not there, or another one had the pid.
const struct memory_process *memory_processes__find(const struct memory_processes *processes, const struct memory_process *process);
// The fields of a stat line; false: odd text or a kernel thread.
bool memory_processes__parse_stat(const char *line, struct memory_process *ret);

#endif
