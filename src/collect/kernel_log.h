// The kernel's own complaints: which lines of its log are warnings of stalls, and which belong together. Pure: it is handed records as
// /dev/kmsg gives them (Documentation/ABI/testing/dev-kmsg). They may hold anything; only what the kernel itself wrote counts.
#ifndef WHYSTALL_COLLECT_KERNEL_LOG_H
#define WHYSTALL_COLLECT_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_record {
	int facility, level;            // facility 0: the kernel; user space can't write that one
	uint64_t sequence, time_us;     // time: sched_clock
	char text[1024];                // one line, escapes undone, control characters as spaces
};
// Returns false for what is no record. `size`: without a terminating NUL.
bool log_record__parse(const char *bytes, size_t size, struct log_record *ret);

#define LOG_TEXT_LIMIT 4096     // of one warning
#define LOG_WARNINGS_LIMIT 256
struct kernel_warning {
	const char *kind;               // rcu_stall soft_lockup hard_lockup workqueue_lockup hung_task oom_kill clock_unstable timer_late
	uint64_t time_us;               // sched_clock of its first line
	int64_t received_ns;            // what kernel_log__add was told
	int cpu;                        // that it is about; -1 unknown
	int64_t tid;                    // task that it is about or that was on that CPU; 0 unknown
	char task[64];                  // and its name
	double seconds;                 // how long it had lasted, where the text says so in seconds; else 0
	int64_t jiffies;                // or in jiffies; else 0
	char *text;                     // its lines, owned
};

struct kernel_log;
struct kernel_log *kernel_log__new(void);
void kernel_log__free(struct kernel_log *log);
// Records in order. `received_ns` is kept for the warning that it begins.
void kernel_log__add(struct kernel_log *log, const struct log_record *record, int64_t received_ns);
const struct kernel_warning *kernel_log__warnings(const struct kernel_log *log, size_t *ret_count);
// Warnings for which there was no room.
int64_t kernel_log__dropped(const struct kernel_log *log);

#endif
