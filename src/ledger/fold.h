// How the kernel makes one total= of all CPUs' counters, repeated from a recording's fold rows.
#ifndef WHYSTALL_FOLD_H
#define WHYSTALL_FOLD_H

#include "recording/recording.h"

// What CPU seconds of one CPU weigh in the total of one cgroup, over all folds of the window.
struct fold_weight {
	int64_t cgroup, cpu;
	double some_ns;                 // the CPU's own counter
	double counted_ns;              // what of it reached the total: sum over folds of some * weight / sum of weights
};
// What the folds of one cgroup add up to.
struct fold_total { int64_t cgroup; double predicted_ns; };

struct folds {
	struct fold_weight *weights; size_t weight_count;       // by cgroup, CPU
	struct fold_total *totals; size_t total_count;          // by cgroup
};

// Nanoseconds in whole jiffies, rounded down, as nsecs_to_jiffies() does (Linux kernel/time/time.c, 5.15 to 6.18).
int64_t fold__jiffies(int64_t ns, int64_t hz);
// collect_percpu_times() (Linux kernel/sched/psi.c, 5.15 to 6.18): each fold adds sum(some * weight) / max(sum(weight), 1),
// an integer division, where weight is the CPU's nonidle time in whole jiffies.
void folds__make(const struct recording *recording, struct folds *ret_folds);
void folds__free(struct folds *folds);
// NULL if no fold of this cgroup was recorded.
const struct fold_total *folds__total(const struct folds *folds, int64_t cgroup);
// The part of this CPU's time that reached the cgroup's total, 0…1; 0 if it had none.
double folds__factor(const struct folds *folds, int64_t cgroup, int64_t cpu);

#endif
