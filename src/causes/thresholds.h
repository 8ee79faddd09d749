// The thresholds of all verdicts, in one table, each with its reason.
#ifndef WHYSTALL_THRESHOLDS_H
#define WHYSTALL_THRESHOLDS_H

#include <stddef.h>

enum threshold {
	THRESHOLD_WALL_CONFIRMED, THRESHOLD_WALL_CONTRIBUTING,
	THRESHOLD_LOSS_CONFIRMED, THRESHOLD_LOSS_CONTRIBUTING, THRESHOLD_LOSS_SEVERE,
	THRESHOLD_LOST_SEVERE, THRESHOLD_LOST_LEAST, THRESHOLD_MEAN_WAIT, THRESHOLD_MEAN_WAIT_IDLE, THRESHOLD_BUSY,
	THRESHOLD_HARM, THRESHOLD_HARM_SHARE, THRESHOLD_HARM_MOST, THRESHOLD_RECIPROCITY,
	THRESHOLD_THROTTLED_PERIODS,
	THRESHOLD_FORK_RATE, THRESHOLD_FORK_RATE_LOW, THRESHOLD_KIND_RATE, THRESHOLD_SHORT_LIFE,
	THRESHOLD_STEAL_CONFIRMED, THRESHOLD_STEAL_CONTRIBUTING,
	THRESHOLD_LATENCY_CONFIRMED, THRESHOLD_LATENCY_CONTRIBUTING,
	THRESHOLD_OTHER_PRESSURE, THRESHOLD_GAPS,
	THRESHOLDS
};
struct threshold_row {
	const char *name;
	double value;
	const char *unit;       // "of the window", "ms" …
	const char *causes;     // ids it serves, separated by spaces; "cpu" stands for every cpu cause, "all" for the engine
	const char *reason;
};
extern const struct threshold_row threshold_table[THRESHOLDS];
double threshold__value(enum threshold threshold);

#endif
