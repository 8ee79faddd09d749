// The state behind pauses.h: pauses.c feeds it, pauses_find.c makes the list of what was found.
#ifndef WHYSTALL_COLLECT_PAUSES_PRIVATE_H
#define WHYSTALL_COLLECT_PAUSES_PRIVATE_H

#include "base/base.h"
#include "collect/pauses.h"

#define RTC_LEAST_NS (60 * (int64_t)NS_PER_MSEC)       // of a step of the real-time clock: four times what it is measured to
#define RATES 16

// One clock went on for longer than the other between two samples.
struct sighting { enum pause_detector detector; int64_t start_ns, end_ns, ns, bound_ns; };
struct gap { int cpu; int64_t start_ns, end_ns, steal_ns; bool used; };

// Two clocks compared. A step counts when it lasts: a reading that was off comes back with the next one.
struct comparison {
	double offset_ns;               // of all intervals so far
	bool open;                      // a step that is watched …
	double before_ns;               // … with the offset before it
	int seen;
	struct sighting step;
};

struct pauses {
	int cpus;
	int64_t beat_ns;
	struct clock_sample last, before_last;
	int samples;                    // 0, 1, 2: how many of the two are there
	double rates[RATES];            // counter ticks in a nanosecond of CLOCK_MONOTONIC_RAW
	size_t rate_count;
	struct comparison scheduler, counter;
	struct sighting *sightings; size_t sighting_count, sighting_capacity;
	struct pause_found *others; size_t other_count, other_capacity; // suspends and clock steps
	bool rtc_works, scheduler_works, counter_works, mark_seen, beats_work;
	struct gap *gaps; size_t gap_count, gap_capacity;
	int64_t *last_beats;
	bool witnessed;
	struct gap *witness; size_t witness_count, witness_capacity;
	int64_t *alive; size_t alive_count, alive_capacity;
	int64_t *marks; size_t mark_count, mark_capacity;
	int64_t left_out;               // that found no place
};

// Judges what the last samples leave open, as if nothing came after them.
void pauses__settle(struct pauses *pauses);

#endif
