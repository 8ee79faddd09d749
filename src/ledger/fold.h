// How the kernel makes one total= of all CPUs' counters, repeated from a recording's fold rows.
#ifndef WHYSTALL_FOLD_H
#define WHYSTALL_FOLD_H

#include "recording/recording.h"

// PSI's counters of a CPU that are recorded at each fold. The kernel folds all of them with the same weights.
enum fold_counter { FOLD_CPU_SOME, FOLD_IO_SOME, FOLD_IO_FULL, FOLD_MEMORY_SOME, FOLD_MEMORY_FULL, FOLD_COUNTERS };

// What CPU seconds of one CPU weigh in the totals of one cgroup, over all folds of the window.
struct fold_weight {
	int64_t cgroup, cpu;
	double metered_ns[FOLD_COUNTERS];       // the CPU's own counters
	double counted_ns[FOLD_COUNTERS];       // what of it reached the total: sum over folds of counter * weight / sum of weights
};
// What the folds of one cgroup add up to.
struct fold_total {
	int64_t cgroup;
	double metered_ns[FOLD_COUNTERS];       // all CPUs' own counters
	double predicted_ns[FOLD_COUNTERS];     // what the kernel's total should have grown by
	double wrapped_ns[FOLD_COUNTERS];       // the same with differences of 32 bits, as the kernel takes them: less only where a fold came late
	int64_t folds, foreign_folds;           // how many there were; and of these not our own: the kernel's worker, other readers
	int64_t longest_ns;                     // the longest time in which no fold was seen; 0 unknown (older recordings)
};

struct folds {
	struct fold_weight *weights; size_t weight_count;       // by cgroup, CPU
	struct fold_total *totals; size_t total_count;          // by cgroup
};

// Nanoseconds in whole jiffies, rounded down, as nsecs_to_jiffies() does (Linux kernel/time/time.c, 5.15 to 6.18).
int64_t fold__jiffies(int64_t ns, int64_t hz);
// collect_percpu_times() (Linux kernel/sched/psi.c, 5.15 to 6.18): each fold adds sum(counter * weight) / max(sum(weight), 1),
// an integer division, where weight is the CPU's nonidle time in whole jiffies.
void folds__make(const struct recording *recording, struct folds *ret_folds);
void folds__free(struct folds *folds);
// NULL if no fold of this cgroup was recorded.
const struct fold_total *folds__total(const struct folds *folds, int64_t cgroup);
// The part of this CPU's time that reached the cgroup's total, 0…1; 0 if it had none.
double folds__factor(const struct folds *folds, int64_t cgroup, int64_t cpu, enum fold_counter counter);
// "io", "full": the counter that a total of this name is made of; FOLD_COUNTERS if it is none of them.
enum fold_counter fold_counter__find(const char *resource, const char *kind);
// "cpu", "memory", "io".
const char *fold_counter__resource(enum fold_counter counter);

#endif
