// The arithmetic of a fold: how the kernel makes one total= of all CPUs' counters. Recorder and report share it: the recorder sums up single folds
// (fold_row) where there are many (fold_sum_row), the report repeats the single ones.
#ifndef WHYSTALL_FOLDING_H
#define WHYSTALL_FOLDING_H

#include "recording/recording.h"

// PSI's counters of a CPU that are recorded at each fold. The kernel folds all of them with the same weights.
enum fold_counter { FOLD_CPU_SOME, FOLD_IO_SOME, FOLD_IO_FULL, FOLD_MEMORY_SOME, FOLD_MEMORY_FULL, FOLD_COUNTERS };

// What one CPU's counter gave to the total. In ns.
struct fold_part {
	double metered_ns;      // the CPU's own counter
	double counted_ns;      // what of it reached the total: counter * weight / sum of weights
	double wrapped_ns;      // what would have, with differences of 32 bits, as the kernel takes them: another figure only where a fold came late
};

// "io", "full": the counter that a total of this name is made of; FOLD_COUNTERS if it is none of them.
enum fold_counter fold_counter__find(const char *resource, const char *kind);
// "cpu", "memory", "io".
const char *fold_counter__resource(enum fold_counter counter);
int64_t fold_row__growth(const struct fold_row *row, enum fold_counter counter);
// Where a row that sums up folds keeps the three figures of a counter. It is a fold_part in whole nanoseconds.
struct fold_columns { int64_t *metered_ns, *counted_ns, *wrapped_ns; };
struct fold_columns fold_sum_row__columns(struct fold_sum_row *row, enum fold_counter counter);

// The kernel's ticks a second as a fold can use them: a machine's value, or 250 where it can't be one.
int64_t fold__hz(int64_t hz);
// Nanoseconds in whole jiffies, rounded down, as nsecs_to_jiffies() does (Linux kernel/time/time.c, 5.15 to 6.18).
int64_t fold__jiffies(int64_t ns, int64_t hz);
// One fold, of which `rows` are the CPUs: sets parts[i][counter], what rows[i] gave to it.
void fold__parts(const struct fold_row *const *rows, size_t count, int64_t hz, struct fold_part (*parts)[FOLD_COUNTERS]);

#endif
