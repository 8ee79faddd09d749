// How much memory each process holds, how much it grew and how often it faulted, from /proc/PID/stat and status. Neither takes the process'
// mmap_lock (fs/proc/task_mmu.c: task_mem() reads counters only).
#ifndef WHYSTALL_COLLECT_MEMORY_PROCESSES_H
#define WHYSTALL_COLLECT_MEMORY_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_reading {
	int64_t pid, start_ticks;       // field 22 of stat: tells a pid from its successor's
	int64_t anonymous_bytes;        // resident pages that belong to no file and no shared memory
	int64_t swap_bytes;
	int64_t resident_bytes;         // pages of files included
	int64_t most_bytes;             // the most that were resident at any time so far
	int64_t minor_faults, major_faults; // of all its threads, those that ended included
};
struct memory_processes { struct memory_reading *all; size_t count, left_out; };

#define MEMORY_PROCESSES_MOST 8192      // some 40 us each: more would take longer than the window's ends may

// Kernel threads are left out; sorted by pid. At most `most` are read (counter "memory_processes_left_out"), in the order of /proc: those with the
// highest numbers are left out. Free with memory_processes__free.
struct memory_processes *memory_processes__read(size_t most);
void memory_processes__free(struct memory_processes *processes);
// The same process in an earlier reading; NULL: it was not there, or another one had the pid.
const struct memory_reading *memory_processes__find(const struct memory_processes *processes, const struct memory_reading *process);
// The fields of a stat line; false: odd text or a kernel thread.
bool memory_processes__parse_stat(const char *line, struct memory_reading *ret);
// The fields of a status file; false: it has no memory (a process that is ending).
bool memory_processes__parse_status(const char *text, struct memory_reading *ret);
// Of two readings of one process (before: zeroes where it was started since): the pages that it faulted in without a read, and how much more memory
// than at first was resident at any time between them, as far as the two tell: at least the growth, and more where a new peak was reached.
int64_t memory_reading__faults(const struct memory_reading *before, const struct memory_reading *after);
int64_t memory_reading__kept_bytes(const struct memory_reading *before, const struct memory_reading *after);

#endif
