// Finds the times in which the host did not run this machine, from clocks that do not agree and CPUs that are silent. Pure: it is handed
// what others read. No single way works in every guest, so there are several (who goes on while the guest is stopped differs):
//   scheduler  the kernel's sched_clock stood still while CLOCK_MONOTONIC_RAW went on: clocksource tsc, stopped by QEMU, which gives
//              kvm-clock (the base of sched_clock) back as it was, but leaves the counter running
//   counter    the CPU's counter went on while CLOCK_MONOTONIC_RAW stood still: clocksource kvm-clock, stopped likewise
//   rtc        the real-time clock went on while CLOCK_MONOTONIC_RAW stood still: everything else is stopped, too (emulation, migration)
//   silence    no CPU ran its timer, and the hypervisor counts no stolen time for it: the host suspends the whole process, or all time
//              goes on (no clock is given back)
//   mark       the hypervisor says so itself (PVCLOCK_GUEST_STOPPED); it does not say how long
#ifndef WHYSTALL_COLLECT_PAUSES_H
#define WHYSTALL_COLLECT_PAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pause_detector { PAUSE_SCHEDULER, PAUSE_COUNTER, PAUSE_RTC, PAUSE_SILENCE, PAUSE_MARK, PAUSE_DETECTORS };
const char *pause_detector__words(enum pause_detector detector);

// All clocks at one moment. 0 in `counter` or `scheduler_ns`: not readable.
struct clock_sample {
	int64_t raw_ns, monotonic_ns, boottime_ns, realtime_ns; // CLOCK_…
	int64_t scheduler_ns;           // the kernel's sched_clock, from any zero
	uint64_t counter;               // TSC, CNTVCT
	int64_t spread_ns;              // how long the reading took: no two of them are further apart
};

struct pause_found {
	// "pause": CLOCK_MONOTONIC went on meanwhile. "freeze": it stood still, so that the guest's own time lacks it. "silence": one CPU alone,
	// or not told from a kernel that had interrupts off. "suspend": the guest itself slept. "clock_step": CLOCK_REALTIME was set.
	const char *kind;
	int64_t start_ns, end_ns;       // CLOCK_MONOTONIC; of a freeze both are the same moment
	int64_t at_ns;                  // how far off these may be
	int64_t ns, bound_ns;           // how long, and how wrong that may be; 0: nobody knows. clock_step: negative backwards
	int cpu;                        // silence of one CPU; else -1
	unsigned detectors;             // bits 1 << enum pause_detector
};

struct pauses;
struct pauses *pauses__new(int cpus, int64_t beat_ns);
void pauses__free(struct pauses *pauses);

// In order of time each; among each other up to about 100 ms late.
void pauses__sample(struct pauses *pauses, const struct clock_sample *sample);
// The real-time clock could be read; between these moments it went ahead of CLOCK_MONOTONIC_RAW by so much (nothing: NULL). Not because
// somebody set it.
struct rtc_step;
void pauses__rtc(struct pauses *pauses, const struct rtc_step *step);
// A CPU's timer did not run from start to end.
void pauses__gap(struct pauses *pauses, int cpu, int64_t start_ns, int64_t end_ns, int64_t steal_ns);
// That CPU's last beat, as known when its gaps had been handed over.
void pauses__beat(struct pauses *pauses, int cpu, int64_t last_ns);
void pauses__mark(struct pauses *pauses, int64_t monotonic_ns);
// A thread of ours wakes often enough (every beat) to be a witness; from start to end it did not. The heartbeat alone is none: on an idle CPU
// without ticks the kernel throttles it (perf_event_max_sample_rate, counted by the tick).
void pauses__witnessed(struct pauses *pauses);
void pauses__witness_gap(struct pauses *pauses, int64_t start_ns, int64_t end_ns);
// The kernel did something at this moment (wrote to its log): it was not stopped.
void pauses__alive(struct pauses *pauses, int64_t monotonic_ns);

// Everything found so far, sorted by time; changes nothing. Owned by the caller.
struct pause_found *pauses__find(const struct pauses *pauses, size_t *ret_count);
// Whether a detector has had what it needs.
bool pauses__works(const struct pauses *pauses, enum pause_detector detector);
// Steps, silences and gaps that were left out, because there were too many.
int64_t pauses__left_out(const struct pauses *pauses);

#endif
