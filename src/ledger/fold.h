// How the kernel makes one total= of all CPUs' counters, repeated from a recording's fold rows.
#ifndef WHYSTALL_FOLD_H
#define WHYSTALL_FOLD_H

#include "recording/folding.h"
#include "recording/recording.h"

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

// collect_percpu_times() (Linux kernel/sched/psi.c, 5.15 to 6.18): each fold adds sum(counter * weight) / max(sum(weight), 1),
// an integer division, where weight is the CPU's nonidle time in whole jiffies. Folds that the recorder summed up (fold_sum_row) are added as they are.
void folds__make(const struct recording *recording, struct folds *ret_folds);
void folds__free(struct folds *folds);
// NULL if no fold of this cgroup was recorded.
const struct fold_total *folds__total(const struct folds *folds, int64_t cgroup);
// The part of this CPU's time that reached the cgroup's total, 0…1; 0 if it had none.
double folds__factor(const struct folds *folds, int64_t cgroup, int64_t cpu, enum fold_counter counter);

#endif
